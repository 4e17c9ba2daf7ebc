"""The wasm frames of a trap, as a person reads them: demangled, without the panic machinery."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from workbench.wasm.capi import WasmError

__all__ = ["frames_of", "telling_frames"]

_FRAME = re.compile(r"^\s*\d+:\s+0x([0-9a-f]+) - (?:(.*?)!)?(.*)$", re.MULTILINE)
# Rust tells equal names apart by a hash: nothing that a reader could use.
_HASH = re.compile(r"::h[0-9a-f]{16}\b|\[[0-9a-f]{12,16}\](?=::|$)")
_MACHINERY = re.compile(
    r"(?:abort|_?_?mozalloc_abort|__rustc::|__rust_|rust_begin_unwind|rust_panic"
    r"|std::(?:panicking|process::abort|sys::|rt::|alloc::)|core::(?:panicking|option::\w*failed"
    r"|result::\w*failed|slice::index::\w*fail)|alloc::(?:alloc|raw_vec)::handle"
    r"|__wasilibc|(?:_start|__main_void|__original_main)(?= in | @|$)|wit_dylib_)"
)


def frames_of(error: WasmError) -> list[str]:
    """The frames, innermost first, as ``function in module @ 0x…``.

    wasmtime demangles Rust and C++ names in its text only, not in the frames of its interface.
    """
    head = error.text.partition("Caused by:")[0]
    frames = [_frame(*found) for found in _FRAME.findall(head)]
    return frames if len(frames) >= len(error.backtrace) else list(error.backtrace)


def _frame(offset: str, module: str, function: str) -> str:
    function = _HASH.sub("", function)
    unnamed = re.fullmatch(r"<wasm function (\d+)>", function)
    if unnamed:
        function = f"function {unnamed[1]}"
    where = f" in {module}" if module and module != "<unknown>" else ""
    return f"{function}{where} @ 0x{offset}"


def telling_frames(frames: Sequence[str]) -> list[str]:
    """Without the frames in which a runtime ends itself or begins a program; all if none is left."""
    return [frame for frame in frames if not _MACHINERY.match(frame)] or list(frames)
