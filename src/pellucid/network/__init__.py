"""Networks: layers one after the other, or in a graph. A network is itself a layer."""

from .base import Network as Network
from .base import NetworkOptions as NetworkOptions
from .graph import Graph as Graph
from .sequential import Item as Item
from .sequential import Sequential as Sequential
