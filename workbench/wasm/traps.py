"""Why a guest stopped, in words: from a wasmtime error to `Trap` or `LimitHit`."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

from workbench.errors import LimitHit, Trap
from workbench.wasm.backtrace import frames_of, telling_frames
from workbench.wasm.capi import WasmError
from workbench.wasm.last_words import LastWords, last_words, without_plumbing

if TYPE_CHECKING:
    from workbench.wasm.store import CallState

__all__ = ["explain"]

_LIMITS = (
    ("all fuel consumed", "fuel", "raise fuel in the limits, or look for an endless loop"),
    ("call stack exhausted", "stack", "look for endless recursion"),
    (
        "too much data is being copied",
        "host_call_data",
        "wasmtime copies at most 128 MiB of values in a call, and each item of a list counts 32 "
        "bytes: send long lists in parts of a million items",
    ),
    ("memory minimum size", "memory", "raise memory_bytes in the limits"),
    ("exceeds memory limits", "memory", "raise memory_bytes in the limits"),
    ("table minimum size", "table_elements", "raise table_elements in the limits"),
    ("instance count too high", "instances", "raise instances in the limits"),
    ("memory count too high", "memories", "raise memories in the limits"),
    ("table count too high", "tables", "raise tables in the limits"),
)
_FRAMES = 8
_STDERR = 8
"""How much of backtrace and output the hint shows; the fields hold all that is known."""
_OUT_OF_MEMORY = re.compile(r"out of memory|memory allocation of|MemoryError", re.IGNORECASE)


def explain(state: CallState, error: WasmError, what: str) -> BaseException:
    """The exception for a failed instantiation or call of ``what``.

    An exception that a host function raised comes out as itself; a trap of ours is completed with
    the backtrace that only wasmtime knows.
    """
    raised = state.exception
    found: dict[str, Any] = {
        "function": what,
        "backtrace": frames_of(error),
        "stderr": without_plumbing(list(state.stderr)),
    }
    if raised is not None:
        if isinstance(raised, Trap):
            raised.fields.update(found)
        return raised
    found["reason"] = error.reason
    for sign, limit, hint in _LIMITS:
        if sign in error.text:
            return LimitHit(
                f"{what} hit the limit on {limit}: {error.reason}", hint=hint, limit=limit, **found
            )
    if (memory := _memory_evidence(state, error)) is not None:
        return LimitHit(
            f"{what} ran out of memory: the limit is {state.limits.memory_bytes >> 20} MiB",
            hint=f"{memory}; raise memory_bytes in the limits",
            limit="memory", **found,
        )  # fmt: skip
    # A runtime that has reported an error ends itself so; any other trap is not about that.
    reported = "unreachable" in error.reason
    return _trap(what, found, last_words(list(state.stderr)) if reported else None)


def _trap(what: str, found: dict[str, Any], words: LastWords | None) -> Trap:
    """What the guest's language says of the error where it says something, else the wasm."""
    frames, stderr = telling_frames(found["backtrace"]), found["stderr"]
    if words is not None:
        message, shown = f"{what} {words.said}", list(words.trace)
    else:
        message, shown = f"{what} trapped: {found['reason']}", []
    shown = shown or [f"  at {frame}" for frame in frames[:_FRAMES]]
    if words is None and stderr:
        shown += ["last lines on stderr:", *(f"  {line}" for line in stderr[-_STDERR:])]
    trace = list(words.trace) if words is not None else []
    said = words.said if words is not None else ""
    return Trap(message, hint="\n".join(shown), said=said, trace=trace, **found)


def _memory_evidence(state: CallState, error: WasmError) -> str | None:
    """Signs that a trap followed from a refused ``memory.grow``.

    wasmtime's C interface does not tell that its limiter refused: the guest sees -1 and gives up
    in its own way, mostly with ``unreachable``. So the size of the guest's memory is looked up.
    """
    if any(_OUT_OF_MEMORY.search(line) for line in state.stderr):
        return "its last words on stderr say so"
    # A guest that says why it ends, and does not say memory, is believed.
    if state.stderr or "unreachable" not in error.reason:
        return None
    used = _largest_linear_memory()
    if used * 2 > state.limits.memory_bytes:
        return f"its memory had grown to {used >> 20} MiB"
    return None


def _largest_linear_memory(maps: Path = Path("/proc/self/maps")) -> int:
    """Bytes in use of the largest linear memory of this process; 0 where that can't be known.

    A linear memory is a readable part between a guard and a reserved part without any access,
    gigabytes together. Only read after a trap, so its cost does not matter. With several guests
    at once the largest may be another's: this is evidence, not proof.
    """
    try:
        lines = maps.read_text().splitlines()
    except OSError:
        return 0
    largest = begin = end = guard_end = 0
    for line in lines:
        span, rights = line.split(maxsplit=2)[:2]
        low, high = (int(part, 16) for part in span.split("-"))
        if rights.startswith("rw"):
            # A copy-on-write image and the memory grown behind it are neighbours.
            if low != end:
                begin = low if low == guard_end else 0
            end = high
            continue
        if rights.startswith("---"):
            if begin and low == end and high - begin >= 1 << 32:
                largest = max(largest, end - begin)
            guard_end = high
        begin = end = 0
    return largest
