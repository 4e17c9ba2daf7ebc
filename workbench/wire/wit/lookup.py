"""Finding a function among exports by what a person types.

``ns:pkg/iface@1.0.0.func``, ``ns:pkg/iface.func`` (any version), ``iface.func`` and ``func`` all
work as long as they fit one function only. Resource functions are written as on the wire:
``bucket.get`` for ``[method]bucket.get`` (wrpc.md §2.2).
"""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Mapping

from workbench.errors import AmbiguousName, NotFound
from workbench.wire.subjects import wire_function_name
from workbench.wire.wit.types import Function, Interface

__all__ = ["find_function", "find_interface", "function_paths"]

Exports = Mapping[str, "Interface | Function"]


def function_paths(exports: Exports) -> list[str]:
    """Every function as the shortest full path that one would type, without versions."""
    return [f"{_unversioned(i)}.{n}" if i else n for i, n, _ in _functions(exports)]


def find_function(exports: Exports, path: str, *, owner: str = "") -> tuple[str, Function]:
    """The instance id and function that ``path`` means; instance ``""`` for a bare function.

    Raises `NotFound` with near matches, `AmbiguousName` with what it fits.
    """
    found = _by_spelling(exports).get(path, [])
    if len(found) == 1:
        return found[0]
    where = f" of {owner}" if owner else ""
    if found:
        full = [f"{i}.{wire_function_name(f.name)}" for i, f in found]
        raise AmbiguousName(
            f"{path!r} fits {len(found)} functions{where}",
            hint="say which: " + ", ".join(full),
            matches=full,
        )
    known = function_paths(exports)
    near = difflib.get_close_matches(path, known, n=3, cutoff=0.5) or known[:8]
    raise NotFound(
        f"no exported function{where} is called {path!r}",
        hint=("did you mean " if known else "it exports no function") + ", ".join(near),
        matches=near,
    )


def find_interface(exports: Exports, name: str, *, owner: str = "") -> Interface:
    """The exported interface that ``ns:pkg/iface[@version]`` or ``iface`` means."""
    interfaces = [e for e in exports.values() if isinstance(e, Interface)]
    found = [i for i in interfaces if name in (i.id, _unversioned(i.id), _bare(i.id))]
    where = f" of {owner}" if owner else ""
    if len(found) == 1:
        return found[0]
    ids = [i.id for i in (found or interfaces)]
    if found:
        raise AmbiguousName(
            f"{name!r} fits {len(found)} interfaces{where}",
            hint="say which: " + ", ".join(ids),
            matches=ids,
        )
    raise NotFound(
        f"no exported interface{where} is called {name!r}",
        hint="it exports " + (", ".join(ids) or "no interface"),
        matches=difflib.get_close_matches(name, ids, n=3, cutoff=0.5),
    )


# By identity, as long as the same exports are asked again: a component's exports never change, and
# a caller asks for the same few. The entry keeps the mapping alive, so its id stays its own.
_tables: dict[int, tuple[Exports, int, dict[str, list[tuple[str, Function]]]]] = {}
_TABLES_KEPT = 64


def _by_spelling(exports: Exports) -> dict[str, list[tuple[str, Function]]]:
    """Everything that somebody may type for a function, and the functions it fits."""
    known = _tables.get(id(exports))
    if known is not None and known[0] is exports and known[1] == len(exports):
        return known[2]
    table: dict[str, list[tuple[str, Function]]] = {}
    for instance, name, function in _functions(exports):
        for spelling in _spellings(instance, name):
            table.setdefault(spelling, []).append((instance, function))
    if len(_tables) >= _TABLES_KEPT:
        _tables.clear()
    _tables[id(exports)] = exports, len(exports), table
    return table


def _functions(exports: Exports) -> Iterator[tuple[str, str, Function]]:
    for export_id, export in exports.items():
        if isinstance(export, Function):
            yield "", wire_function_name(export.name), export
        else:
            for function in export.functions.values():
                yield export_id, wire_function_name(function.name), function


def _spellings(instance: str, name: str) -> set[str]:
    if not instance:
        return {name}
    heads = (instance, _unversioned(instance), _bare(instance))
    return {name, *(f"{head}.{name}" for head in heads)}


def _unversioned(instance: str) -> str:
    return instance.partition("@")[0]


def _bare(instance: str) -> str:
    return _unversioned(instance).rpartition("/")[2]
