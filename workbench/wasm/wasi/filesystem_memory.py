"""Open nodes of a `MemoryDirectory`."""

from __future__ import annotations

import errno
from collections.abc import Iterator

from workbench.wasm.directories import MemoryDirectory
from workbench.wasm.memory_tree import FileNode, FolderNode, LinkNode, Node, Tree, failure
from workbench.wasm.wasi.filesystem_port import OpenFolder, OpenHow, OpenNode, Stat

__all__ = ["MemoryFile", "MemoryFolder", "open_memory"]


def open_memory(directory: MemoryDirectory) -> MemoryFolder:
    return MemoryFolder(directory.tree, directory.tree.root, directory.writable)


class _MemoryNode:
    def __init__(self, tree: Tree, node: Node, writable: bool) -> None:
        self._tree = tree
        self._opened: Node | None = node
        self.node = node
        self.kind = node.kind
        self.writable = writable
        with tree.lock:
            tree.opened(node)

    def stat(self) -> Stat:
        with self._tree.lock:
            return _stat(self._tree, self.node)

    def set_times(self, accessed_ns: int | None, modified_ns: int | None) -> None:
        with self._tree.lock:
            _set_times(self.node, accessed_ns, modified_ns)

    def sync(self, data_only: bool) -> None:
        """Memory is always in step with itself."""

    def close(self) -> None:
        with self._tree.lock:
            node, self._opened = self._opened, None
            if node is not None:
                self._tree.closed(node)


class MemoryFile(_MemoryNode):
    def __init__(self, tree: Tree, node: FileNode, writable: bool) -> None:
        super().__init__(tree, node, writable)
        self.file = node

    def read(self, size: int, offset: int) -> bytes:
        with self._tree.lock:
            return bytes(memoryview(self.file.data)[offset : offset + size])

    def write(self, data: bytes, offset: int) -> int:
        with self._tree.lock:
            self._tree.write(self.file, data, offset)
        return len(data)

    def append(self, data: bytes) -> int:
        with self._tree.lock:
            self._tree.write(self.file, data, len(self.file.data))
        return len(data)

    def set_size(self, size: int) -> None:
        with self._tree.lock:
            self._tree.resize(self.file, size)

    def advise(self, offset: int, length: int, advice: str) -> None:
        """Nothing to prepare in memory."""


class MemoryFolder(_MemoryNode):
    def __init__(self, tree: Tree, node: FolderNode, writable: bool) -> None:
        super().__init__(tree, node, writable)
        self.folder = node

    def again(self) -> MemoryFolder:
        return MemoryFolder(self._tree, self.folder, self.writable)

    def enter(self, name: str) -> MemoryFolder:
        with self._tree.lock:
            node = self._tree.find(self.folder, name)
            if not isinstance(node, FolderNode):
                raise failure(errno.ENOTDIR)
            return MemoryFolder(self._tree, node, self.writable)

    def open(self, name: str, how: OpenHow) -> OpenNode:
        with self._tree.lock:
            node = self.folder.entries.get(name)
            if node is None and how.create:
                node = self._tree.make_file(self.folder, name)
            elif how.exclusive and node is not None:
                raise failure(errno.EEXIST)
            else:
                node = self._tree.find(self.folder, name)
            if isinstance(node, FolderNode):
                if how.write or how.truncate or how.create:
                    raise failure(errno.EISDIR)
                return MemoryFolder(self._tree, node, self.writable)
            if how.directory:
                raise failure(errno.ENOTDIR)
            if not isinstance(node, FileNode):
                raise failure(errno.ELOOP)
            if how.truncate:
                self._tree.resize(node, 0)
            return MemoryFile(self._tree, node, self.writable)

    def entries(self) -> Iterator[tuple[str, str]]:
        with self._tree.lock:
            return iter([(node.kind, name) for name, node in self.folder.entries.items()])

    def stat_at(self, name: str) -> Stat:
        with self._tree.lock:
            return _stat(self._tree, self._tree.find(self.folder, name))

    def set_times_at(self, name: str, accessed_ns: int | None, modified_ns: int | None) -> None:
        with self._tree.lock:
            _set_times(self._tree.find(self.folder, name), accessed_ns, modified_ns)

    def read_link(self, name: str) -> str:
        with self._tree.lock:
            node = self._tree.find(self.folder, name)
            if not isinstance(node, LinkNode):
                raise failure(errno.EINVAL)
            return node.target

    def make_folder(self, name: str) -> None:
        with self._tree.lock:
            self._tree.make_folder(self.folder, name)

    def make_link(self, name: str, target: str) -> None:
        with self._tree.lock:
            self._tree.make_link(self.folder, name, target)

    def remove_folder(self, name: str) -> None:
        with self._tree.lock:
            self._tree.remove_folder(self.folder, name)

    def remove(self, name: str) -> None:
        with self._tree.lock:
            self._tree.remove(self.folder, name)

    def link(self, name: str, to: OpenFolder, new_name: str) -> None:
        with self._tree.lock:
            node = self._tree.find(self.folder, name)
            self._tree.add(self._beside(to), new_name, node)

    def rename(self, name: str, to: OpenFolder, new_name: str) -> None:
        with self._tree.lock:
            self._tree.move(self.folder, name, self._beside(to), new_name)

    def _beside(self, other: OpenFolder) -> FolderNode:
        if not isinstance(other, MemoryFolder) or other._tree is not self._tree:
            raise failure(errno.EXDEV)
        return other.folder


def _stat(tree: Tree, node: Node) -> Stat:
    links = node.links + 1 if isinstance(node, FolderNode) else node.links
    return Stat(
        node.kind, links, node.size, node.accessed_ns, node.modified_ns, node.changed_ns,
        (-tree.number, node.number),
    )  # fmt: skip


def _set_times(node: Node, accessed_ns: int | None, modified_ns: int | None) -> None:
    if accessed_ns is not None:
        node.accessed_ns = accessed_ns
    if modified_ns is not None:
        node.modified_ns = modified_ns
