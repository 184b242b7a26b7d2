"""What pages and docstrings import is imported here where it changes the environment: scikit-learn sets variables for
its thread pools, and no test may."""

import sklearn  # noqa: F401
