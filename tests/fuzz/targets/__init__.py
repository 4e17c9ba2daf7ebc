"""One module for each room that is fuzzed; each lists its targets as ``TARGETS``."""
