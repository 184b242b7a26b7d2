"""Where a number comes from: any number inside a network, as the sum that it is.

`trace` runs a network on one image with the definitions and keeps every number. Of each of them it then tells what it
was made of: a convolution's patch and kernel, a maximum's window, a class's share. There is one function a kind of
step, in files as those of `definitions`; `kinds.SUMS` lists them. Everything here is NumPy arrays and plain data.
"""

from .made import Terms as Terms
from .sum import Sum as Sum
from .trace import Trace as Trace
from .trace import trace as trace
from .walk import WalkStep as WalkStep
