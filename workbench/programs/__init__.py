"""Drop-in programs: the flags and variables of the real ones, in front of our own rooms.

A program reads its arguments, connects, and runs one part until a signal comes. Nothing else of
the workbench imports from here but the command line.
"""
