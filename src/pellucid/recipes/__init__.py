"""Recipes: a network, data and all settings of a training, with the accuracy that they reach together.

A recipe makes a result that anybody can repeat, and a place to begin from. Its settings were chosen on training images
held out for that; what it reaches was measured afterwards, on the test images. Each is a TOML file in this folder;
`reading` says what may stand in it.
"""

from .catalogue import RECIPES as RECIPES
from .catalogue import by_name as by_name
from .catalogue import load as load
from .reading import read as read
from .recipe import Reached as Reached
from .recipe import Recipe as Recipe
from .running import run as run
