"""Components from WebAssembly text."""

from __future__ import annotations

from pathlib import Path

import pytest

from workbench.authoring.build import build_component
from workbench.authoring.wat import component_from_wat
from workbench.errors import BuildError

ANSWER = """(;wit
package demo:answer;
world answer { export get: func() -> u32; }
;)
(component
  (core module $m (func (export "get") (result i32) (i32.const 42)))
  (core instance $i (instantiate $m))
  (func (export "get") (result u32) (canon lift (core func $i "get"))))
"""


async def test_a_wat_cell_is_built_and_cached(tmp_path: Path):
    first = await build_component(ANSWER, name="answer", lang="wat", cache_dir=tmp_path)
    assert first.path.read_bytes()[:4] == b"\0asm"
    assert first.world is not None
    assert list(first.world.exports) == ["get"]
    again = await build_component(ANSWER, name="answer", lang="wat", cache_dir=tmp_path)
    assert (first.cached, again.cached) == (False, True)


async def test_a_wat_cell_needs_no_world(tmp_path: Path):
    text = ANSWER[ANSWER.index("(component") :]
    built = await build_component(text, name="answer", lang="wat", cache_dir=tmp_path)
    assert built.world is None


def test_an_error_names_line_and_column():
    with pytest.raises(BuildError) as caught:
        component_from_wat("(component\n  (core modul))")
    assert caught.value.message.startswith("cell line 2, column 4: ")
    assert caught.value.fields["line"] == 2


def test_a_core_module_is_refused_with_the_reason():
    with pytest.raises(BuildError, match="no component"):
        component_from_wat("(module)")
