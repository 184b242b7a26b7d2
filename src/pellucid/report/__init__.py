"""A network and its training on one page, and as plots.

`plots` draws figures of matplotlib; `save_report` writes the page. matplotlib is loaded when something is drawn.
"""

from . import plots as plots
from .writing import html_report as html_report
from .writing import save_report as save_report
