"""Random kernels and random networks, compiled, against the definitions in float64."""
