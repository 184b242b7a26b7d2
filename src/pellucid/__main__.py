"""Lets ``python -m pellucid`` do what ``pellucid`` does."""

from .cli import main

if __name__ == "__main__":
    main()
