"""A page in the browser that shows what every layer of a network does, to the last sum.

`view` opens it, and `Live` while a network trains. All numbers are computed here, by
the library; the page draws them. Needs the extra ``[web]``.
"""

from .live import Live as Live
from .serving.server import view as view
