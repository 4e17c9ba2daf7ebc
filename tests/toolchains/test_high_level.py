"""Python and JavaScript components: HTTP and a typed interface, on a host and without one."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.toolchains import tools
from workbench import aio
from workbench.errors import Trap, WitError
from workbench.host.options import LogLine
from workbench.wasm import Component, Engine
from workbench.wire.http import HttpError, HttpRequest, HttpResponse, collect
from workbench.wire.wit.bundled import new_resolver
from workbench.wire.wit.types import Interface
from workbench.wire.wit.values import Case, Err, Ok

Made = Callable[..., Path]

TOOLS = [
    pytest.param(tools.old_python, id="componentize-py-0.16.0"),
    pytest.param(tools.new_python, id="componentize-py"),
    pytest.param(tools.javascript, id="componentize-js"),
]
LANGUAGE = {tools.old_python: "python", tools.new_python: "python", tools.javascript: "javascript"}
BOOM = {"python": "raised ValueError: boom on purpose", "javascript": "threw boom on purpose"}
NUMBERS = (255, -128, 65535, -32768, 2**32 - 1, -(2**31), 2**64 - 1, -(2**63), 0.5, 0.1, True, "é")
NESTED = [None, Ok(7), Err("no")]

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]


def interface_of_the_wit() -> Any:
    resolver = new_resolver()
    resolver.add_text((tools.WIT / "greeter.wit").read_text(), "greeter.wit")
    return resolver.world("demo:greet/greet").exports["demo:greet/greeter@0.1.0"]


def check_description(summary: Any) -> None:
    assert summary.text == "Ada (36) a@b" and summary.initials == ["A"]
    assert summary.color == "green" and summary.perms == frozenset({"read", "exec"})
    assert summary.shape == Case("rect", (3, 4)) and summary.score == -36


ADA = {"name": "Ada", "age": 36, "tags": ["x"], "email": "a@b"}


@pytest.mark.parametrize("tool", TOOLS)
def test_a_typed_interface_runs_without_a_lattice(
    tool: Callable[..., Any], made: Made, engine: Engine, capsys: pytest.CaptureFixture[str]
) -> None:
    greeter = Component.open(made(tool, "greeter", "greet"), engine=engine)
    exported, written = greeter.exports["demo:greet/greeter@0.1.0"], interface_of_the_wit()
    assert isinstance(exported, Interface)
    assert (exported.functions, exported.types) == (written.functions, written.types)
    check_description(greeter.run("describe", ADA))
    with pytest.raises(WitError, match="Ada is too old"):
        greeter.run("greeter.describe", {**ADA, "age": 151})
    assert greeter.run("echo-bytes", bytes(range(256)) * 1000) == bytes(range(256)) * 1000
    assert greeter.run("numbers", *NUMBERS) == NUMBERS
    assert greeter.run("nested", NESTED) == NESTED
    capsys.readouterr()
    greeter.run("nothing")
    written = capsys.readouterr()
    assert written.out == "nothing was asked\n" and "and told\n" in written.err


@pytest.mark.parametrize("tool", TOOLS)
def test_an_error_of_the_guests_language_is_told_in_its_words(
    tool: Callable[..., Any], made: Made, engine: Engine
) -> None:
    greeter = Component.open(made(tool, "greeter", "greet"), engine=engine)
    with pytest.raises(Trap) as caught:
        greeter.run("boom")
    error = caught.value
    assert error.message == f"demo:greet/greeter@0.1.0.boom {BOOM[LANGUAGE[tool]]}"
    assert any("boom" in frame for frame in error.trace) and error.backtrace


@pytest.mark.parametrize("tool", TOOLS)
def test_http_is_answered_without_a_lattice(
    tool: Callable[..., Any], made: Made, engine: Engine
) -> None:
    hello = Component.open(made(tool, "hello", "hello"), engine=engine)
    reply = hello.http("GET", "/there?x=1")
    assert reply.status == 200 and reply.text.startswith("hello /there")
    assert dict(reply.headers)["x-made-by"] == LANGUAGE[tool].encode()


@pytest.mark.parametrize("tool", TOOLS)
async def test_both_run_on_a_host_and_their_lines_are_heard(
    tool: Callable[..., Any], made_before: dict[Any, tuple[Path, Path]]
) -> None:
    greeter, hello = made_before[tool]
    heard: list[LogLine] = []
    async with await aio.up(wadm=False, on_log=heard.append) as lattice:
        await lattice.start_component(greeter.as_uri(), "greeter")
        await lattice.start_component(hello.as_uri(), "hello")
        check_description(await lattice.invoke("greeter", "demo:greet/greeter.describe", ADA))
        assert await lattice.invoke("greeter", "demo:greet/greeter.nested", NESTED) == NESTED
        await lattice.invoke("greeter", "demo:greet/greeter.nothing")
        with pytest.raises(Trap, match="boom on purpose"):
            await lattice.invoke("greeter", "demo:greet/greeter.boom")
        reply = await lattice.http("hello", "GET", "/there")
    assert reply.text == "hello /there"
    told = [(line.component_id, line.stream, line.message) for line in heard]
    assert ("greeter", "stdout", "nothing was asked") in told
    assert ("greeter", "stderr", "and told") in told


@pytest.fixture
def made_before(made: Made, request: pytest.FixtureRequest) -> dict[Any, tuple[Path, Path]]:
    """Built outside of the test's loop, for building uses one of its own."""
    tool = request.getfixturevalue("tool") if "tool" in request.fixturenames else None
    return {tool: (made(tool, "greeter", "greet"), made(tool, "hello", "hello"))}


def test_versions_of_wasi_may_differ_inside_one_component(made: Made, engine: Engine) -> None:
    hello = Component.open(made(tools.javascript, "hello", "hello"), engine=engine)
    versions = {name.partition("@")[2] for name in (*hello.imports, *hello.exports)}
    assert len(versions) > 1, "the engine was built against one release, its adapter another"
    assert hello.http("GET", "/").status == 200


def test_requests_of_a_component_go_to_a_python_function_that_may_refuse_them(
    made: Made, engine: Engine
) -> None:
    hello = Component.open(made(tools.javascript, "hello", "hello"), engine=engine)
    asked: list[tuple[str, str | None, str | None, bytes]] = []

    async def there(request: HttpRequest) -> HttpResponse:
        body = await collect(request.body)
        asked.append((request.method, request.authority, request.path_with_query, body))
        return HttpResponse(201, [("content-type", b"text/plain")], b"pong")

    reply = hello.http("GET", "/fetch", imports={"wasi:http/outgoing-handler": there})
    assert reply.text == "201 pong"
    assert asked == [("POST", "there.example", "/x", b"ping")]

    def nowhere(request: HttpRequest) -> HttpResponse:
        raise HttpError("connection-refused")

    reply = hello.http("GET", "/fetch", imports={"wasi:http/outgoing-handler": nowhere})
    assert reply.text == "refused: TypeError"
