"""Open nodes of a `RealDirectory`: file descriptors, and names relative to them.

Everything is done on the worker thread, which may wait for the disk. Files are opened without
blocking, so that a pipe without a writer holds nobody up.
"""

from __future__ import annotations

import contextlib
import errno
import os
import stat
from collections.abc import Iterator
from typing import Any

from workbench.errors import NotFound, UsageError
from workbench.wasm.directories import RealDirectory
from workbench.wasm.memory_tree import failure
from workbench.wasm.wasi.filesystem_port import OpenFolder, OpenHow, OpenNode, Stat

__all__ = ["RealFile", "RealFolder", "open_real"]

_FOLDER = os.O_RDONLY | os.O_CLOEXEC | getattr(os, "O_DIRECTORY", 0)
_NO_FOLLOW = getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NOCTTY", 0)
_ANY = os.O_CLOEXEC | getattr(os, "O_NONBLOCK", 0) | _NO_FOLLOW
_KINDS = {
    stat.S_IFREG: "regular-file",
    stat.S_IFDIR: "directory",
    stat.S_IFLNK: "symbolic-link",
    stat.S_IFBLK: "block-device",
    stat.S_IFCHR: "character-device",
    stat.S_IFIFO: "fifo",
    stat.S_IFSOCK: "socket",
}
_ADVICE = {
    "normal": "POSIX_FADV_NORMAL",
    "sequential": "POSIX_FADV_SEQUENTIAL",
    "random": "POSIX_FADV_RANDOM",
    "will-need": "POSIX_FADV_WILLNEED",
    "dont-need": "POSIX_FADV_DONTNEED",
    "no-reuse": "POSIX_FADV_NOREUSE",
}
_FULL = 0o666
_FULL_FOLDER = 0o777


def open_real(directory: RealDirectory) -> RealFolder:
    """The granted directory itself. Raises `NotFound`, or `UsageError` where that can't work."""
    if os.open not in os.supports_dir_fd or not _NO_FOLLOW:
        raise UsageError(
            "real directories can't be granted on this system: it can't open relative to a folder",
            hint="copy the files into a MemoryDirectory",
        )
    try:
        fd = os.open(directory.path, _FOLDER)
    except OSError as error:
        raise NotFound(
            f"the granted directory {os.fspath(directory.path)} can't be opened: {error.strerror}",
            hint="grant a directory that exists and may be read",
        ) from None
    return RealFolder(fd, directory.writable)


class _RealNode:
    def __init__(self, fd: int, kind: str, writable: bool) -> None:
        self.fd = fd
        self.kind = kind
        self.writable = writable

    def stat(self) -> Stat:
        return _stat(os.fstat(self.fd))

    def set_times(self, accessed_ns: int | None, modified_ns: int | None) -> None:
        os.utime(self.fd, ns=_times(os.fstat(self.fd), accessed_ns, modified_ns))

    def sync(self, data_only: bool) -> None:
        if data_only and hasattr(os, "fdatasync"):
            os.fdatasync(self.fd)
        else:
            os.fsync(self.fd)

    def close(self) -> None:
        fd, self.fd = self.fd, -1
        if fd >= 0:
            # Whatever it reports, the descriptor is gone, and others are waiting to be closed.
            with contextlib.suppress(OSError):
                os.close(fd)


class RealFile(_RealNode):
    def read(self, size: int, offset: int) -> bytes:
        return os.pread(self.fd, size, offset)

    def write(self, data: bytes, offset: int) -> int:
        return os.pwrite(self.fd, data, offset)

    def append(self, data: bytes) -> int:
        import fcntl  # not on Windows, where `open_real` refuses

        # Only for this one write: with O_APPEND set, `write` would ignore its offset.
        flags = fcntl.fcntl(self.fd, fcntl.F_GETFL)
        fcntl.fcntl(self.fd, fcntl.F_SETFL, flags | os.O_APPEND)
        try:
            return os.write(self.fd, data)
        finally:
            fcntl.fcntl(self.fd, fcntl.F_SETFL, flags)

    def set_size(self, size: int) -> None:
        os.ftruncate(self.fd, size)

    def advise(self, offset: int, length: int, advice: str) -> None:
        number = getattr(os, _ADVICE[advice], None)
        if number is not None:
            os.posix_fadvise(self.fd, offset, length, number)


class RealFolder(_RealNode):
    def __init__(self, fd: int, writable: bool) -> None:
        super().__init__(fd, "directory", writable)

    def again(self) -> RealFolder:
        return RealFolder(os.open(".", _FOLDER, dir_fd=self.fd), self.writable)

    def enter(self, name: str) -> RealFolder:
        fd = os.open(name, _FOLDER | _NO_FOLLOW, dir_fd=self.fd)
        return RealFolder(fd, self.writable)

    def open(self, name: str, how: OpenHow) -> OpenNode:
        fd = os.open(name, _flags(how), _FULL, dir_fd=self.fd)
        try:
            kind = _kind(os.fstat(fd).st_mode)
        except BaseException:
            os.close(fd)
            raise
        if kind == "directory":
            return RealFolder(fd, self.writable)
        return RealFile(fd, kind, self.writable)

    def entries(self) -> Iterator[tuple[str, str]]:
        with os.scandir(self.fd) as found:
            for entry in found:
                yield _kind_of_entry(entry), entry.name

    def stat_at(self, name: str) -> Stat:
        return _stat(os.stat(name, dir_fd=self.fd, follow_symlinks=False))

    def set_times_at(self, name: str, accessed_ns: int | None, modified_ns: int | None) -> None:
        found = os.stat(name, dir_fd=self.fd, follow_symlinks=False)
        times = _times(found, accessed_ns, modified_ns)
        os.utime(name, ns=times, dir_fd=self.fd, follow_symlinks=False)

    def read_link(self, name: str) -> str:
        return os.readlink(name, dir_fd=self.fd)

    def make_folder(self, name: str) -> None:
        os.mkdir(name, _FULL_FOLDER, dir_fd=self.fd)

    def make_link(self, name: str, target: str) -> None:
        os.symlink(target, name, dir_fd=self.fd)

    def remove_folder(self, name: str) -> None:
        os.rmdir(name, dir_fd=self.fd)

    def remove(self, name: str) -> None:
        os.unlink(name, dir_fd=self.fd)

    def link(self, name: str, to: OpenFolder, new_name: str) -> None:
        os.link(name, new_name, src_dir_fd=self.fd, dst_dir_fd=_beside(to), follow_symlinks=False)

    def rename(self, name: str, to: OpenFolder, new_name: str) -> None:
        os.rename(name, new_name, src_dir_fd=self.fd, dst_dir_fd=_beside(to))


def _beside(other: OpenFolder) -> int:
    if not isinstance(other, RealFolder):
        raise failure(errno.EXDEV)
    return other.fd


def _flags(how: OpenHow) -> int:
    flags = _ANY
    if how.write:
        flags |= os.O_RDWR if how.read else os.O_WRONLY
    for wanted, flag in (
        (how.create, os.O_CREAT),
        (how.exclusive, os.O_EXCL),
        (how.truncate, os.O_TRUNC),
        (how.directory, getattr(os, "O_DIRECTORY", 0)),
    ):
        if wanted:
            flags |= flag
    return flags


def _kind(mode: int) -> str:
    return _KINDS.get(stat.S_IFMT(mode), "unknown")


def _kind_of_entry(entry: os.DirEntry[str]) -> str:
    if entry.is_symlink():
        return "symbolic-link"
    if entry.is_dir(follow_symlinks=False):
        return "directory"
    if entry.is_file(follow_symlinks=False):
        return "regular-file"
    try:
        return _kind(entry.stat(follow_symlinks=False).st_mode)
    except OSError:
        return "unknown"  # removed since it was listed


def _stat(found: os.stat_result) -> Stat:
    return Stat(
        _kind(found.st_mode), found.st_nlink, found.st_size,
        found.st_atime_ns, found.st_mtime_ns, found.st_ctime_ns,
        (found.st_dev, found.st_ino),
    )  # fmt: skip


def _times(found: os.stat_result, accessed_ns: int | None, modified_ns: int | None) -> Any:
    return (
        found.st_atime_ns if accessed_ns is None else accessed_ns,
        found.st_mtime_ns if modified_ns is None else modified_ns,
    )
