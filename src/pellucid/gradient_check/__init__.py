"""check_gradients: what a layer's ``backward`` says, held against differences of its ``forward``.

``∂L/∂w ≈ (L(w + h) − L(w − h)) / 2h``, L = Σ r·forward(x) with fixed random weights r, all in float64

`function` is L, which may be moved; `check` compares, tensor by tensor; `report` is what is shown.
"""

from .check import check_gradients as check_gradients
from .report import GradientCheck as GradientCheck
from .report import GradientReport as GradientReport
