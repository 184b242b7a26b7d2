"""Sums of random networks, and of known ones: what the formulas give is what the definitions make."""

import sys
from pathlib import Path

import numpy as np
import pytest

import pellucid as p
from fuzz.architectures import Architect
from pellucid.sums.kinds import SUMS

sys.path.insert(0, str(Path(__file__).parent))
from checking import check_all
