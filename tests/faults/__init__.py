"""Trainings under faults: kills, signals, full and broken disks, power cuts, damaged files. See ``__main__``."""
