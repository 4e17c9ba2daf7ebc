"""What a guest said of its own failure, read from the last lines of its stderr.

A language runtime reports an error on stderr and then stops itself with ``unreachable``, so that
the trap alone says nothing. Known are Python (componentize-py), JavaScript (StarlingMonkey) and
Rust panics; every other runtime's words stay plain lines.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

__all__ = ["LastWords", "last_words", "without_plumbing"]

_PYTHON = "Traceback (most recent call last)"
_PANIC = re.compile(r"thread '.*' (?:\(\d+\) )?panicked at (.*)")
_JS_FRAME = re.compile(r"  \S*@\S+:\d+:\d+$")
_JS_GLUE = "/initializer.js:"
# What the runtime below a guest's language adds to every error of the guest.
_PLUMBING = re.compile(
    r"note: run with `RUST_BACKTRACE|Python function threw an unexpected exception$"
    r"|Redirecting call to abort\(\) to mozalloc_abort"
)


@dataclass(frozen=True, slots=True)
class LastWords:
    """``said`` is one line such as ``raised KeyError: 'x'``; ``trace`` the guest's own frames.

    ``rest`` is what the guest wrote beside its report.
    """

    said: str
    trace: tuple[str, ...] = ()
    rest: tuple[str, ...] = ()


def last_words(stderr: Sequence[str]) -> LastWords | None:
    """The error that a guest reported, or ``None`` if nothing looks like one."""
    lines = without_plumbing(stderr)
    return _python(lines) or _javascript(lines) or _panic(lines)


def without_plumbing(stderr: Sequence[str]) -> list[str]:
    """The lines that a person wants: without empty ones and what the runtime adds."""
    lines = [line for line in stderr if line.strip() and not _PLUMBING.match(line)]
    if any(line.startswith(_PYTHON) for line in lines):
        # The panic is how the runtime below Python ends; the exception stands above it.
        lines = [line for line in lines if not _PANIC.match(line)]
    return lines


def _python(lines: list[str]) -> LastWords | None:
    starts = [i for i, line in enumerate(lines) if line.startswith(_PYTHON)]
    if not starts:
        return None
    for end in range(starts[-1] + 1, len(lines)):
        if not lines[end].startswith(" "):
            trace = tuple(lines[starts[-1] + 1 : end])
            rest = (*lines[: starts[-1]], *lines[end + 1 :])
            return LastWords(f"raised {lines[end].strip()}", trace, rest)
    return None


def _javascript(lines: list[str]) -> LastWords | None:
    for index in range(len(lines) - 1, 0, -1):
        if lines[index] == "Stack:":
            end = index + 1
            while end < len(lines) and _JS_FRAME.match(lines[end]):
                end += 1
            frames = lines[index + 1 : end]
            trace = tuple(line for line in frames if _JS_GLUE not in line) or tuple(frames)
            rest = (*lines[: index - 1], *lines[end:])
            return LastWords(f"threw {lines[index - 1].strip()}", trace, rest)
    return None


def _panic(lines: list[str]) -> LastWords | None:
    for index in range(len(lines) - 1, -1, -1):
        found = _PANIC.match(lines[index])
        if found:
            message = "".join(lines[index + 1 : index + 2]).strip()
            said = f"panicked at {found[1].rstrip(':')}" + (f": {message}" if message else "")
            return LastWords(said, (), (*lines[:index], *lines[index + 2 :]))
    return None
