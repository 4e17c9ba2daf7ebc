"""wasmtime's C interface, bound the way this room needs it.

wasmtime-py binds every function so that the interpreter lock is released around it. For calls of
a microsecond that is a loss: with a busy loop thread each release may cost a whole switch
interval. Here only what really computes (compile, instantiate, call) releases the lock; the rest
keeps it. All pointers are plain integers.

Everything that depends on wasmtime-py's private modules is in this file.
"""

from __future__ import annotations

import ctypes
from ctypes import CFUNCTYPE, PYFUNCTYPE, c_bool, c_int64, c_size_t, c_uint32, c_uint64, c_void_p
from dataclasses import dataclass
from typing import Any

import wasmtime
import wasmtime.component
from wasmtime import _ffi as ffi

__all__ = [
    "CVal",
    "WasmError",
    "address_of_bytes",
    "ffi",
    "new_error",
    "pointer_of",
    "read",
    "read_pointer",
    "read_text",
    "take_error",
    "view",
    "wasmtime",
]

_handle: int = ffi.dll._handle  # pyright: ignore[reportAttributeAccessIssue] - set by ctypes
_KEEPS = ctypes.PyDLL(None, handle=_handle)
_RELEASES = ctypes.CDLL(None, handle=_handle)

P = c_void_p
CVal = ffi.wasmtime_component_val_t


def _quick(name: str, result: Any, *args: Any) -> Any:
    """A function that is over in microseconds: the interpreter lock stays held."""
    return PYFUNCTYPE(result, *args)((name, _KEEPS))


def _lengthy(name: str, result: Any, *args: Any) -> Any:
    """A function that runs or compiles wasm: other Python threads go on meanwhile."""
    return CFUNCTYPE(result, *args)((name, _RELEASES))


_N = "wasmtime_component_"
_api = ctypes.pythonapi

read: Any = PYFUNCTYPE(ctypes.py_object, P, ctypes.c_ssize_t)(("PyBytes_FromStringAndSize", _api))
"""``read(address, size)``: a copy of native memory."""
_decode: Any = PYFUNCTYPE(ctypes.py_object, P, ctypes.c_ssize_t, P)(("PyUnicode_DecodeUTF8", _api))
address_of_bytes: Any = PYFUNCTYPE(P, ctypes.py_object)(("PyBytes_AsString", _api))
"""Where the content of a bytes object is; valid while the object lives."""
_memoryview: Any = PYFUNCTYPE(ctypes.py_object, P, ctypes.c_ssize_t, ctypes.c_int)(
    ("PyMemoryView_FromMemory", _api)
)


def read_text(address: int, size: int) -> str:
    """The UTF-8 in native memory as a string, in one copy. `UnicodeDecodeError` if it is none."""
    return _decode(address, size, None)


def view(address: int, size: int) -> memoryview:
    """Native memory as a readable view, without a copy. The memory must outlive the view."""
    return _memoryview(address, size, 0x100)


def read_pointer(address: int) -> int:
    """The pointer stored at ``address``, 0 for null."""
    return int.from_bytes(read(address, 8), "little")


def pointer_of(managed: Any) -> int:
    """The native address behind an object of wasmtime-py."""
    return ctypes.cast(managed.ptr(), P).value or 0


config_concurrency = _quick("wasmtime_config_concurrency_support_set", None, P, c_bool)
store_new = _quick("wasmtime_store_new", P, P, P, P)
store_context = _quick("wasmtime_store_context", P, P)
store_limiter = _quick("wasmtime_store_limiter", None, P, *[c_int64] * 5)
store_delete = _lengthy("wasmtime_store_delete", None, P)
set_epoch_deadline = _quick("wasmtime_context_set_epoch_deadline", None, P, c_uint64)
set_fuel = _quick("wasmtime_context_set_fuel", P, P, c_uint64)
epoch_callback = _quick("wasmtime_store_epoch_deadline_callback", None, P, P, P, P)
increment_epoch = _quick("wasmtime_engine_increment_epoch", None, P)

component_new = _lengthy(_N + "new", P, P, P, c_size_t, P)
instantiate = _lengthy(_N + "linker_instantiate", P, P, P, P, P)
instance_get_func = _quick(_N + "instance_get_func", c_bool, P, P, P, P)
func_call = _lengthy(_N + "func_call", P, P, P, P, c_size_t, P, c_size_t)

linker_new = _quick(_N + "linker_new", P, P)
linker_delete = _quick(_N + "linker_delete", None, P)
linker_root = _quick(_N + "linker_root", P, P)
linker_instance_delete = _quick(_N + "linker_instance_delete", None, P)
linker_add_instance = _quick(_N + "linker_instance_add_instance", P, P, P, c_size_t, P)
linker_add_func = _quick(_N + "linker_instance_add_func", P, P, P, c_size_t, P, P, P)
linker_add_resource = _quick(_N + "linker_instance_add_resource", P, P, P, c_size_t, P, P, P, P)
resource_type_new_host = _quick(_N + "resource_type_new_host", P, c_uint32)
resource_type_delete = _quick(_N + "resource_type_delete", None, P)

val_clone = _quick(_N + "val_clone", None, P, P)
val_delete = _quick(_N + "val_delete", None, P)
vallist_new_uninit = _quick(_N + "vallist_new_uninit", None, P, c_size_t)

resource_any_to_host = _quick(_N + "resource_any_to_host", P, P, P, P)
resource_any_owned = _quick(_N + "resource_any_owned", c_bool, P)
resource_any_clone = _quick(_N + "resource_any_clone", P, P)
resource_any_drop = _lengthy(_N + "resource_any_drop", P, P, P)
resource_any_delete = _quick(_N + "resource_any_delete", None, P)
resource_host_new = _quick(_N + "resource_host_new", P, c_bool, c_uint32, c_uint32)
resource_host_rep = _quick(_N + "resource_host_rep", c_uint32, P)
resource_host_to_any = _quick(_N + "resource_host_to_any", P, P, P, P)
resource_host_delete = _quick(_N + "resource_host_delete", None, P)

_error_new = _quick("wasmtime_error_new", P, ctypes.c_char_p)
_error_delete = _quick("wasmtime_error_delete", None, P)
_error_message = _quick("wasmtime_error_message", None, P, P)
_error_trace = _quick("wasmtime_error_wasm_trace", None, P, P)
_byte_vec_delete = _quick("wasm_byte_vec_delete", None, P)

# Callbacks that wasmtime calls; they take the interpreter lock themselves.
HostFunction = CFUNCTYPE(c_size_t, P, P, P, P, c_size_t, P, c_size_t)
ResourceDestructor = CFUNCTYPE(c_size_t, P, P, c_uint32)
EpochDeadline = CFUNCTYPE(c_size_t, P, P, P, P)


def new_error(message: bytes = b"stopped by the host") -> int:
    """An error to hand to wasmtime from a callback, which takes ownership."""
    return _error_new(message)


@dataclass(frozen=True, slots=True)
class WasmError:
    """What a wasmtime error says: the innermost cause, the whole text, the wasm frames."""

    reason: str
    text: str
    backtrace: tuple[str, ...]


def take_error(pointer: int) -> WasmError:
    """Read a wasmtime error and free it."""
    vec = ffi.wasm_byte_vec_t()
    _error_message(pointer, ctypes.addressof(vec))
    text = ctypes.string_at(vec.data, vec.size).decode("utf-8", "replace") if vec.size else ""
    _byte_vec_delete(ctypes.addressof(vec))
    backtrace = _frames(pointer)
    _error_delete(pointer)
    return WasmError(_innermost(text), text, backtrace)


def _innermost(text: str) -> str:
    causes = text.rpartition("Caused by:")[2] if "Caused by:" in text else text
    lines = [line.strip() for line in causes.splitlines() if line.strip()]
    if not lines:
        return "unknown error"
    last = lines[-1]
    number, colon, rest = last.partition(": ")
    last = rest if colon and number.isdigit() else last
    return last.removeprefix("wasm trap: ")


def _frames(pointer: int) -> tuple[str, ...]:
    frames = ffi.wasm_frame_vec_t()
    _error_trace(pointer, ctypes.addressof(frames))
    try:
        return tuple(_frame(frames.data[i]) for i in range(min(frames.size, 64)))
    finally:
        ffi.wasm_frame_vec_delete(ctypes.byref(frames))


def _frame(frame: Any) -> str:
    name = ffi.wasmtime_frame_func_name(frame)
    module = ffi.wasmtime_frame_module_name(frame)
    function = _name(name) if name else f"function {ffi.wasm_frame_func_index(frame)}"
    where = f" in {_name(module)}" if module else ""
    return f"{function}{where} @ {ffi.wasm_frame_module_offset(frame):#x}"


def _name(pointer: Any) -> str:
    vec = pointer.contents
    return ctypes.string_at(vec.data, vec.size).decode("utf-8", "replace")
