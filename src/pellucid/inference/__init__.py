"""Using a network: what it makes of images (`outputs`), and how well it does (`scoring`)."""

from .outputs import activations as activations
from .outputs import predict as predict
from .outputs import predict_classes as predict_classes
from .outputs import predict_proba as predict_proba
from .scoring import Measured as Measured
from .scoring import Tally as Tally
from .scoring import evaluate as evaluate
from .scoring import gradients as gradients
from .scoring import measured as measured
from .scoring import scores as scores
