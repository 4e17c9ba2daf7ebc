"""WASI 0.2 in Python: one class for each interface, found by `find`.

Ours and not wasmtime's, because requests for ``wasi:http`` are made by the host and resources
can't be shared with wasmtime's own WASI (ARCHITECTURE §5).
"""

from workbench.wasm.wasi import (
    cli,
    clocks,
    filesystem,
    http_outgoing,
    http_types,
    io,
    random,
    sockets,
)
from workbench.wasm.wasi.table import WasiInterface, find

__all__ = [
    "WasiInterface",
    "cli",
    "clocks",
    "filesystem",
    "find",
    "http_outgoing",
    "http_types",
    "io",
    "random",
    "sockets",
]
