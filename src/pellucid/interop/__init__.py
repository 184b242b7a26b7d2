"""Between Pellucid and other libraries: their files, and their names for the same things.

Each is a module of its own, so that a program loads only what it uses.
"""
