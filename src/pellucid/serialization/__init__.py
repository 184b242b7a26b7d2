"""Networks in files: `save`, `load` and `load_weights`."""

from .model_file import Differences as Differences
from .model_file import load as load
from .model_file import load_weights as load_weights
from .model_file import save as save
