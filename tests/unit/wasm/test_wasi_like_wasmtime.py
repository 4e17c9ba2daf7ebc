"""The same scripts in the same component, on wasmtime's own WASI and on ours: the same answers.

wasmtime's WASI is what a real host has. Its Python package can't open it to sockets, so those
are left out; so is what depends on when a read finds its bytes, which nobody promises.
"""

from __future__ import annotations

import importlib.metadata
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import wasmtime
from wasmtime import component as stock

from tests.unit.wasm.wasi_probe import Guest, built, script
from workbench.errors import Trap
from workbench.wasm import CompiledComponent, Grants, RealDirectory

# The first test builds and compiles the probe, which takes minutes on a busy machine.
pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]

Prepare = Callable[[Path], None]


@pytest.fixture(scope="module")
def stock_component(
    request: pytest.FixtureRequest, probe_component: CompiledComponent
) -> tuple[wasmtime.Engine, stock.Component]:
    """The probe as wasmtime compiles it; ours may have been rewritten for the value bridge."""
    cache = request.config.cache
    assert cache is not None
    engine = wasmtime.Engine()
    version = importlib.metadata.version("wasmtime")
    code = Path(cache.mkdir("compiled")) / f"stock-{probe_component.digest}-{version}.cwasm"
    if not code.exists():
        made = stock.Component(engine, built(Path(cache.mkdir("components"))))
        code.write_bytes(made.serialize())
    return engine, stock.Component.deserialize_file(engine, str(code))


def on_wasmtime(
    probe: tuple[wasmtime.Engine, stock.Component],
    name: str,
    call: str,
    place: Path,
    writable: bool,
) -> Any:
    """What a script finds on wasmtime's WASI; a trap is the last line of its message."""
    engine, component = probe
    store = wasmtime.Store(engine)
    config = wasmtime.WasiConfig()
    config.argv = ["main.wasm"]
    config.preopen_dir(str(place), "/", writable)
    config.stdin_file = os.devnull
    config.stdout_file = config.stderr_file = os.devnull
    store.set_wasi(config)
    store.set_wasi_http()
    linker = stock.Linker(engine)
    linker.allow_shadowing = True
    linker.add_wasip2()
    linker.add_wasi_http()
    check = linker.instantiate(store, component).get_func(store, "check")
    assert check is not None
    try:
        found: Any = check(store, script(name, call))
    except wasmtime.WasmtimeError as error:
        return f"trap: {str(error).strip().splitlines()[-1].strip()}"
    return getattr(found, "payload", found)


def on_ours(guest: Guest, name: str, call: str, place: Path, writable: bool) -> Any:
    grants = Grants(directories={"/": RealDirectory(place, writable=writable)})
    try:
        found = guest.run(name, call, grants)
    except Trap as trap:
        return f"trap: {trap.fields['reason']}"
    return found if isinstance(found, str) else repr(found)


Compare = Callable[..., tuple[Any, Any]]


@pytest.fixture
def compare(
    guest: Guest, stock_component: tuple[wasmtime.Engine, stock.Component], tmp_path: Path
) -> Compare:
    """Runs a script on both; what wasmtime says and what we say."""

    def both(name: str, call: str, prepare: Prepare = nothing, *, writable: bool = True) -> Any:
        places = [tmp_path / who / "granted" for who in ("theirs", "ours")]
        for place in places:
            place.mkdir(parents=True)
            prepare(place)
        return (
            on_wasmtime(stock_component, name, call, places[0], writable),
            on_ours(guest, name, call, places[1], writable),
        )

    return both


def nothing(place: Path) -> None:
    """An empty directory."""


def some_files(place: Path) -> None:
    (place / "a").write_text("1")
    (place / "b").mkdir()
    (place / "b" / "c").write_text("2")


def ways_out(place: Path) -> None:
    (place.parent / "secret").write_text("secret")
    (place.parent / "dir").mkdir()
    (place / "inside").mkdir()
    (place / "here").write_text("1")
    for path, target in {
        "to-secret": "../secret", "to-above": "..", "absolute": "/etc/passwd", "loop": "loop",
        "dangling": "../created", "chain": "to-above", "inside/back": "..", "inside/up": "../here",
    }.items():  # fmt: skip
        os.symlink(target, place / path)


def odd_names(place: Path) -> None:
    some_files(place)
    (place / "link").symlink_to("a")
    os.close(os.open(os.fsencode(place) + b"/\xff\xfe", os.O_CREAT))


@pytest.mark.parametrize(
    ("call", "prepare", "writable"),
    [
        ("files()", nothing, True),
        ("directories()", nothing, True),
        ("odd_calls()", nothing, True),
        ("flags()", nothing, True),
        ("times()", nothing, True),
        ("limits()", nothing, True),
        ("by_the_library()", nothing, True),
        ("stream_outlives_descriptor()", nothing, True),
        ("list_twice_at_once()", nothing, True),
        ("escapes()", ways_out, True),
        ("changes()", some_files, False),
        ("listing()", odd_names, True),
    ],
)
def test_files_answer_as_those_of_wasmtime(
    compare: Compare, call: str, prepare: Prepare, writable: bool
) -> None:
    theirs, ours = compare("files", call, prepare, writable=writable)
    assert "trap" not in theirs[:4]
    assert ours == theirs


@pytest.mark.parametrize(
    "call", ["granted()", "terminals()", "polls()", "drain(stdin.get_stdin())", "write_stdout()"]
)
def test_everything_else_answers_as_that_of_wasmtime(compare: Compare, call: str) -> None:
    theirs, ours = compare("basics", call)
    assert ours == theirs


@pytest.mark.parametrize(
    "call",
    [
        "poll_nothing()", "write_too_much_at_once()", "zeroes_too_many_at_once()",
        "zeroes_without_end()", "drop_parent_first()", "leave_well()", "leave_badly()",
    ],
)  # fmt: skip
def test_what_ends_a_guest_on_wasmtime_ends_it_here(compare: Compare, call: str) -> None:
    theirs, ours = compare("basics", call)
    assert theirs.startswith("trap: ") and ours.startswith("trap: ")
    assert "unreachable" not in theirs + ours, "by the host, not by the guest itself"
