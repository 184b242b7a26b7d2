"""Between Pellucid and other libraries: their files, and their names for the same things.

Weights are at hand here; ONNX, loggers and estimators are modules that a program loads where it uses them.
"""

from .weights import WeightsFile as WeightsFile
from .weights import load_weights as load_weights
from .weights import open_weights as open_weights
