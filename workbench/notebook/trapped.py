"""How a trap reads in a cell: what the guest said, where in its own code, what it wrote before."""

from __future__ import annotations

import re

from workbench.errors import LimitHit, Trap
from workbench.notebook.display.text import visible
from workbench.wasm.backtrace import telling_frames
from workbench.wasm.last_words import last_words

__all__ = ["trap_lines", "trap_words"]

_LINES = 12
_FRAMES = 8
_PYTHON_FRAME = re.compile(r'\s*File "(?:/\d+/)?([^"]+)", line (\d+)(.*)')
_OURS = re.compile(r"(?:workbench_http|workbench_start|componentize_py_\w+)\.py\b")
_MEND = "mend the component's source and build it again: running copies of a cell take the new code"


def trap_words(error: Trap) -> tuple[str, str]:
    """The headline, and what to do."""
    # The hint of a trap is a place in machine code: that is shown among the frames.
    known = bool(error.fields.get("stderr") or error.fields.get("backtrace"))
    return error.message, _MEND if known and not isinstance(error, LimitHit) else error.hint


def trap_lines(error: Trap) -> list[str]:
    """Where in the guest's own language it happened, else where in the wasm; then its output."""
    written = [str(line) for line in error.fields.get("stderr", ())]
    words = last_words(written) if error.fields.get("said") else None
    if words is not None and words.trace:
        places = [_place(line) for line in words.trace if not _OURS.search(line)]
    else:
        frames = telling_frames([str(frame) for frame in error.fields.get("backtrace", ())])
        places = frames[:_FRAMES]
        if len(frames) > _FRAMES:
            places.append(f"{len(frames) - _FRAMES} more frames")
    output = written if words is None else words.rest
    return [
        *(f"at {visible(place, 300)}" for place in places),
        *(f"│ {visible(line, 400)}" for line in output[-_LINES:]),
    ]


def _place(frame: str) -> str:
    found = _PYTHON_FRAME.match(frame)
    return f"{found[1]} line {found[2]}{found[3]}" if found else frame.strip()
