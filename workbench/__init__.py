"""wasmCloud workbench: a notebook kernel as a full member of a wasmCloud v1 lattice."""
