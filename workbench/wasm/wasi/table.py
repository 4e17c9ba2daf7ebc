"""How a WASI interface is written down: a class with one function for each WIT name.

    class Random(WasiInterface):
        id = "wasi:random/random"

        @function("get-random-u64")
        @staticmethod
        def get_random_u64(call: CallState) -> int: ...

A function takes the invocation's `CallState`, then the WIT arguments in canonical form, and
returns the canonical result. Every 0.2.N of an interface is the same class.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any, ClassVar

__all__ = ["WasiInterface", "find", "function"]

_VERSIONED = re.compile(r"(wasi:[a-z-]+/[a-z0-9-]+)@0\.2\.\d+\Z")
_interfaces: dict[str, type[WasiInterface]] = {}


class _Marked:
    """A function body under its WIT name, until the class collects it."""

    def __init__(self, name: str, body: Callable[..., Any]) -> None:
        self.name = name
        self.body = body


def function(name: str) -> Callable[[Callable[..., Any]], Any]:
    """Register the decorated function under its component-model name."""
    return lambda body: _Marked(name, getattr(body, "__func__", body))


class WasiInterface:
    """Base of every WASI interface; subclasses are found by `find`."""

    id: ClassVar[str] = ""
    functions: ClassVar[dict[str, Callable[..., Any]]] = {}

    def __init_subclass__(cls) -> None:
        cls.functions = {
            marked.name: marked.body for marked in vars(cls).values() if isinstance(marked, _Marked)
        }
        _interfaces[cls.id] = cls

    @classmethod
    def bind(cls, body: Callable[..., Any], instance: str, imports: Any) -> Callable[..., Any]:
        """The function as linked for one component; a subclass may look at its imports."""
        return body


def find(instance: str) -> type[WasiInterface] | None:
    """The class for an import such as ``wasi:io/streams@0.2.3``; None if it is not WASI 0.2.

    Pre-releases are not WASI: a real host treats them as custom interfaces (interfaces.md §1.1).
    """
    match = _VERSIONED.match(instance)
    return _interfaces.get(match[1]) if match else None
