"""The WIT that a component cell carries, told apart from its code.

One way, the same idea in each language: the cell starts with a comment-like block whose first
word is ``wit``. In Python that is a string, so the cell stays valid Python and keeps its line
numbers:

    \"\"\"wit
    package demo:greet@0.1.0;
    interface greeter { add: func(a: s32, b: s32) -> s32; }
    world greet { export greeter; }
    \"\"\"
    from wit_world import exports
    …

In WAT it is a block comment, ``(;wit … ;)``, in JavaScript ``/*wit … */``.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from workbench.errors import UsageError

__all__ = ["Cell", "split_cell"]

_LEADING_COMMENTS = r"\A(?:[ \t]*(?:#[^\n]*)?\r?\n)*[ \t]*"
_PYTHON = re.compile(_LEADING_COMMENTS + r"[rR]?(\"\"\"|''')[ \t]*wit[ \t]*\r?\n", re.ASCII)
_WAT = re.compile(r"\A(?:[ \t]*(?:;;[^\n]*)?\r?\n)*[ \t]*\(;[ \t]*wit[ \t]*\r?\n", re.ASCII)
_JS = re.compile(r"\A(?:[ \t]*(?://[^\n]*)?\r?\n)*[ \t]*/\*[ \t]*wit[ \t]*\r?\n", re.ASCII)


@dataclass(frozen=True, slots=True)
class Cell:
    """A cell's source, and the WIT found in it.

    ``wit`` starts with as many empty lines as stand above it in the cell, so that a line number
    in a WIT error is a line number of the cell.
    """

    source: str
    wit: str | None = None


def split_cell(source: str, *, lang: str = "python") -> Cell:
    """Find the leading WIT block of a cell. The source is returned unchanged."""
    opening = {"wat": _WAT, "js": _JS}.get(lang, _PYTHON).match(source)
    if opening is None:
        return Cell(source)
    closer = {"wat": ";)", "js": "*/"}.get(lang) or opening[1]
    end = source.find(closer, opening.end())
    if end < 0:
        line = source.count("\n", 0, opening.end())
        raise UsageError(
            f"the WIT block that starts in line {line} has no end",
            hint=f"close it with {closer} on a line of its own",
            line=line,
        )
    return Cell(source, "\n" * source.count("\n", 0, opening.end()) + source[opening.end() : end])
