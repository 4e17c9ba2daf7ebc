"""What a component imports and nobody provides: said before its first call, with who could."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from workbench.errors import MissingImport

__all__ = ["missing_error"]

_SHOWN = 6


def missing_error(missing: Sequence[str], imports: Any) -> MissingImport:
    """The error for imports named ``instance#function``; ``imports`` says what would provide each.

    ``imports`` is asked for ``advice(instance, function names)``, one line, where it has that.
    """
    by_instance: dict[str, list[str]] = {}
    for name in missing:
        instance, sign, function = name.partition("#")
        by_instance.setdefault(instance if sign else "", []).append(function if sign else name)
    advise = getattr(imports, "advice", None)
    advice = [
        advise(instance, names) if advise else f"{instance or ', '.join(names)} has to be provided"
        for instance, names in by_instance.items()
    ]
    named = [
        f"{instance} ({_some(names)})" if instance else _some(names)
        for instance, names in by_instance.items()
    ]
    return MissingImport(
        f"nobody provides what the component imports: {_some(named)}",
        hint="\n".join(dict.fromkeys(advice)),
        imports=list(missing),
    )


def _some(names: Sequence[str]) -> str:
    more = len(names) - _SHOWN
    return ", ".join(names[:_SHOWN]) + (f" and {more} more" if more > 0 else "")
