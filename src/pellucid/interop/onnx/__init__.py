"""ONNX, the format in which libraries hand trained networks to each other and to runtimes."""

from .reading import load_onnx as load_onnx
from .writing import onnx_bytes as onnx_bytes
from .writing import save_onnx as save_onnx
