"""Training by several processes, on one machine or many; see `mpi`."""
