"""The version, known without asking the installed package's metadata."""

VERSION = "0.1.0"
