"""wasmCloud workbench: a notebook kernel as a full member of a wasmCloud v1 lattice.

    import workbench
    lattice = workbench.up()
    lattice.deploy("app.yaml", wait=True)
    lattice.invoke("greeter", "demo:greet/greeter.describe", {"name": "Ada"})

In a notebook: ``%load_ext workbench``, then ``%wasmcloud help``. Names are loaded when first
used, so importing this package imports neither IPython, wasmtime, networkx nor nats.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from workbench import aio, errors
    from workbench._lattice import App, Lattice, build_component, connect, current, up
    from workbench.host import Host
    from workbench.providers import Provider
    from workbench.wadm import Manager
    from workbench.wasm import (
        Component,
        Grants,
        MemoryDirectory,
        NetworkGrants,
        RealDirectory,
    )
    from workbench.wire.wit.values import Case, Err, Ok, Some

__all__ = [
    "App",
    "Case",
    "Component",
    "Err",
    "Grants",
    "Host",
    "Lattice",
    "Manager",
    "MemoryDirectory",
    "NetworkGrants",
    "Ok",
    "Provider",
    "RealDirectory",
    "Some",
    "aio",
    "build_component",
    "connect",
    "current",
    "errors",
    "up",
]

__version__ = "0.1.0"

_HOMES = {
    "App": "workbench._lattice",
    "Case": "workbench.wire.wit.values",
    "Component": "workbench.wasm",
    "Err": "workbench.wire.wit.values",
    "Grants": "workbench.wasm",
    "Host": "workbench.host",
    "Lattice": "workbench._lattice",
    "Manager": "workbench.wadm",
    "MemoryDirectory": "workbench.wasm",
    "NetworkGrants": "workbench.wasm",
    "Ok": "workbench.wire.wit.values",
    "Provider": "workbench.providers",
    "RealDirectory": "workbench.wasm",
    "Some": "workbench.wire.wit.values",
    "build_component": "workbench._lattice",
    "connect": "workbench._lattice",
    "current": "workbench._lattice",
    "up": "workbench._lattice",
}


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        value = getattr(import_module(_HOMES[name]), name)
        globals()[name] = value
        return value
    if name in ("aio", "errors"):
        return import_module(f"workbench.{name}")
    raise AttributeError(f"module 'workbench' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})


def load_ipython_extension(ipython: Any) -> None:
    """``%load_ext workbench``: registers the magics; nothing connects."""
    from workbench.notebook import load_ipython_extension as load

    load(ipython)


def unload_ipython_extension(ipython: Any) -> None:
    """``%unload_ext workbench``: takes the magics away; a lattice that is up stays up."""
    from workbench.notebook import unload_ipython_extension as unload

    unload(ipython)
