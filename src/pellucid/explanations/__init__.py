"""Why a network says what it says: which pixels a score depends on, by gradients and by covering parts of the image.

Everything here is NumPy arrays in, NumPy arrays out; `report.plots` draws them.
"""

from .agreement import rank_correlation as rank_correlation
from .counterfactual import Counterfactual as Counterfactual
from .counterfactual import counterfactual as counterfactual
from .field import receptive_field as receptive_field
from .grad_cam import grad_cam as grad_cam
from .grad_cam import grad_cam_layer as grad_cam_layer
from .occlusion import occlusion as occlusion
from .occlusion import occlusion_patch as occlusion_patch
from .occlusion import occlusion_stride as occlusion_stride
from .placing import field_of_layer as field_of_layer
from .placing import over_image as over_image
from .randomised import learnt_layers as learnt_layers
from .randomised import randomised as randomised
from .saliency import saliency as saliency
from .saliency import score_gradients as score_gradients
from .vector_jacobian import vector_jacobian as vector_jacobian
