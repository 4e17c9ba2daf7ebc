"""Building components: what is found at once, and (slow) what the real tool makes."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from workbench.authoring import build as build_module
from workbench.authoring.build import build_component
from workbench.authoring.cache import Cache, default_cache_dir
from workbench.errors import BuildError, UsageError, WitResolveError, WitSyntaxError

HELLO = '''
def handle(request):
    """Say hello."""
    return f"Hello from {request.path}"
'''

GREETER = '''"""wit
package demo:greet@0.1.0;
interface greeter {
  record person { name: string, age: u8, tags: list<string>, email: option<string> }
  variant shape { dot, circle(f64) }
  describe: func(p: person) -> result<string, string>;
  area: func(s: shape) -> f64;
  echo-bytes: func(data: list<u8>) -> list<u8>;
}
world greet { export greeter; }
"""
from wit_world import exports
from wit_world.exports import greeter
from componentize_py_types import Err


class Greeter(exports.Greeter):
    def describe(self, p):
        if p.age > 150:
            raise Err(f"{p.name} is too old")
        return f"{p.name} ({p.age}) {p.email or '-'}"

    def area(self, s):
        return 3 * s.value**2 if isinstance(s, greeter.Shape_Circle) else 0.0

    def echo_bytes(self, data):
        return data
'''


def test_two_cells_never_share_a_key():
    assert Cache.key("1", "python", "a", "b") != Cache.key("1", "python", "ab", "")


async def test_a_syntax_error_costs_no_build(tmp_path: Path):
    with pytest.raises(BuildError, match="cell line 2: SyntaxError"):
        await build_component(
            "\ndef handle(request)\n", name="x", world="hello", cache_dir=tmp_path
        )


async def test_a_missing_class_costs_no_build(tmp_path: Path):
    stages: list[str] = []
    with pytest.raises(BuildError, match="a class IncomingHandler"):
        await build_component(
            "x = 1", name="x", world="hello", cache_dir=tmp_path,
            progress=lambda stage, fraction: stages.append(stage),
        )  # fmt: skip
    assert stages == ["checking the cell"]


async def test_an_unknown_world_is_told_before_anything_else(tmp_path: Path):
    with pytest.raises(UsageError, match="no world called 'helo'"):
        await build_component(HELLO, name="x", world="helo", cache_dir=tmp_path)


async def test_an_unknown_language_lists_the_known_ones(tmp_path: Path):
    with pytest.raises(UsageError) as caught:
        await build_component(HELLO, name="x", world="hello", lang="cobol", cache_dir=tmp_path)
    assert "python" in caught.value.hint


async def test_an_error_in_the_wit_block_names_the_line_of_the_cell(tmp_path: Path):
    cell = GREETER.replace("p: person", "p: persn")
    with pytest.raises((WitSyntaxError, WitResolveError)) as caught:
        await build_component(cell, name="x", world="greet", cache_dir=tmp_path)
    assert caught.value.fields["line"] == 6


async def test_a_second_build_is_instant(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    calls: list[str] = []

    async def once(request, source, target) -> bytes:
        calls.append(source)
        return b"\0asm" + bytes(18_000_000)

    monkeypatch.setattr(build_module, "_componentize", once)
    first = await build_component(HELLO, name="a", world="hello", cache_dir=tmp_path)
    started = time.perf_counter()
    again = await build_component(HELLO, name="b", world="hello", cache_dir=tmp_path)
    assert time.perf_counter() - started < 0.05
    assert (first.cached, again.cached, len(calls)) == (False, True, 1)
    assert first.path == again.path
    other = await build_component(HELLO + "#", name="b", world="hello", cache_dir=tmp_path)
    assert other.path != first.path
    assert not (await build_component(HELLO, name="b", world="service", cache_dir=tmp_path)).cached


# What is slow below is built once on a machine: the real cache keeps it, as it does for users.


@pytest.mark.slow
async def test_an_http_cell_of_three_lines_becomes_a_component_of_wasi_0_2():
    stages: list[str] = []
    built = await build_component(
        HELLO, name="hello", world="hello", cache_dir=default_cache_dir() / "tests",
        progress=lambda stage, fraction: stages.append(stage),
    )  # fmt: skip
    assert built.path.stat().st_size == built.size_bytes > 10_000_000
    assert built.world is not None
    assert "wasi:http/incoming-handler@0.2.0" in built.world.exports
    assert stages[-1] in ("cached", "done")
    data = built.path.read_bytes()
    assert b"wasi:http/types@0.2." in data
    assert b"@0.3." not in data


@pytest.mark.slow
async def test_a_cell_with_its_own_interface_becomes_a_component():
    built = await build_component(
        GREETER, name="greeter", world="greet", cache_dir=default_cache_dir() / "tests"
    )
    assert built.world is not None
    assert list(built.world.exports) == ["demo:greet/greeter@0.1.0"]


@pytest.mark.slow
async def test_an_error_while_the_cell_runs_names_its_line(tmp_path: Path):
    cell = HELLO + "\nLIMIT = int('many')\n"
    with pytest.raises(BuildError, match="cell line 6: ValueError: invalid literal"):
        await build_component(cell, name="x", world="hello", cache_dir=tmp_path)
