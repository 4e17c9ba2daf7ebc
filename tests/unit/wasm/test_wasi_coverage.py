"""Proof that nothing of WASI is left out: real components call every function that it has."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable, Iterator
from importlib import resources
from pathlib import Path
from typing import Any

import pytest

from tests.unit.wasm.conftest import wat
from tests.unit.wasm.local_peers import answer_datagrams, closed_port, echo, listen
from tests.unit.wasm.wasi_probe import Guest
from workbench.errors import Trap
from workbench.wasm import CompiledComponent, Engine, Grants, NetworkGrants, RealDirectory
from workbench.wasm.wasi import find
from workbench.wire.wit.resolve import Resolver

PACKAGES = ("io", "cli", "clocks", "random", "filesystem", "sockets")
FEATURES = ("cli-exit-with-code", "clocks-timezone", "network-error-code")
NOT_IMPORTED = {"wasi:cli/run"}
"""What components export."""


def texts() -> list[str]:
    folder = resources.files("workbench.wire.wit") / "packages" / "wasi"
    return [(folder / f"{name}.wit").read_text() for name in PACKAGES]


def functions_of_wasi() -> Iterator[tuple[str, str]]:
    """Every (interface, function) of the packages that we bundle, gated ones too."""
    resolver = Resolver(features=FEATURES)
    for text in texts():
        resolver.add_text(text)
    for package in resolver.packages.values():
        for interface in package.interfaces.values():
            name = interface.id.partition("@")[0]
            if name not in NOT_IMPORTED:
                yield from ((name, function) for function in interface.functions)


def test_every_function_of_the_bundled_wasi_is_implemented() -> None:
    missing = []
    for interface, function in functions_of_wasi():
        for version in ("0.2.0", "0.2.3", "0.2.17"):
            found = find(f"{interface}@{version}")
            if found is None or function not in found.functions:
                missing.append(f"{interface}@{version}#{function}")
    assert not missing


def test_the_list_of_functions_is_not_empty_by_mistake() -> None:
    found = list(functions_of_wasi())
    written = sum(text.count(": func(") for text in texts())
    assert len(found) == len(set(found)) == written - len(NOT_IMPORTED)
    assert ("wasi:sockets/network", "network-error-code") in found
    assert ("wasi:io/poll", "poll") in found


@pytest.fixture
def called(monkeypatch: pytest.MonkeyPatch) -> Counter[tuple[str, str]]:
    """Counts the calls of every WASI function while a test runs."""
    calls: Counter[tuple[str, str]] = Counter()

    def counting(key: tuple[str, str], body: Callable[..., Any]) -> Callable[..., Any]:
        def count(*arguments: Any) -> Any:
            calls[key] += 1
            return body(*arguments)

        return count

    for interface, function in functions_of_wasi():
        implemented = find(f"{interface}@0.2.0")
        assert implemented is not None
        body = counting((interface, function), implemented.functions[function])
        monkeypatch.setitem(implemented.functions, function, body)
    return calls


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_every_function_of_wasi_is_called_by_a_real_component(
    called: Counter[tuple[str, str]], guest: Guest, engine: Engine, tmp_path: Path
) -> None:
    unstable = engine.load_blocking(wat("unstable"), name="unstable")
    for function, *arguments in (("zone",), ("code-of-stdin",), ("leave", 3)):
        _run(unstable, function, *arguments)
    _run_basics(guest)
    os.mkfifo(tmp_path / "pipe")
    for call in ("files()", "file_streams()", "directories()", "times()", "wrong_stream()"):
        guest.run("files", call, Grants(directories={"/": RealDirectory(tmp_path, writable=True)}))
    local = ["127.0.0.1:*"]
    network = NetworkGrants(
        tcp=local, udp=local, names=["localhost"], tcp_listen=local, udp_listen=local
    )
    with listen(echo) as port, answer_datagrams() as udp_port:
        for call in (
            f"talk({port})", f"refused({closed_port()})", "listen()", "options()",
            f"datagrams({udp_port})", "look_up('localhost')",
        ):  # fmt: skip
            guest.run("network", call, Grants(network=network))
    assert sorted(set(functions_of_wasi()) - called.keys()) == []


def _run_basics(guest: Guest) -> None:
    for call in (
        "granted()", "read_stdin()", "write_stdout()", "terminals()", "clocks()", "polls()",
        "randomness()",
    ):  # fmt: skip
        guest.run("basics", call, Grants(stdin=b"0123456789"))
    with pytest.raises(Trap):
        guest.run("basics", "leave_well()")


def _run(component: CompiledComponent, function: str, *arguments: Any) -> None:
    def failing(size: int) -> bytes:
        raise OSError("on purpose")

    instantiator = component.instantiator(grants=Grants(stdin=failing))
    try:
        instantiator.call_inline("", function, arguments)
    except Trap as trap:
        assert trap.fields["exit_code"] == 3
    finally:
        instantiator.close_blocking()
