"""ONNX, the format in which libraries hand trained networks to each other and to runtimes.

`reading` makes networks of models, `writing` models of networks.
"""

OPSET = 17
"""Version of the operators that is written by default: runtimes since 2022 read it, and no newer one changes what the
operators used here mean."""
