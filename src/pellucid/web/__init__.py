"""A page in the browser that shows what every layer of a network does, to the last sum.

`view` opens it. All numbers are computed here, by the library; the page draws them. Needs the extra ``[web]``.
"""

from .server import view as view
