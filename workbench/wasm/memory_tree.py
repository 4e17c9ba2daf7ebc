"""A tree of files, folders and links in memory, with limits; what is wrong is an OSError.

Callers hold `Tree.lock` around every use. Link counts and sizes are kept so that a file that was
removed while it is open takes space until it is closed, as on a disk.
"""

from __future__ import annotations

import errno
import itertools
import os
import threading
import time

__all__ = ["FileNode", "FolderNode", "LinkNode", "Node", "Tree", "failure"]

_NAME_BYTES = 255
_trees = itertools.count(1)


def failure(number: int) -> OSError:
    """The OSError for an errno, with its usual words."""
    return OSError(number, os.strerror(number))


class Node:
    """What files, folders and links have in common. Times are nanoseconds since 1970."""

    kind = "unknown"

    def __init__(self, number: int) -> None:
        self.number = number
        self.links = 0
        self.opened = 0
        self.accessed_ns = self.modified_ns = self.changed_ns = time.time_ns()

    @property
    def size(self) -> int:
        return 0

    def touch(self) -> None:
        """The content has changed just now."""
        self.modified_ns = self.changed_ns = time.time_ns()


class FileNode(Node):
    kind = "regular-file"

    def __init__(self, number: int) -> None:
        super().__init__(number)
        self.data = bytearray()

    @property
    def size(self) -> int:
        return len(self.data)


class LinkNode(Node):
    kind = "symbolic-link"

    def __init__(self, number: int, target: str) -> None:
        super().__init__(number)
        self.target = target

    @property
    def size(self) -> int:
        return len(self.target.encode())


class FolderNode(Node):
    kind = "directory"

    def __init__(self, number: int, parent: FolderNode | None) -> None:
        super().__init__(number)
        self.parent = parent
        self.entries: dict[str, Node] = {}

    @property
    def gone(self) -> bool:
        """Whether it was removed while it is open."""
        return self.parent is not None and self.links == 0

    def is_below(self, other: FolderNode) -> bool:
        """Whether this folder is ``other`` or inside of it."""
        folder: FolderNode | None = self
        while folder is not None and folder is not other:
            folder = folder.parent
        return folder is not None


class Tree:
    """A root folder and everything in it."""

    def __init__(self, limit_bytes: int, limit_entries: int) -> None:
        self.number = next(_trees)
        self.limit_bytes = limit_bytes
        self.limit_entries = limit_entries
        self.used_bytes = 0
        self.used_entries = 0
        self.lock = threading.RLock()
        self._numbers = itertools.count(1)
        self.root = FolderNode(next(self._numbers), None)

    # -- entries -------------------------------------------------------------------------------

    def make_file(self, folder: FolderNode, name: str) -> FileNode:
        self._demand_free(folder, name)
        node = FileNode(next(self._numbers))
        self._enter(folder, name, node)
        return node

    def make_folder(self, folder: FolderNode, name: str) -> FolderNode:
        self._demand_free(folder, name)
        node = FolderNode(next(self._numbers), folder)
        self._enter(folder, name, node)
        return node

    def make_link(self, folder: FolderNode, name: str, target: str) -> None:
        if not target:
            raise failure(errno.ENOENT)
        self._demand_free(folder, name)
        self._enter(folder, name, LinkNode(next(self._numbers), target))

    def add(self, folder: FolderNode, name: str, node: Node) -> None:
        """Another name for a file or link that is there."""
        self._demand_free(folder, name)
        if isinstance(node, FolderNode):
            raise failure(errno.EPERM)
        self._enter(folder, name, node)

    def remove(self, folder: FolderNode, name: str) -> None:
        """Take a file or link out of its folder."""
        node = self.find(folder, name)
        if isinstance(node, FolderNode):
            raise failure(errno.EISDIR)
        self._leave(folder, name, node)

    def remove_folder(self, folder: FolderNode, name: str) -> None:
        node = self.find(folder, name)
        if not isinstance(node, FolderNode):
            raise failure(errno.ENOTDIR)
        if node.entries:
            raise failure(errno.ENOTEMPTY)
        self._leave(folder, name, node)

    def move(self, folder: FolderNode, name: str, to: FolderNode, new_name: str) -> None:
        """Rename, with the rules of POSIX on what may replace what."""
        node = self.find(folder, name)
        replaced = to.entries.get(new_name)
        if replaced is node:
            return
        if isinstance(node, FolderNode) and to.is_below(node):
            raise failure(errno.EINVAL)
        if isinstance(replaced, FolderNode) and folder.is_below(replaced):
            raise failure(errno.ENOTEMPTY)
        if replaced is None:
            self._demand_name(to, new_name)
        elif isinstance(node, FolderNode):
            self.remove_folder(to, new_name)
        else:
            self.remove(to, new_name)
        del folder.entries[name]
        to.entries[new_name] = node
        if isinstance(node, FolderNode):
            node.parent = to
        folder.touch()
        to.touch()

    def find(self, folder: FolderNode, name: str) -> Node:
        node = folder.entries.get(name)
        if node is None:
            if len(name.encode()) > _NAME_BYTES:
                raise failure(errno.ENAMETOOLONG)
            raise failure(errno.ENOENT)
        return node

    def _demand_free(self, folder: FolderNode, name: str) -> None:
        if name in folder.entries:
            raise failure(errno.EEXIST)
        self._demand_name(folder, name)
        if self.used_entries >= self.limit_entries:
            raise failure(errno.ENOSPC)

    def _demand_name(self, folder: FolderNode, name: str) -> None:
        if folder.gone:
            raise failure(errno.ENOENT)
        if len(name.encode()) > _NAME_BYTES:
            raise failure(errno.ENAMETOOLONG)

    def _enter(self, folder: FolderNode, name: str, node: Node) -> None:
        folder.entries[name] = node
        node.links += 1
        node.changed_ns = time.time_ns()
        self.used_entries += 1
        folder.touch()

    def _leave(self, folder: FolderNode, name: str, node: Node) -> None:
        del folder.entries[name]
        node.links -= 1
        node.changed_ns = time.time_ns()
        self.used_entries -= 1
        folder.touch()
        self._forget(node)

    # -- content -------------------------------------------------------------------------------

    def opened(self, node: Node) -> None:
        node.opened += 1

    def closed(self, node: Node) -> None:
        node.opened -= 1
        self._forget(node)

    def _forget(self, node: Node) -> None:
        """Give back the space of a file that nothing leads to any more."""
        if isinstance(node, FileNode) and not node.links and not node.opened:
            self.used_bytes -= len(node.data)
            node.data = bytearray()

    def resize(self, file: FileNode, size: int) -> None:
        """Cut the file, or lengthen it with zeroes."""
        self._demand_space(size - len(file.data))
        if size <= len(file.data):
            self.used_bytes -= len(file.data) - size
            del file.data[size:]
        else:
            self.used_bytes += size - len(file.data)
            file.data.extend(bytes(size - len(file.data)))
        file.touch()

    def write(self, file: FileNode, data: bytes, offset: int) -> None:
        """Write all of ``data``; what is between the old end and ``offset`` is zeroes."""
        if not data:
            return
        end = offset + len(data)
        if end > len(file.data):
            self.resize(file, end)
        file.data[offset:end] = data
        file.touch()

    def _demand_space(self, more: int) -> None:
        if more > self.limit_bytes - self.used_bytes:
            raise failure(errno.ENOSPC)
