"""Fuzzing: whatever the bytes are, a decoder returns a value or raises its documented error.

`targets/` names what is fuzzed, `corpus/<target>.txt` holds inputs worth keeping, one bytes
literal a line. `python -m tests.fuzz` runs the targets for a while, guided by coverage where
atheris is installed and with plain mutations elsewhere; `test_corpus.py` runs what is kept.
"""
