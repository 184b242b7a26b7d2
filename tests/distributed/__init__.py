"""Trainings that several processes share. See ``__main__``."""
