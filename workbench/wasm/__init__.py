"""Compiling, caching and running WebAssembly components.

Engine, value bridge, WASI 0.2 and limits live here, and only here wasmtime is imported. No NATS,
no lattice: whoever runs a component hands in its imports as an `Imports` object.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from workbench.wasm.compiled import CompiledComponent as CompiledComponent
    from workbench.wasm.component import Component as Component
    from workbench.wasm.engine import Engine as Engine
    from workbench.wasm.grants import Grants as Grants
    from workbench.wasm.grants import MemoryDirectory as MemoryDirectory
    from workbench.wasm.grants import NetworkGrants as NetworkGrants
    from workbench.wasm.grants import RealDirectory as RealDirectory
    from workbench.wasm.imports import Imports as Imports
    from workbench.wasm.imports import ImportsBase as ImportsBase
    from workbench.wasm.imports import ObjectImports as ObjectImports
    from workbench.wasm.instantiator import Instantiator as Instantiator
    from workbench.wasm.limits import StoreLimits as StoreLimits
    from workbench.wasm.text import wat_to_bytes as wat_to_bytes

_HOMES = {
    "CompiledComponent": "compiled",
    "Component": "component",
    "Engine": "engine",
    "Grants": "grants",
    "Imports": "imports",
    "ImportsBase": "imports",
    "Instantiator": "instantiator",
    "MemoryDirectory": "grants",
    "NetworkGrants": "grants",
    "ObjectImports": "imports",
    "RealDirectory": "grants",
    "StoreLimits": "limits",
    "wat_to_bytes": "text",
}

__all__ = [
    "CompiledComponent",
    "Component",
    "Engine",
    "Grants",
    "Imports",
    "ImportsBase",
    "Instantiator",
    "MemoryDirectory",
    "NetworkGrants",
    "ObjectImports",
    "RealDirectory",
    "StoreLimits",
    "wat_to_bytes",
]


def __getattr__(name: str) -> Any:
    # wasmtime takes tens of milliseconds to import; nobody pays before a name is used.
    home = _HOMES.get(name)
    if home is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"{__name__}.{home}"), name)
