"""``wasi:filesystem``: no directory is open to a component (interfaces.md §1.2).

Without a preopened directory a guest can't come by a descriptor, so the methods exist only to
answer as they would for a descriptor that is gone.
"""

from __future__ import annotations

from typing import Any

from workbench.wasm.store import CallState
from workbench.wasm.wasi.table import WasiInterface, function
from workbench.wire.wit.values import Err

__all__ = ["Preopens", "Types"]


def _bad_descriptor(call: CallState, *_: Any) -> Err:
    return Err("bad-descriptor")


class Preopens(WasiInterface):
    id = "wasi:filesystem/preopens"

    @function("get-directories")
    @staticmethod
    def get_directories(call: CallState) -> list[Any]:
        return []


class Types(WasiInterface):
    id = "wasi:filesystem/types"

    @function("filesystem-error-code")
    @staticmethod
    def filesystem_error_code(call: CallState, error: Any) -> None:
        return None

    @function("[method]descriptor.is-same-object")
    @staticmethod
    def is_same_object(call: CallState, one: Any, other: Any) -> bool:
        return one is other


# fmt: off
_DESCRIPTOR = (
    "read-via-stream", "write-via-stream", "append-via-stream", "advise", "sync-data",
    "get-flags", "get-type", "set-size", "set-times", "read", "write", "read-directory", "sync",
    "create-directory-at", "stat", "stat-at", "set-times-at", "link-at", "open-at", "readlink-at",
    "remove-directory-at", "rename-at", "symlink-at", "unlink-file-at", "metadata-hash",
    "metadata-hash-at",
)
# fmt: on
Types.functions |= {f"[method]descriptor.{name}": _bad_descriptor for name in _DESCRIPTOR}
Types.functions["[method]directory-entry-stream.read-directory-entry"] = _bad_descriptor
