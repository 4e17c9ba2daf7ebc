"""Rust and C components: commands with what WASI grants them, and a typed interface."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.toolchains import tools
from workbench.errors import Trap, WitError
from workbench.wasm import Component, Engine, Grants

Made = Callable[..., Path]

COMMANDS = [pytest.param(tools.rust, "Rust", id="rust"), pytest.param(tools.c, "C", id="c")]


def granted(*arguments: str) -> Grants:
    return Grants(
        arguments=("command", *arguments), environment={"NAME": "Ada"}, stdin=b"one\ntwo\n"
    )


@pytest.mark.parametrize(("tool", "name"), COMMANDS)
def test_a_command_gets_arguments_environment_and_input(
    tool: Callable[..., Any], name: str, made: Made, engine: Engine,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    command = Component.open(made(tool), engine=engine)
    assert command.run("run", grants=granted()) is None
    written = capsys.readouterr()
    assert written.out == f"hello from {name}, 0 arguments, NAME=Ada\n"
    assert written.err.startswith("read ")
    with pytest.raises(WitError):
        command.run("run", grants=granted("ab", "c"))


@pytest.mark.parametrize(
    ("tool", "arguments", "said", "frame"),
    [
        pytest.param(
            tools.rust, ["too long"], "index out of bounds: the len is 3 but the index is 8",
            "command::deep::item", id="rust",
        ),
        pytest.param(tools.c, ["x"], "wasm `unreachable` instruction executed", "quotient", id="c"),
    ],
)  # fmt: skip
def test_a_trap_names_the_function_that_it_happened_in(
    tool: Callable[..., Any], arguments: list[str], said: str, frame: str, made: Made,
    engine: Engine,
) -> None:  # fmt: skip
    command = Component.open(made(tool), engine=engine)
    with pytest.raises(Trap) as caught:
        command.run("run", grants=granted(*arguments))
    assert said in caught.value.message
    assert caught.value.hint.splitlines()[0].strip().startswith(f"at {frame}")


def test_a_typed_interface_in_plain_c_needs_no_wasi(made: Made, engine: Engine) -> None:
    sums = Component.open(made(tools.c_typed), engine=engine)
    assert not sums.imports and list(sums.exports) == ["demo:sums/sums@0.1.0"]
    assert sums.run("add", 2, 40) == 42 and sums.run("mean", 1.0, 2.0) == 1.5
