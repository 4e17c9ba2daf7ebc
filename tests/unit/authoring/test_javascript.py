"""JavaScript cells: where the tool is looked for, which world a cell means, what a failure says.

Building with the real tool is in tests/toolchains.
"""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from workbench.authoring import javascript_tool
from workbench.authoring.cells import split_cell
from workbench.authoring.javascript import fetch_target
from workbench.authoring.javascript_failures import build_failure, syntax_failure
from workbench.authoring.javascript_tool import JavaScriptTool, find_javascript_tool
from workbench.authoring.worlds import find_target
from workbench.errors import BuildError

FETCH = "addEventListener('fetch', (e) => e.respondWith(new Response('hi')));"
HANDLER = "export const incomingHandler = { handle(request, out) {} };"


def installed(root: Path, version: str = "0.23.0", handler: str = "0.2.10") -> Path:
    """A folder that looks like the package's."""
    folder = root / "node_modules" / "@bytecodealliance" / "componentize-js"
    (folder / "lib").mkdir(parents=True)
    (folder / "package.json").write_text(json.dumps({"version": version}))
    engine = b"\0asm wasi:http/incoming-handler@" + handler.encode() + b"#handle"
    (folder / "lib" / "starlingmonkey_embedding.wasm").write_bytes(engine)
    return folder


@pytest.fixture
def node(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A PATH with a `node`, nothing installed, and an empty working directory."""
    program = tmp_path / "prefix" / "bin" / "node"
    program.parent.mkdir(parents=True)
    program.write_text("")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(program.parent))
    monkeypatch.setenv("WASMCLOUD_WORKBENCH_CACHE", str(tmp_path / "cache"))
    monkeypatch.delenv(javascript_tool.FOLDER_VARIABLE, raising=False)
    work = tmp_path / "work" / "deep"
    work.mkdir(parents=True)
    monkeypatch.chdir(work)
    return program


def test_the_nearest_tool_is_taken(
    node: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = []
    for root in (tmp_path / "prefix" / "lib", tmp_path / "cache" / "javascript", tmp_path / "work"):
        installed(root, version=str(len(found)))
        found.append(find_javascript_tool().version)
    installed(tmp_path / "named", version="mine")
    monkeypatch.setenv(javascript_tool.FOLDER_VARIABLE, str(tmp_path / "named"))
    tool = find_javascript_tool()
    assert [*found, tool.version] == ["0", "1", "2", "mine"]
    assert tool.node == str(node) and tool.module.endswith("/src/componentize.js")
    assert tool.http_version == "0.2.10"


def test_without_the_tool_the_error_is_the_command_that_installs_it(
    node: Path, tmp_path: Path
) -> None:
    with pytest.raises(BuildError, match="componentize-js, which builds") as caught:
        find_javascript_tool()
    cache = tmp_path / "cache" / "javascript"
    assert f"npm install --prefix {cache} @bytecodealliance/componentize-js" in caught.value.hint


def test_without_node_that_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(BuildError, match="no `node` on the PATH"):
        find_javascript_tool()


@pytest.fixture
def tool(tmp_path: Path) -> JavaScriptTool:
    return JavaScriptTool(installed(tmp_path), "0.23.0", "node")


def test_fetch_events_take_a_bundled_world_at_the_release_of_the_engine(
    tool: JavaScriptTool,
) -> None:
    hello = find_target("hello", name="hello")
    assert list(fetch_target(hello, FETCH, tool).world().exports) == [
        "wasi:http/incoming-handler@0.2.10"
    ]
    assert fetch_target(hello, HANDLER, tool) is hello


def test_a_world_of_the_user_is_not_changed_but_the_clash_is_told(tool: JavaScriptTool) -> None:
    mine = find_target(
        None, name="x", wit="world mine { export wasi:http/incoming-handler@0.2.3; }"
    )
    assert fetch_target(mine, HANDLER, tool) is mine
    with pytest.raises(BuildError, match=r"answer .*@0.2.10, and the world exports @0.2.3"):
        fetch_target(mine, FETCH, tool)


def test_the_wit_of_a_cell_is_a_leading_comment() -> None:
    cell = split_cell("// mine\n/*wit\nworld w { }\n*/\nexport const a = 1;", lang="js")
    assert cell.wit == "\n\nworld w { }\n"
    assert split_cell("/* about wit */ export const a = 1;", lang="js").wit is None


@pytest.mark.skipif(shutil.which("node") is None, reason="says what the real node says")
async def test_a_typing_error_is_placed_in_the_cell(tmp_path: Path) -> None:
    from workbench.authoring.tool import run_process

    (tmp_path / "check.mjs").write_text("export const a = 1;\nexport const b = [;\n")
    outcome = await run_process(["node", "--check", "check.mjs"], cwd=tmp_path)
    error = syntax_failure(outcome.output)
    assert outcome.code != 0 and error.line == 2
    assert error.message == "cell line 2: SyntaxError: Unexpected token ';'"
    assert error.hint.splitlines()[0] == "export const b = [;"


SOURCE = "const a = {};\nfunction deep() { return a.b.c; }\ndeep();\nimport { x } from 'lodash';"


@pytest.mark.parametrize(
    ("output", "message", "hint", "line"),
    [
        (
            "Failed to initialize component (wizer (/x)):\nException while evaluating top-level "
            "script\ncell.js:2:19 TypeError: a.b is undefined\nStack:\n  deep@cell.js:2:19\n"
            "  @cell.js:3:1\n",
            "cell line 2: TypeError: a.b is undefined",
            "line 3: deep();",
            2,
        ),
        (
            'Unable to extract expected exports list\nError: "source.js" does not export a '
            '"greeter" interface as expected by the world.\n  Try defining it by its alias:\n'
            "  export const greeter = {};",
            'the world wants a "greeter" interface, and the cell exports none',
            "export const greeter = {};",
            None,
        ),
        (
            'ReferenceError: Error loading module "lodash" (resolved path "lodash"): No such file',
            "the cell imports 'lodash', which is not there",
            "no packages",
            4,
        ),
        (
            "Cannot find package '@bytecodealliance/preview2-shim' imported from /x/splicer.js",
            "componentize-js is installed without @bytecodealliance/preview2-shim, which it needs",
            "npm install --prefix",
            None,
        ),
        ("\nsomething else\nat x", "something else", "", None),
        ("", "the build failed", "", None),
    ],
)
def test_what_the_tool_says_becomes_the_error_of_the_cell(
    output: str, message: str, hint: str, line: int | None
) -> None:
    error = build_failure(output, SOURCE)
    assert (error.message, error.line) == (message, line)
    assert hint in error.hint
