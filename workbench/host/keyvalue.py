"""`wasi:keyvalue` as a component sees it, translated to `wrpc:keyvalue` (interfaces.md §4.1).

On the wire there are no buckets, only their names: `open` stays in the host, and a bucket handle
becomes a leading string. Unlike the real host, which traps a component for most errors of the
provider, this one hands every error to the component: that is what its WIT promises.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from workbench.wire.wit.bundled import bundled
from workbench.wire.wit.types import Function

__all__ = ["Bucket", "WireFunction", "is_local", "wire_args", "wire_function"]

_INTERFACES = {
    f"wasi:keyvalue/{name}@0.2.0-draft": f"wrpc:keyvalue/{name}@0.2.0-draft"
    for name in ("store", "atomics", "batch")
}


@dataclass(frozen=True, slots=True)
class Bucket:
    """An opened bucket: just its name."""

    name: str


@dataclass(frozen=True, slots=True)
class WireFunction:
    instance: str
    function: Function


def is_local(name: str) -> bool:
    """Whether a function of the store never leaves the host."""
    return name == "open"


@lru_cache(maxsize=64)
def wire_function(instance: str, name: str) -> WireFunction | None:
    """The function on the wire behind a guest's ``[method]bucket.get`` or ``increment``."""
    wire = _INTERFACES.get(instance)
    if wire is None:
        return None
    function = bundled().interface(wire).functions.get(name.removeprefix("[method]bucket."))
    return None if function is None else WireFunction(wire, function)


def wire_args(args: Sequence[Any]) -> list[Any]:
    """The arguments with every bucket replaced by its name."""
    return [arg.name if isinstance(arg, Bucket) else arg for arg in args]
