"""Between a Python call and a WIT function: arguments by position or name, results unwrapped."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from workbench.errors import WitError
from workbench.wire.wit.coerce import coerce_args
from workbench.wire.wit.types import Function
from workbench.wire.wit.values import Err, Ok

__all__ = ["canonical_args", "unwrapped"]


def canonical_args(function: Function, args: Sequence[Any], named: Mapping[str, Any]) -> list[Any]:
    """The arguments of a call in order; keywords are WIT names in snake case."""
    known = {name.replace("-", "_"): name for name, _ in function.params}
    by_name = {known.get(name.rstrip("_"), name): value for name, value in named.items()}
    return list(coerce_args(function, args, by_name or None))


def unwrapped(value: Any) -> Any:
    """The ok side of a result, or the value itself; raises `WitError` for an error side."""
    if isinstance(value, Err):
        raise WitError(value.value)
    return value.value if isinstance(value, Ok) else value
