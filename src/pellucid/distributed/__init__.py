"""Training by several processes, on one machine or many, through MPI.

`mpi` has the ranks, `exchange` how they wait for each other, `roll_call` what they say beside that. `job` makes this
process one of them; `launch` starts all on this machine, and `onlooker` looks on from outside until they have met.
"""
