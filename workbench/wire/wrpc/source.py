"""Functions written as source text, for codecs: one call for a value instead of one for each part.

Measured on records of three fields: half the time of nested closures. Nothing from a type goes
into the text: its names and numbers are bound objects, so no name of a stranger is ever compiled.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from workbench.wire.wit.types import List, Option, Record, Result, Tuple, Type
from workbench.wire.wrpc.shape import parts

__all__ = ["COMPOSITES", "Source"]

COMPOSITES = (List, Option, Result, Tuple, Record)
"""The types that may be written out where they are used."""

# A part is written out where it is used while it has few parts and is not deep, and the function
# is not long yet; beyond, it is a function of its own that is called.
_PARTS = 16
_DEPTH = 5
_LINES = 400


class Source:
    """The lines of one function and the objects that they name."""

    def __init__(self) -> None:
        self._lines: list[str] = []
        self._objects: dict[str, Any] = {}
        self._names: dict[int, str] = {}
        self._level = 1
        self._fresh = 0

    def line(self, text: str) -> None:
        self._lines.append("    " * self._level + text)

    def lines(self, *texts: str) -> None:
        for text in texts:
            self.line(text)

    @contextmanager
    def block(self, head: str) -> Iterator[None]:
        """The lines written meanwhile stand below ``head``."""
        self.line(f"{head}:")
        self._level += 1
        yield
        self._level -= 1

    def has_room(self, type: Type, depth: int) -> bool:
        """Whether ``type`` is to be written out ``depth`` parts deep, not called."""
        if depth >= _DEPTH or len(self._lines) > _LINES:
            return False
        stack, count = [type], 0
        while stack and count <= _PARTS:
            count += 1
            stack.extend(parts(stack.pop()))
        return count <= _PARTS

    def fresh(self) -> str:
        """A variable that no other line uses."""
        self._fresh += 1
        return f"v{self._fresh}"

    def bind(self, value: Any) -> str:
        """The name of ``value`` in the function."""
        name = self._names.get(id(value))
        if name is None:
            name = self._names[id(value)] = f"o{len(self._objects)}"
            self._objects[name] = value
        return name

    def function(self, parameters: str, name: str) -> Callable[..., Any]:
        """The function itself; ``name`` is what tracebacks show for its file."""
        text = "\n".join([f"def made({parameters}):", *self._lines])
        scope = dict(self._objects)
        # Of our own lines alone, see above; a file's name may hold no odd characters.
        exec(compile(text, f"<{ascii(name)[1:100]}>", "exec"), scope)
        return scope["made"]
