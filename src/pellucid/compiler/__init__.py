"""From steps of a program to native code: the emitter, the kernels, and what makes them callable."""
