"""How wasmtime lays a component value out in memory, and the check that this is so.

The numbers come from wasmtime-py's own declarations; `verified()` then lets wasmtime build
values and compares the bytes, so that a silent change of the library is seen at import.
"""

from __future__ import annotations

import ctypes
import warnings
from functools import lru_cache

from workbench.wasm import capi
from workbench.wasm.capi import CVal, ffi

__all__ = ["FORMATS", "KINDS", "PAYLOAD", "RECORD_ENTRY", "SIZE", "verified"]

SIZE: int = ctypes.sizeof(CVal)
PAYLOAD: int = CVal.of.offset
RECORD_ENTRY: int = ctypes.sizeof(ffi.wasmtime_component_valrecord_entry_t)

_KIND_NAMES = {
    "bool": "BOOL", "s8": "S8", "u8": "U8", "s16": "S16", "u16": "U16", "s32": "S32",
    "u32": "U32", "s64": "S64", "u64": "U64", "f32": "F32", "f64": "F64", "char": "CHAR",
    "string": "STRING", "list": "LIST", "record": "RECORD", "tuple": "TUPLE",
    "variant": "VARIANT", "enum": "ENUM", "option": "OPTION", "result": "RESULT",
    "flags": "FLAGS", "resource": "RESOURCE",
}  # fmt: skip
KINDS: dict[str, int] = {
    name: getattr(ffi, f"WASMTIME_COMPONENT_{c}").value for name, c in _KIND_NAMES.items()
}
FORMATS = {
    "s8": "b", "u8": "B", "s16": "h", "u16": "H", "s32": "i", "u32": "I", "s64": "q", "u64": "Q",
    "f32": "f", "f64": "d",
}  # fmt: skip


@lru_cache(maxsize=1)
def verified() -> bool:
    """Whether values built by wasmtime have the layout that bulk transfer relies on.

    If not, one warning is given and lists are moved item by item.
    """
    if _matches():
        return True
    warnings.warn(
        "wasmtime lays component values out differently than expected; lists move item by item",
        RuntimeWarning,
        stacklevel=2,
    )
    return False


def _matches() -> bool:
    if SIZE % 8 or PAYLOAD % 8 or CVal.kind.offset != 0:
        return False
    source = (CVal * 2)()
    for i, (kind, number) in enumerate((("u8", 0xA5), ("u64", 0x0123456789ABCDEF))):
        source[i].kind = KINDS[kind]
        source[i].of.u64 = number
    vector = ffi.wasmtime_component_vallist_t()
    capi.vallist_new_uninit(ctypes.addressof(vector), 2)
    try:
        address = ctypes.cast(vector.data, ctypes.c_void_p).value or 0
        for i in range(2):
            capi.val_clone(ctypes.addressof(source) + i * SIZE, address + i * SIZE)
        block = capi.read(address, 2 * SIZE)
    finally:
        ffi.wasmtime_component_vallist_delete(ctypes.byref(vector))
    return (
        block[0] == KINDS["u8"]
        and block[PAYLOAD] == 0xA5
        and block[SIZE] == KINDS["u64"]
        and block[SIZE + PAYLOAD : SIZE + PAYLOAD + 8] == (0x0123456789ABCDEF).to_bytes(8, "little")
    )
