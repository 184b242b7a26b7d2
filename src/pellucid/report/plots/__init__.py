"""Plots of networks and of what they do, as figures of matplotlib. Public as ``pellucid.plots``.

Each function returns a figure, which a notebook shows and ``savefig`` writes. Needs matplotlib:
``pip install '.[plot]'``; nothing of it is loaded before.
"""

from .classes import calibration as calibration
from .classes import confusion as confusion
from .classes import mistakes as mistakes
from .explained import grad_cam as grad_cam
from .explained import occlusion as occlusion
from .explained import receptive_field as receptive_field
from .explained import saliency as saliency
from .inside import feature_maps as feature_maps
from .inside import filters as filters
from .training import curves as curves
