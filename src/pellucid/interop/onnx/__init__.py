"""ONNX, the format in which libraries hand trained networks to each other and to runtimes."""

from .reading import load_onnx as load_onnx
