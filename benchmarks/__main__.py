"""The command line: ``python -m benchmarks lenet|mnist99|inference|layers|coldstart``."""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path

from benchmarks import coldstart, inference, layers, lenet, mnist99
from benchmarks.harness import Result, Rules, hold, starter
from benchmarks.report import as_json, markdown
from benchmarks.run import Run
from benchmarks.workers import PEERS_VARIABLE, Environments
