"""Directories that a component may be given: a real one, or one that exists in memory only."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, MutableMapping
from dataclasses import dataclass

from workbench.errors import UsageError
from workbench.wasm.memory_tree import FileNode, FolderNode, Tree

__all__ = ["Directory", "MemoryDirectory", "RealDirectory"]

_MIB = 1024 * 1024


@dataclass(frozen=True, slots=True)
class RealDirectory:
    """A directory of this machine. What its links point to outside of it is out of reach."""

    path: str | os.PathLike[str]
    writable: bool = False


class MemoryDirectory(MutableMapping[str, bytes]):
    """A directory in this process, also a mapping from the paths of its files to their bytes.

    ``MemoryDirectory({"notes/today.txt": "hello"})``. It outlives the invocations that it is
    granted to, so what a component wrote is found here afterwards. ``limit_bytes`` holds for all
    files together, ``limit_entries`` for files, folders and links; a guest that wants more is
    told that there is no space left. Safe to use from several threads.
    """

    def __init__(
        self,
        files: Mapping[str, bytes | str] | None = None,
        *,
        writable: bool = True,
        limit_bytes: int = 64 * _MIB,
        limit_entries: int = 10_000,
    ) -> None:
        self.writable = writable
        self.tree = Tree(limit_bytes, limit_entries)
        for path, data in (files or {}).items():
            self[path] = data

    def __repr__(self) -> str:
        access = "" if self.writable else ", read-only"
        return f"<MemoryDirectory {len(self)} files, {self.tree.used_bytes} bytes{access}>"

    def __getitem__(self, path: str) -> bytes:
        with self.tree.lock:
            return bytes(self._file(path).data)

    def __setitem__(self, path: str, data: bytes | str) -> None:
        """Write a file whole; the folders above it are made. ``str`` is written as UTF-8.

        Raises `UsageError` where a part of the path is no folder, OSError beyond the limits.
        """
        *folders, name = _parts(path)
        content = data.encode() if isinstance(data, str) else bytes(data)
        with self.tree.lock:
            folder = self.tree.root
            for part in folders:
                found = folder.entries.get(part) or self.tree.make_folder(folder, part)
                if not isinstance(found, FolderNode):
                    raise UsageError(f"{part!r} in {path!r} is no folder")
                folder = found
            file = folder.entries.get(name) or self.tree.make_file(folder, name)
            if not isinstance(file, FileNode):
                raise UsageError(f"{path!r} is no file")
            self.tree.resize(file, len(content))
            self.tree.write(file, content, 0)

    def __delitem__(self, path: str) -> None:
        with self.tree.lock:
            self._file(path)
            folder, name = self._folder(path)
            self.tree.remove(folder, name)

    def __iter__(self) -> Iterator[str]:
        with self.tree.lock:
            return iter([path for path, _ in _files(self.tree.root, "")])

    def __len__(self) -> int:
        with self.tree.lock:
            return sum(1 for _ in _files(self.tree.root, ""))

    def _folder(self, path: str) -> tuple[FolderNode, str]:
        *folders, name = _parts(path)
        folder = self.tree.root
        for part in folders:
            found = folder.entries.get(part)
            if not isinstance(found, FolderNode):
                raise KeyError(path)
            folder = found
        return folder, name

    def _file(self, path: str) -> FileNode:
        folder, name = self._folder(path)
        found = folder.entries.get(name)
        if not isinstance(found, FileNode):
            raise KeyError(path)
        return found


Directory = MemoryDirectory | RealDirectory


def _parts(path: str) -> list[str]:
    parts = [part for part in path.split("/") if part not in ("", ".")]
    if not parts or ".." in parts or "\0" in path:
        raise UsageError(f"{path!r} names no file in the directory", hint="such as 'notes/a.txt'")
    return parts


def _files(folder: FolderNode, above: str) -> Iterator[tuple[str, FileNode]]:
    todo = [(above, folder)]
    while todo:
        prefix, current = todo.pop()
        for name, node in current.entries.items():
            if isinstance(node, FileNode):
                yield prefix + name, node
            elif isinstance(node, FolderNode):
                todo.append((f"{prefix}{name}/", node))
