"""A network as a table: sizes, parameters, multiply-adds, receptive fields."""

from .summary import Row as Row
from .summary import Summary as Summary
from .summary import Totals as Totals
from .summary import summary as summary
