"""Walks a guest's path inside a directory, part by part, so that nothing leads out of it.

Each part is entered from the open folder before it and never followed by the system: a link is
read and its parts are walked like the guest's own. ``..`` goes back to the folder that we came
from, not to the one that the system would name. So a link that is swapped while we walk, or a
folder that is moved, can make a walk fail but can't let it escape.
"""

from __future__ import annotations

import errno
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from workbench.wasm.memory_tree import failure
from workbench.wasm.wasi.filesystem_port import OpenFolder

__all__ = ["HERE", "Place", "demand_inside", "walk"]

HERE = "."
"""The name of a place that is the folder itself."""

_PATH_BYTES = 4096
_LINKS = 40
_DEPTH = 100
"""Folders that are open at a time in one walk; each takes a file descriptor of the process.

A path may lead deeper, but ``..`` then leads back so many folders at most.
"""


@dataclass(frozen=True, slots=True)
class Place:
    """Where a path leads: a name in an open folder. The name may not be there yet."""

    folder: OpenFolder
    name: str
    must_be_folder: bool


@contextmanager
def walk(base: OpenFolder, path: str, *, follow: bool = False) -> Iterator[Place]:
    """The place of ``path`` below ``base``, valid inside of the ``with`` block.

    ``follow`` follows a link at the end. OSError: EPERM where the path leads out of ``base``.
    """
    walker = _Walker(base, path, follow)
    try:
        yield walker.place()
    finally:
        walker.close()


class _Walker:
    def __init__(self, base: OpenFolder, path: str, follow: bool) -> None:
        self._base = base
        self._levels = deque([base])
        self._forgotten = 0
        self._todo: deque[str] = deque()
        self._links = 0
        self._follow = follow
        self._must_be_folder = False
        self._put(path)

    def close(self) -> None:
        for level in self._levels:
            if level is not self._base:
                level.close()

    def place(self) -> Place:
        while self._todo:
            part = self._todo.popleft()
            if part == "..":
                self._go_back()
            elif self._todo:
                self._go_into(part)
            elif not self._follows_end or not self._follow_link(part):
                return Place(self._levels[-1], part, self._must_be_folder)
        return Place(self._levels[-1], HERE, True)

    def _put(self, path: str) -> None:
        """Have the parts of a path walked next."""
        demand_inside(path)
        parts = path.split("/")
        if not self._todo and parts[-1] in ("", "."):
            self._must_be_folder = True
        self._todo.extendleft(part for part in reversed(parts) if part not in ("", "."))

    def _go_back(self) -> None:
        if len(self._levels) == 1:
            raise failure(errno.ENAMETOOLONG if self._forgotten else errno.EPERM)
        self._levels.pop().close()

    def _go_into(self, name: str) -> None:
        try:
            self._levels.append(self._levels[-1].enter(name))
        except OSError as error:
            if error.errno not in (errno.ENOTDIR, errno.ELOOP):
                raise
            if not self._follow_link(name):
                raise failure(errno.ENOTDIR) from None
        if len(self._levels) > _DEPTH:
            oldest = self._levels.popleft()
            self._forgotten += 1
            if oldest is not self._base:
                oldest.close()

    def _follow_link(self, name: str) -> bool:
        """Have walked what a link says; False if ``name`` is no link or not there."""
        try:
            target = self._levels[-1].read_link(name)
        except OSError as error:
            if error.errno in (errno.EINVAL, errno.ENOENT):
                return False
            raise
        self._links += 1
        if self._links > _LINKS:
            raise failure(errno.ELOOP)
        self._put(target)
        return True

    @property
    def _follows_end(self) -> bool:
        # With a slash behind it, a link always means what it points to.
        return self._follow or self._must_be_folder


def demand_inside(path: str) -> None:
    """Raise for a path, or the target of a link, that can't lead to anything in a directory."""
    if not path:
        raise failure(errno.ENOENT)
    if "\0" in path:
        raise failure(errno.EINVAL)
    if len(path.encode("utf-8", "surrogateescape")) >= _PATH_BYTES:
        raise failure(errno.ENAMETOOLONG)
    if path.startswith("/"):
        raise failure(errno.EPERM)
