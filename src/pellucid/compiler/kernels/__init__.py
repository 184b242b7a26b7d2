"""The kernels: for each native kind the emitter of the same name, in the family's file as in `definitions`.

Activations are NHWC here and weights packed (see `packing`); whoever calls a kernel sees to it.
"""
