"""WebAssembly text format to bytes."""

from __future__ import annotations

from workbench.errors import InvalidComponent
from workbench.wasm.capi import wasmtime

__all__ = ["wat_to_bytes"]


def wat_to_bytes(text: str) -> bytes:
    """Assemble WAT. `InvalidComponent` holds the assembler's message, with line and column."""
    try:
        return bytes(wasmtime.wat2wasm(text))
    except wasmtime.WasmtimeError as error:
        raise InvalidComponent(str(error), hint="", reason=str(error)) from None
