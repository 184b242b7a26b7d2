"""Between Pellucid and other libraries: their files, and their names for the same things."""

from . import loggers as loggers
from .known_models import fitting_models as fitting_models
from .mlflow import MLflow as MLflow
from .onnx import load_onnx as load_onnx
from .onnx import save_onnx as save_onnx
from .tensorboard import TensorBoard as TensorBoard
from .weights import WeightsFile as WeightsFile
from .weights import load_weights as load_weights
from .weights import open_weights as open_weights
