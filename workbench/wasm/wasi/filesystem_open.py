"""What a guest holds of a file system: descriptors, their streams and listings.

A stream works on after its descriptor was dropped, so an open node is shared and closed by the
last one that holds it; at the end of the invocation everything is closed in any case.
"""

from __future__ import annotations

import errno
from collections.abc import Iterator
from typing import cast

from workbench.wasm.directories import MemoryDirectory
from workbench.wasm.grants import Directory
from workbench.wasm.memory_tree import failure
from workbench.wasm.store import CallState
from workbench.wasm.wasi.filesystem_errors import error_code
from workbench.wasm.wasi.filesystem_memory import open_memory
from workbench.wasm.wasi.filesystem_port import OpenFile, OpenFolder, OpenNode
from workbench.wasm.wasi.filesystem_real import open_real
from workbench.wasm.wasi.io import (
    InputStream,
    IoError,
    OutputStream,
    StreamClosed,
    StreamFailed,
)

__all__ = [
    "LAST_OFFSET",
    "Descriptor",
    "FileInput",
    "FileOutput",
    "Listing",
    "OpenNodes",
    "demand_offset",
    "is_text",
    "open_directory",
]

MAX_OPEN = 128
"""Files, folders and listings that one invocation may hold open.

Each takes one or two of the process's file descriptors, which are often limited to 1024.
"""


LAST_OFFSET = 2**63 - 1


def demand_offset(value: int) -> int:
    """An offset or size that a file system can work with."""
    if value > LAST_OFFSET:
        raise failure(errno.EINVAL)
    return value


class OpenNodes:
    """Every open node of one invocation, with the number of its holders."""

    def __init__(self, call: CallState) -> None:
        self._holders: dict[OpenNode, int] = {}

    def demand_room(self) -> None:
        """Raise before opening one more than may be open."""
        if len(self._holders) >= MAX_OPEN:
            raise failure(errno.EMFILE)

    def hold(self, node: OpenNode) -> None:
        self._holders[node] = self._holders.get(node, 0) + 1

    def release(self, node: OpenNode) -> None:
        left = self._holders.pop(node, 0) - 1
        if left > 0:
            self._holders[node] = left
        else:
            node.close()

    def close(self) -> None:
        while self._holders:
            self._holders.popitem()[0].close()


class _Hold:
    """One holder's share of an open node."""

    def __init__(self, call: CallState, node: OpenNode) -> None:
        self._nodes = call.service(OpenNodes)
        self._nodes.hold(node)
        self.node = node

    def end(self) -> None:
        self._nodes.release(self.node)


class Descriptor:
    """``flags`` are what the guest opened it for: ``read``, ``write``, ``mutate-directory``."""

    def __init__(self, call: CallState, node: OpenNode, flags: frozenset[str]) -> None:
        self._hold = _Hold(call, node)
        self.node = node
        self.flags = flags

    def wasm_dropped(self, call: CallState) -> None:
        self._hold.end()

    @property
    def folder(self) -> OpenFolder:
        if self.node.kind != "directory":
            raise failure(errno.ENOTDIR)
        return cast(OpenFolder, self.node)

    @property
    def writable_folder(self) -> OpenFolder:
        folder = self.folder
        if not folder.writable:
            raise failure(errno.EPERM)
        return folder

    def file(self, access: str = "") -> OpenFile:
        """The file, opened for ``access`` if that is not empty."""
        if self.node.kind == "directory":
            raise failure(errno.EBADF)
        if access == "write" and not self.node.writable:
            raise failure(errno.EPERM)
        if access and access not in self.flags:
            raise failure(errno.EBADF)
        return cast(OpenFile, self.node)


def open_directory(call: CallState, directory: Directory) -> Descriptor:
    """A granted directory as a descriptor."""
    call.service(OpenNodes).demand_room()
    opened = (
        open_memory(directory) if isinstance(directory, MemoryDirectory) else open_real(directory)
    )
    flags = {"read", "mutate-directory"} if opened.writable else {"read"}
    return Descriptor(call, opened, frozenset(flags))


class FileInput(InputStream):
    """Reads a file from an offset on; its end is the end of the stream."""

    def __init__(self, call: CallState, file: OpenFile, offset: int) -> None:
        self._hold = _Hold(call, file)
        self._file = file
        self._offset = offset

    def wasm_dropped(self, call: CallState) -> None:
        super().wasm_dropped(call)
        self._hold.end()

    def read(self, size: int) -> bytes:
        if not size:
            return b""
        try:
            data = self._file.read(size, demand_offset(self._offset))
        except OSError as error:
            raise _failed(error) from error
        if not data:
            raise StreamClosed
        self._offset += len(data)
        return data


class FileOutput(OutputStream):
    """Writes a file from an offset on, or at its end where ``offset`` is None."""

    def __init__(self, call: CallState, file: OpenFile, offset: int | None) -> None:
        self._hold = _Hold(call, file)
        self._file = file
        self._offset = offset

    def wasm_dropped(self, call: CallState) -> None:
        super().wasm_dropped(call)
        self._hold.end()

    def write(self, data: bytes) -> None:
        view = memoryview(data)
        try:
            while view:
                if self._offset is None:
                    done = self._file.append(bytes(view))
                else:
                    done = self._file.write(bytes(view), demand_offset(self._offset))
                    self._offset += done
                view = view[done:]
        except OSError as error:
            raise _failed(error) from error


def _failed(error: OSError) -> StreamFailed:
    return StreamFailed(IoError(error.strerror or str(error), file_code=error_code(error)))


class Listing:
    """``directory-entry-stream``."""

    def __init__(self, call: CallState, folder: OpenFolder) -> None:
        call.service(OpenNodes).demand_room()
        # Opened again: a listing has a position, which must not be shared with another one.
        own = folder.again()
        self._hold = _Hold(call, own)
        self._entries: Iterator[tuple[str, str]] = own.entries()

    def next(self) -> tuple[str, str] | None:
        found = next(self._entries, None)
        if found is not None and not is_text(found[1]):
            raise failure(errno.EILSEQ)
        return found

    def wasm_dropped(self, call: CallState) -> None:
        close = getattr(self._entries, "close", None)
        if close is not None:
            close()
        self._hold.end()


def is_text(name: str) -> bool:
    """Whether the name of a file is UTF-8: a string can't carry anything else."""
    try:
        name.encode()
    except UnicodeEncodeError:
        return False
    return True
