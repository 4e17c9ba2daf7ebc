"""``wasi:filesystem``: the directories that were granted, by default none (interfaces.md §1.2).

What a real host answers with is kept: ``not-permitted`` for what leads out of a directory or
would change one granted for reading, ``bad-descriptor`` for a file that was not opened for it.
"""

from __future__ import annotations

import errno
import hashlib
import os
import time
from collections.abc import Callable
from typing import Any

from workbench.wasm.memory_tree import failure
from workbench.wasm.store import CallState
from workbench.wasm.wasi.filesystem_errors import error_code
from workbench.wasm.wasi.filesystem_open import (
    LAST_OFFSET,
    Descriptor,
    FileInput,
    FileOutput,
    Listing,
    OpenNodes,
    demand_offset,
    is_text,
    open_directory,
)
from workbench.wasm.wasi.filesystem_paths import HERE, Place, demand_inside, walk
from workbench.wasm.wasi.filesystem_port import OpenHow, Stat
from workbench.wasm.wasi.io import InputStream, IoError, OutputStream
from workbench.wasm.wasi.table import WasiInterface, function
from workbench.wire.wit.values import Case, Err, Ok

__all__ = ["Preopens", "Types"]

_NS = 1_000_000_000
_MAX_READ = 1024 * 1024
_HASH_KEY = os.urandom(16)
"""Numbers of devices and inodes are nobody's business: what a guest gets is a keyed hash."""


class Preopens(WasiInterface):
    id = "wasi:filesystem/preopens"

    @function("get-directories")
    @staticmethod
    def get_directories(call: CallState) -> list[tuple[Descriptor, str]]:
        granted = call.grants.directories
        return [(open_directory(call, directory), path) for path, directory in granted.items()]


def _answer(name: str) -> Callable[[Any], Any]:
    """Register a function whose OSError is an error code for the guest."""

    def register(body: Callable[..., Any]) -> Any:
        body = getattr(body, "__func__", body)

        def answer(call: CallState, *args: Any) -> Ok | Err:
            try:
                return Ok(body(call, *args))
            except OSError as error:
                return Err(error_code(error))

        return function(name)(answer)

    return register


def _method(name: str) -> Callable[[Any], Any]:
    return _answer(f"[method]descriptor.{name}")


class Types(WasiInterface):
    id = "wasi:filesystem/types"

    # -- files ---------------------------------------------------------------------------------

    @_method("read-via-stream")
    @staticmethod
    def read_via_stream(call: CallState, at: Descriptor, offset: int) -> InputStream:
        if at.node.kind == "directory":
            raise failure(errno.EISDIR)
        return FileInput(call, at.file("read"), offset)

    @_method("write-via-stream")
    @staticmethod
    def write_via_stream(call: CallState, at: Descriptor, offset: int) -> OutputStream:
        return FileOutput(call, at.file("write"), offset)

    @_method("append-via-stream")
    @staticmethod
    def append_via_stream(call: CallState, at: Descriptor) -> OutputStream:
        return FileOutput(call, at.file("write"), None)

    @_method("advise")
    @staticmethod
    def advise(call: CallState, at: Descriptor, offset: int, length: int, advice: str) -> None:
        file = at.file()
        if offset + length <= LAST_OFFSET:  # else it says nothing about any file
            file.advise(offset, length, advice)

    @_method("set-size")
    @staticmethod
    def set_size(call: CallState, at: Descriptor, size: int) -> None:
        at.file("write").set_size(demand_offset(size))

    @_method("read")
    @staticmethod
    def read(call: CallState, at: Descriptor, length: int, offset: int) -> tuple[bytes, bool]:
        data = at.file("read").read(min(length, _MAX_READ), demand_offset(offset))
        return data, not data

    @_method("write")
    @staticmethod
    def write(call: CallState, at: Descriptor, data: bytes, offset: int) -> int:
        return at.file("write").write(data, demand_offset(offset))

    # -- descriptors ---------------------------------------------------------------------------

    @_method("sync-data")
    @staticmethod
    def sync_data(call: CallState, at: Descriptor) -> None:
        at.node.sync(data_only=True)

    @_method("sync")
    @staticmethod
    def sync(call: CallState, at: Descriptor) -> None:
        at.node.sync(data_only=False)

    @_method("get-flags")
    @staticmethod
    def get_flags(call: CallState, at: Descriptor) -> frozenset[str]:
        return at.flags

    @_method("get-type")
    @staticmethod
    def get_type(call: CallState, at: Descriptor) -> str:
        return at.node.kind

    @_method("set-times")
    @staticmethod
    def set_times(call: CallState, at: Descriptor, accessed: Case, modified: Case) -> None:
        if not at.node.writable:
            raise failure(errno.EPERM)
        at.node.set_times(_new_time(accessed), _new_time(modified))

    @_method("stat")
    @staticmethod
    def stat(call: CallState, at: Descriptor) -> Any:
        return _stat(at.node.stat())

    @function("[method]descriptor.is-same-object")
    @staticmethod
    def is_same_object(call: CallState, one: Descriptor, other: Descriptor) -> bool:
        return one.node.stat().identity == other.node.stat().identity

    @_method("metadata-hash")
    @staticmethod
    def metadata_hash(call: CallState, at: Descriptor) -> tuple[int, int]:
        return _hash(at.node.stat())

    # -- paths ---------------------------------------------------------------------------------

    @_method("stat-at")
    @staticmethod
    def stat_at(call: CallState, at: Descriptor, flags: frozenset[str], path: str) -> Any:
        with walk(at.folder, path, follow="symlink-follow" in flags) as place:
            return _stat(_stat_of(place))

    @_method("metadata-hash-at")
    @staticmethod
    def metadata_hash_at(
        call: CallState, at: Descriptor, flags: frozenset[str], path: str
    ) -> tuple[int, int]:
        with walk(at.folder, path, follow="symlink-follow" in flags) as place:
            return _hash(_stat_of(place))

    @_method("set-times-at")
    @staticmethod
    def set_times_at(
        call: CallState, at: Descriptor, flags: frozenset[str], path: str,
        accessed: Case, modified: Case,
    ) -> None:  # fmt: skip
        times = (_new_time(accessed), _new_time(modified))
        with walk(at.writable_folder, path, follow="symlink-follow" in flags) as place:
            if place.name == HERE:
                place.folder.set_times(*times)
            else:
                place.folder.set_times_at(_demand(place), *times)

    @_method("open-at")
    @staticmethod
    def open_at(
        call: CallState, at: Descriptor, path_flags: frozenset[str], path: str,
        open_flags: frozenset[str], flags: frozenset[str],
    ) -> Descriptor:  # fmt: skip
        how = _open_how(open_flags, flags)
        folder = at.writable_folder if how.write else at.folder
        call.service(OpenNodes).demand_room()
        with walk(folder, path, follow="symlink-follow" in path_flags) as place:
            if place.name != HERE:
                node = place.folder.open(place.name, _demand_folder(how, place))
            elif how.exclusive or how.write:
                raise failure(errno.EEXIST if how.exclusive else errno.EISDIR)
            else:
                node = place.folder.again()
        # A real host says mutate-directory only of what was granted, not of what was opened in it.
        opened_for = {"read": how.read, "write": how.write}
        return Descriptor(call, node, frozenset(flag for flag, yes in opened_for.items() if yes))

    @_method("readlink-at")
    @staticmethod
    def readlink_at(call: CallState, at: Descriptor, path: str) -> str:
        with walk(at.folder, path) as place:
            if place.name == HERE:
                raise failure(errno.EINVAL)
            target = place.folder.read_link(place.name)
        if target.startswith("/"):
            raise failure(errno.EPERM)
        if not is_text(target):
            raise failure(errno.EILSEQ)
        return target

    @_method("create-directory-at")
    @staticmethod
    def create_directory_at(call: CallState, at: Descriptor, path: str) -> None:
        with walk(at.writable_folder, path) as place:
            _demand_name(place, errno.EEXIST)
            place.folder.make_folder(place.name)

    @_method("remove-directory-at")
    @staticmethod
    def remove_directory_at(call: CallState, at: Descriptor, path: str) -> None:
        with walk(at.writable_folder, path) as place:
            _demand_name(place, errno.EINVAL)
            place.folder.remove_folder(place.name)

    @_method("unlink-file-at")
    @staticmethod
    def unlink_file_at(call: CallState, at: Descriptor, path: str) -> None:
        with walk(at.writable_folder, path) as place:
            _demand_name(place, errno.EISDIR)
            place.folder.remove(_demand(place))

    @_method("symlink-at")
    @staticmethod
    def symlink_at(call: CallState, at: Descriptor, target: str, path: str) -> None:
        demand_inside(target)
        with walk(at.writable_folder, path) as place:
            _demand_name(place, errno.EEXIST)
            if place.must_be_folder:
                raise failure(errno.ENOENT)
            place.folder.make_link(place.name, target)

    @_method("link-at")
    @staticmethod
    def link_at(
        call: CallState, at: Descriptor, flags: frozenset[str], path: str,
        to: Descriptor, new_path: str,
    ) -> None:  # fmt: skip
        if "symlink-follow" in flags:
            raise failure(errno.EINVAL)
        with (
            walk(at.writable_folder, path) as old,
            walk(to.writable_folder, new_path) as new,
        ):
            _demand_name(old, errno.EPERM)
            _demand_name(new, errno.EEXIST)
            if new.must_be_folder:
                raise failure(errno.ENOENT)
            old.folder.link(_demand(old), new.folder, new.name)

    @_method("rename-at")
    @staticmethod
    def rename_at(
        call: CallState, at: Descriptor, path: str, to: Descriptor, new_path: str
    ) -> None:
        with (
            walk(at.writable_folder, path) as old,
            walk(to.writable_folder, new_path) as new,
        ):
            _demand_name(old, errno.EBUSY)
            _demand_name(new, errno.EBUSY)
            if new.must_be_folder and old.folder.stat_at(old.name).kind != "directory":
                raise failure(errno.ENOTDIR)
            old.folder.rename(_demand(old), new.folder, new.name)

    # -- listings ------------------------------------------------------------------------------

    @_method("read-directory")
    @staticmethod
    def read_directory(call: CallState, at: Descriptor) -> Listing:
        return Listing(call, at.folder)

    @_answer("[method]directory-entry-stream.read-directory-entry")
    @staticmethod
    def read_directory_entry(call: CallState, listing: Listing) -> Any:
        return listing.next()

    @function("filesystem-error-code")
    @staticmethod
    def filesystem_error_code(call: CallState, error: IoError) -> str | None:
        return error.file_code


def _stat_of(place: Place) -> Stat:
    if place.name == HERE:
        return place.folder.stat()
    found = place.folder.stat_at(place.name)
    if place.must_be_folder and found.kind != "directory":
        raise failure(errno.ENOTDIR)
    return found


def _demand(place: Place) -> str:
    """The name of a place, which is a folder if a slash says so."""
    if place.must_be_folder:
        _stat_of(place)
    return place.name


def _demand_name(place: Place, number: int) -> None:
    if place.name == HERE:
        raise failure(number)


def _demand_folder(how: OpenHow, place: Place) -> OpenHow:
    if not place.must_be_folder:
        return how
    if how.create:
        raise failure(errno.EISDIR)
    return OpenHow(read=how.read, write=how.write, directory=True)


def _open_how(open_flags: frozenset[str], flags: frozenset[str]) -> OpenHow:
    # As on a real host: creating and truncating open for writing, whatever the flags say.
    changes = open_flags & {"create", "truncate"}
    if "directory" in open_flags and open_flags != {"directory"}:
        raise failure(errno.EINVAL)
    if flags & {"file-integrity-sync", "data-integrity-sync", "requested-write-sync"}:
        raise failure(errno.ENOTSUP)
    return OpenHow(
        read="read" in flags or "write" not in flags,
        write="write" in flags or bool(changes),
        create="create" in open_flags,
        exclusive={"create", "exclusive"} <= open_flags,
        truncate="truncate" in open_flags,
        directory="directory" in open_flags,
    )


def _new_time(wanted: Case) -> int | None:
    match wanted.name:
        case "no-change":
            return None
        case "now":
            return time.time_ns()
    seconds, nanoseconds = wanted.payload
    moment = seconds * _NS + nanoseconds
    if moment > LAST_OFFSET:
        raise failure(errno.EOVERFLOW)
    return moment


def _stat(found: Stat) -> Any:
    times = (found.accessed_ns, found.modified_ns, found.changed_ns)
    return (found.kind, found.links, found.size, *map(_datetime, times))


def _datetime(ns: int) -> tuple[int, int] | None:
    return divmod(ns, _NS) if ns >= 0 else None


def _hash(found: Stat) -> tuple[int, int]:
    identity = repr(found.identity).encode()
    digest = hashlib.blake2b(identity, digest_size=16, key=_HASH_KEY).digest()
    return int.from_bytes(digest[:8], "little"), int.from_bytes(digest[8:], "little")
