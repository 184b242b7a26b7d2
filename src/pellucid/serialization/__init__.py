"""Networks in files: `save` and `load`. (`load_weights` reads other libraries' files too: see `interop.weights`.)"""

from .fitting import Differences as Differences
from .model_file import from_bytes as from_bytes
from .model_file import load as load
from .model_file import save as save
from .model_file import to_bytes as to_bytes
