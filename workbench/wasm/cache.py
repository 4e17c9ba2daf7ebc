"""Compiled code on disk, keyed by content, wasmtime and engine configuration.

Serialized code is native code that is run as it is (ARCHITECTURE §7). It is read only from a
directory that belongs to this user and is closed to everyone else, below directories that nobody
else can rename, and only from files whose seal fits. The key of the seals is not in that
directory but in the user's own cache: a directory that came from elsewhere, with an archive or a
checkout, has no valid seal, whoever owns its files now. Writing is atomic; any doubt means
compiling.
"""

from __future__ import annotations

import contextlib
import hashlib
import hmac
import logging
import os
import secrets
import stat
import struct
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

__all__ = ["CachedCode", "CompiledCache", "default_directory"]

log = logging.getLogger(__name__)

_KEY_BYTES = _MAC_BYTES = _DIGEST_BYTES = 32
_MOST_BYTES = 4 << 30
"""A Python component takes 35 MB, for each version of wasmtime and of what is compiled."""
_about_size = struct.Struct("<I")


def default_directory() -> Path:
    """The user's cache directory for compiled components."""
    base = os.environ.get("XDG_CACHE_HOME", "")
    root = Path(base) if base and Path(base).is_absolute() else Path.home() / ".cache"
    return root / "wasmcloud-workbench" / "compiled"


@dataclass(frozen=True, slots=True)
class CachedCode:
    """Code to map into memory, and what was stored about it."""

    path: Path
    about: bytes


class CompiledCache:
    """A private directory of compiled components.

    ``tag`` names everything beside the content that the code depends on. A directory that is not
    private is never used: then nothing is cached and ``why_off`` says why. ``key_file`` is for
    tests; it is made at first use.
    """

    def __init__(self, directory: Path, tag: str, *, key_file: Path | None = None) -> None:
        self.directory = directory
        self.most_bytes = _MOST_BYTES
        self._tag = hashlib.sha256(tag.encode()).hexdigest()[:16]
        self._key = b""
        key_file = key_file or default_directory() / "seal.key"
        self.why_off = _make_private(directory) or _make_private(key_file.parent)
        if not self.why_off:
            self._key = _seal_key(key_file)
            if not self._key:
                self.why_off = f"{key_file} is not private to this user"
        if self.why_off:
            log.warning("compiled components are not cached: %s", self.why_off)

    def path(self, digest: str) -> Path:
        return self.directory / f"{digest}-{self._tag}.cwasm"

    def find(self, digest: str) -> CachedCode | None:
        """The file for a content digest, if it is there and is exactly what we wrote."""
        if self.why_off:
            return None
        path = self.path(digest)
        try:
            status = os.lstat(path)
            if not _is_private(status, stat.S_ISREG):
                raise PermissionError("not a private file of this user")
            about = self._check_seal(path, status)
            with contextlib.suppress(OSError):
                os.utime(path.with_suffix(".seal"))  # when it was last used, for `_make_room`
            return CachedCode(path, about)
        except FileNotFoundError:
            return None
        except OSError as error:
            log.warning("cached code %s is not used: %s", path.name, error)
            self.discard(digest)
            return None

    def store(self, digest: str, code: bytes | bytearray, about: bytes = b"") -> None:
        """Write compiled code; a full disk costs only the cache."""
        if self.why_off:
            return
        path = self.path(digest)
        try:
            _write(path, code)
            self._write_seal(path, hashlib.sha256(code).digest(), about)
            self._make_room(path)
        except OSError as error:
            log.warning("compiled code could not be cached: %s", error)

    def _make_room(self, newest: Path) -> None:
        """Forget what was not used for the longest time, while there is too much."""
        entries = []
        for path in self.directory.glob("*.cwasm"):
            with contextlib.suppress(FileNotFoundError):
                used = path.with_suffix(".seal").stat().st_mtime_ns
                entries.append((used, path, path.stat().st_size))
        total = sum(size for _, _, size in entries)
        for _, path, size in sorted(entries):
            if total <= self.most_bytes:
                return
            if path != newest:
                total -= size
                _discard(path)

    def discard(self, digest: str) -> None:
        """Forget a file that turned out to be unusable."""
        _discard(self.path(digest))

    def _check_seal(self, path: Path, status: os.stat_result) -> bytes:
        """What was stored about the code; raises unless the file is what was written.

        An untouched file is known by size, time and inode. After a copy (a container image, a
        restored backup) these differ: then the whole content is compared, once.
        """
        seal = path.with_suffix(".seal").read_bytes()
        body, mac = seal[:-_MAC_BYTES], seal[-_MAC_BYTES:]
        if not hmac.compare_digest(mac, self._mac(path, body)):
            raise PermissionError("its seal is not ours")
        content, rest = body[:_DIGEST_BYTES], body[_DIGEST_BYTES:]
        end = _about_size.size + _about_size.unpack_from(rest)[0]
        about, identity = rest[_about_size.size : end], rest[end:]
        if identity != _identity(status):
            with path.open("rb") as file:
                found = hashlib.file_digest(file, hashlib.sha256).digest()
            if not hmac.compare_digest(content, found):
                raise PermissionError("its content is not what was written")
            self._write_seal(path, content, about)
        return about

    def _write_seal(self, path: Path, content_digest: bytes, about: bytes) -> None:
        body = content_digest + _about_size.pack(len(about)) + about + _identity(os.lstat(path))
        _write(path.with_suffix(".seal"), body + self._mac(path, body))

    def _mac(self, path: Path, body: bytes) -> bytes:
        return hmac.digest(self._key, path.name.encode() + b"\0" + body, "sha256")


def _discard(path: Path) -> None:
    for doomed in (path, path.with_suffix(".seal")):
        with contextlib.suppress(OSError):
            doomed.unlink()


def _identity(status: os.stat_result) -> bytes:
    return f"{status.st_size} {status.st_mtime_ns} {status.st_ino}".encode()


def _make_private(directory: Path) -> str:
    """Create the directory; why it can't be trusted, or an empty string."""
    try:
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        status = os.lstat(directory)
    except OSError as error:
        return f"{directory}: {error.strerror}"
    if not _is_private(status, stat.S_ISDIR):
        return f"{directory} does not belong to this user alone (mode 0700 is needed)"
    for parent in directory.resolve().parents:
        if _can_be_swapped(parent.stat()):
            return f"{parent} above it belongs to somebody else or is open to everyone"
    return ""


def _can_be_swapped(status: os.stat_result) -> bool:
    """Whether another user could rename what is in a directory, and put something else there.

    A group that may write is let be: the homes of notebook images are such.
    """
    if not hasattr(os, "getuid"):
        return False
    if status.st_uid not in (0, os.getuid()):
        return True
    return bool(status.st_mode & stat.S_IWOTH and not status.st_mode & stat.S_ISVTX)


def _is_private(status: os.stat_result, kind: Callable[[int], bool]) -> bool:
    if not kind(status.st_mode):
        return False
    if not hasattr(os, "getuid"):
        return True
    return status.st_uid == os.getuid() and not status.st_mode & 0o077


def _seal_key(path: Path) -> bytes:
    """The key of all seals of this user, made at first use; empty if it can't be trusted."""
    try:
        if not path.exists():
            with contextlib.suppress(FileExistsError):
                _write(path, secrets.token_bytes(_KEY_BYTES), exclusive=True)
        if not _is_private(os.lstat(path), stat.S_ISREG):
            return b""
        key = path.read_bytes()
    except OSError:
        return b""
    return key if len(key) == _KEY_BYTES else b""


def _write(path: Path, data: bytes | bytearray, *, exclusive: bool = False) -> None:
    # mkstemp makes the file 0600; the name appears only when all bytes are in.
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=".new-")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
        if exclusive:
            os.link(temporary, path)
            os.unlink(temporary)
        else:
            os.replace(temporary, path)
    except BaseException:
        with contextlib.suppress(OSError):
            os.unlink(temporary)
        raise
