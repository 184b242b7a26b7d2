"""Data: sets by name, folders of pictures, arrays; their files read with care; batches in a keyed order."""

from . import augment as augment
from .batches import batches as batches
from .batches import epoch_order as epoch_order
from .dataset import Dataset as Dataset
from .dataset import as_dataset as as_dataset
from .dataset import as_images as as_images
from .drawn import drawn_digit as drawn_digit
from .idx import read_idx as read_idx
from .input_files import read_inputs as read_inputs
from .pictures import prepare_picture as prepare_picture
from .pictures import read_picture as read_picture
from .preparation import Preparation as Preparation
from .split import split as split
from .split import split_indices as split_indices
