"""Operations on paths in an open folder, by name, for tests that draw them at random."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from workbench.wasm.wasi.filesystem_errors import error_code
from workbench.wasm.wasi.filesystem_paths import HERE, demand_inside, walk
from workbench.wasm.wasi.filesystem_port import OpenFile, OpenFolder, OpenHow

__all__ = ["ONE", "TWO", "outcome"]


def _place(act: Callable[..., Any]) -> Callable[..., Any]:
    """An operation on the place of a path, not on the folder itself."""

    def at(base: OpenFolder, path: str, *rest: Any) -> Any:
        with walk(base, path) as place:
            return "here" if place.name == HERE else act(place.folder, place.name, *rest)

    return at


def _stat(base: OpenFolder, path: str) -> Any:
    with walk(base, path, follow=True) as place:
        found = place.folder.stat() if place.name == HERE else place.folder.stat_at(place.name)
        return found.kind, found.size if found.kind == "regular-file" else 0


def _read(base: OpenFolder, path: str, how: OpenHow = OpenHow()) -> Any:  # noqa: B008 - frozen
    with walk(base, path, follow=True) as place:
        if place.name == HERE:
            return "here"
        node = place.folder.open(place.name, how)
    try:
        if node.kind == "directory":
            return sorted(node.entries())  # type: ignore[attr-defined]  # its kind says so
        file: OpenFile = node  # type: ignore[assignment]  # as above
        if how.write:
            file.append(path.encode())
        return file.read(99, 0)
    finally:
        node.close()


def _write(base: OpenFolder, path: str) -> Any:
    return _read(base, path, OpenHow(write=True, create=True))


def _make_link(base: OpenFolder, path: str, target: str) -> Any:
    demand_inside(target)
    with walk(base, path) as place:
        return "here" if place.name == HERE else place.folder.make_link(place.name, target)


def _two(verb: str) -> Callable[..., Any]:
    def at(base: OpenFolder, path: str, other: str) -> Any:
        with walk(base, path) as old, walk(base, other) as new:
            if HERE in (old.name, new.name):
                return "here"
            return getattr(old.folder, verb)(old.name, new.folder, new.name)

    return at


ONE: dict[str, Callable[..., Any]] = {
    "stat": _stat,
    "read": _read,
    "write": _write,
    "make folder": _place(lambda folder, name: folder.make_folder(name)),
    "remove folder": _place(lambda folder, name: folder.remove_folder(name)),
    "remove": _place(lambda folder, name: folder.remove(name)),
    "read link": _place(lambda folder, name: folder.read_link(name)),
    "exclusive": lambda base, path: _read(
        base, path, OpenHow(write=True, create=True, exclusive=True)
    ),
}
TWO: dict[str, Callable[..., Any]] = {
    "link": _two("link"),
    "rename": _two("rename"),
    "make link": _make_link,
}


def outcome(base: OpenFolder, operation: tuple[str, ...]) -> Any:
    """What an operation and its paths lead to; an error is the code that a guest gets."""
    name, *arguments = operation
    try:
        return (ONE.get(name) or TWO[name])(base, *arguments)
    except OSError as error:
        return error_code(error)
