"""Pellucid: convolutional networks in pure Python, clear enough to see through.

Layers and networks are classes, what is done with them are functions::

    import pellucid as p

    train, test = p.datasets.digits()
    network = p.models.small()
    p.fit(network, train, epochs=10)
    print(p.evaluate(network, test))
"""

from . import start as start  # before all that takes time

# isort: split
import importlib
import types
import typing

from . import models as models
from .augmented import augmented as augmented
from .build import lower as lower
from .calibration import calibration as calibration
from .data import Dataset as Dataset
from .data import augment as augment
from .data import drawn_digit as drawn_digit
from .errors import ArgumentError as ArgumentError
from .errors import CompilerError as CompilerError
from .errors import DataError as DataError
from .errors import MissingExtraError as MissingExtraError
from .errors import ModelFileError as ModelFileError
from .errors import NonFiniteError as NonFiniteError
from .errors import PellucidError as PellucidError
from .errors import ShapeError as ShapeError
from .errors import StateError as StateError
from .errors import StorageError as StorageError
from .freezing import freeze as freeze
from .freezing import unfreeze as unfreeze
from .geometry import output_size as output_size
from .initializers import Constant as Constant
from .initializers import GlorotNormal as GlorotNormal
from .initializers import GlorotUniform as GlorotUniform
from .initializers import HeNormal as HeNormal
from .initializers import HeUniform as HeUniform
from .initializers import Normal as Normal
from .initializers import Zeros as Zeros
from .layers import ELU as ELU
from .layers import GELU as GELU
from .layers import AdaptiveAvgPool2d as AdaptiveAvgPool2d
from .layers import AdaptiveMaxPool2d as AdaptiveMaxPool2d
from .layers import AvgPool2d as AvgPool2d
from .layers import BatchNorm2d as BatchNorm2d
from .layers import Bias as Bias
from .layers import Clip as Clip
from .layers import Concat as Concat
from .layers import Conv2d as Conv2d
from .layers import ConvTranspose2d as ConvTranspose2d
from .layers import Dropout as Dropout
from .layers import Flatten as Flatten
from .layers import Gain as Gain
from .layers import GroupNorm as GroupNorm
from .layers import HardSigmoid as HardSigmoid
from .layers import HardSwish as HardSwish
from .layers import Layer as Layer
from .layers import LayerNorm as LayerNorm
from .layers import LeakyReLU as LeakyReLU
from .layers import Linear as Linear
from .layers import LocalResponseNorm as LocalResponseNorm
from .layers import LogSoftmax as LogSoftmax
from .layers import MaxPool2d as MaxPool2d
from .layers import Mean as Mean
from .layers import Pad as Pad
from .layers import PadChannels as PadChannels
from .layers import Parameter as Parameter
from .layers import PReLU as PReLU
from .layers import ReLU as ReLU
from .layers import ReLU6 as ReLU6
from .layers import Reshape as Reshape
from .layers import Residual as Residual
from .layers import Sigmoid as Sigmoid
from .layers import SiLU as SiLU
from .layers import Slice as Slice
from .layers import Softmax as Softmax
from .layers import Softplus as Softplus
from .layers import State as State
from .layers import Tanh as Tanh
from .layers import Transpose as Transpose
from .layers import Upsample as Upsample
from .layers import joins as joins
from .losses import CrossEntropy as CrossEntropy
from .losses import MeanSquaredError as MeanSquaredError
from .metrics import accuracy as accuracy
from .metrics import class_scores as class_scores
from .metrics import confusion_matrix as confusion_matrix
from .metrics import top_k_accuracy as top_k_accuracy
from .network import Graph as Graph
from .network import Network as Network
from .network import Sequential as Sequential
from .optimizers import SGD as SGD
from .optimizers import Adam as Adam
from .optimizers import AdamW as AdamW
from .program import Program as Program
from .scaling import IMAGENET_SCALING as IMAGENET_SCALING
from .scaling import Scaling as Scaling
from .summary import summary as summary
from .version import VERSION as _VERSION

if typing.TYPE_CHECKING:
    from . import explanations as explanations
    from . import recipes as recipes
    from . import report as report
    from .data import datasets as datasets
    from .gradient_check import check_gradients as check_gradients
    from .inference import activations as activations
    from .inference import evaluate as evaluate
    from .inference import gradients as gradients
    from .inference import predict as predict
    from .inference import predict_classes as predict_classes
    from .inference import predict_files as predict_files
    from .inference import predict_proba as predict_proba
    from .interop.loggers import MLflow as MLflow
    from .interop.loggers import TensorBoard as TensorBoard
    from .interop.loggers import resume as resume
    from .interop.onnx.reading import load_onnx as load_onnx
    from .interop.onnx.writing import save_onnx as save_onnx
    from .interop.weights import load_weights as load_weights
    from .learning_rates import LearningRates as LearningRates
    from .learning_rates import find_learning_rate as find_learning_rate
    from .report import plots as plots
    from .serialization import load as load
    from .serialization import save as save
    from .snapshot import CompiledNetwork as CompiledNetwork
    from .snapshot import compile as compile
    from .sums import Sum as Sum
    from .sums import Terms as Terms
    from .sums import Trace as Trace
    from .sums import WalkStep as WalkStep
    from .sums.trace import trace as trace
    from .training import Callback as Callback
    from .training import EarlyStopping as EarlyStopping
    from .training import History as History
    from .training import KeepBest as KeepBest
    from .training import on_batch as on_batch
    from .training import on_epoch as on_epoch
    from .training.fit import fit as fit
    from .transfer import pretrained as pretrained

__version__ = _VERSION

_MODULES = {"augment", "datasets", "explanations", "joins", "models", "plots", "recipes", "report"}

# What most programs use only a part of is loaded when it is first asked for: module -> its names, as imported above.
_LATER: dict[str, tuple[str, ...]] = {
    "data.datasets": ("datasets",),
    "explanations": (),
    "gradient_check": ("check_gradients",),
    "inference": (
        "activations",
        "evaluate",
        "gradients",
        "predict",
        "predict_classes",
        "predict_files",
        "predict_proba",
    ),
    "interop.loggers": ("MLflow", "TensorBoard", "resume"),
    "interop.onnx.reading": ("load_onnx",),
    "interop.onnx.writing": ("save_onnx",),
    "interop.weights": ("load_weights",),
    "learning_rates": ("LearningRates", "find_learning_rate"),
    "recipes": (),
    "report": ("plots",),
    "serialization": ("load", "save"),
    "snapshot": ("CompiledNetwork", "compile"),
    "sums": ("Sum", "Terms", "Trace", "WalkStep"),
    "sums.trace": ("trace",),
    "training": ("Callback", "EarlyStopping", "History", "KeepBest", "on_batch", "on_epoch"),
    "training.fit": ("fit",),
    "transfer": ("pretrained",),
}


def __getattr__(name: str) -> typing.Any:
    """Load what is needed at the first need: a module of `_LATER`, or the one that has the name."""
    if name == "__all__":
        return [each for each in __dir__() if not each.startswith("__")]
    home = name if name in _LATER else next((module for module, names in _LATER.items() if name in names), None)
    if home is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    module = importlib.import_module(f".{home}", __name__)
    globals()[name] = getattr(module, name, module)
    return globals()[name]


def __dir__() -> list[str]:
    """Return the public names: without the modules of which the package is made, which it has as attributes too."""
    private = {name for name in globals() if name.startswith("_") and not name.startswith("__")}
    inner = {name for name, value in globals().items() if isinstance(value, types.ModuleType)}
    later = {name for names in _LATER.values() for name in names}
    return sorted(({*globals()} - private - inner) | _MODULES | later)
