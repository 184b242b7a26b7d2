"""Training a network, and what it leaves behind."""

from .callbacks import Callback as Callback
from .callbacks import on_batch as on_batch
from .callbacks import on_epoch as on_epoch
from .fit import fit as fit
from .history import History as History
from .keeping import EarlyStopping as EarlyStopping
from .keeping import KeepBest as KeepBest
from .resume import resume as resume
from .state import Settings as Settings
from .state import Training as Training
