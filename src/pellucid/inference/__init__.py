"""Using a network: what it makes of images (`outputs`), or of any number of files (`files`), and how well it does
(`scoring`)."""

from .files import predict_files as predict_files
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
from .share import Predicted as Predicted
