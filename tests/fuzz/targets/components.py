"""Bytes that may be a component: refused with a reason, or loaded, shown and started; no crash."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from functools import cache
from pathlib import Path

from tests.fuzz.target import Target
from workbench.errors import ComponentError, RemoteError
from workbench.wasm import Component, Engine, StoreLimits, wat_to_bytes
from workbench.wire.wit.parse import parse_package

_TESTS = Path(__file__).parents[2]
_LIMITS = StoreLimits(memory_bytes=1 << 24, table_elements=10_000, timeout_s=0.05)


@cache
def _engine() -> Engine:
    # A folder that others can write is not used: mutations don't fill a cache of compiled code.
    folder = Path(tempfile.mkdtemp(prefix="fuzz-"))
    folder.chmod(0o777)
    made = Engine(cache_dir=folder, workers=1)
    assert made.cache.why_off
    return made


def _load(data: bytes) -> None:
    component = Component.open(
        data, name="fuzz", engine=_engine(), limits=_LIMITS, on_log=lambda *_: None
    )
    assert repr(component) and repr(component.exports) is not None
    parse_package(component.wit)
    assert component.claims is None
    component.instance().close()


def _seeds() -> Iterator[bytes]:
    for path in (
        _TESTS / "golden" / "tiny.wat",
        _TESTS / "unit" / "wasm" / "wat" / "imports.wat",
        _TESTS / "unit" / "wasm" / "wat" / "counter.wat",
        _TESTS / "unit" / "wasm" / "wat" / "limits.wat",
    ):
        yield wat_to_bytes(path.read_text())
    yield wat_to_bytes("(module)")


TARGETS = [
    Target(
        "component", _load, _seeds, allowed=(ComponentError, RemoteError), memory_factor=16 * 1024
    )
]
