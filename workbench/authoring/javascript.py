"""A JavaScript cell as a component, by componentize-js in a Node process."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

from workbench.authoring.javascript_failures import CELL_FILE, build_failure, syntax_failure
from workbench.authoring.javascript_tool import JavaScriptTool
from workbench.authoring.tool import run_process
from workbench.authoring.worlds import Target, bundled_worlds, find_target
from workbench.errors import BuildError

__all__ = ["SCRIPT", "componentize", "fetch_target"]

# Lower priority, so that the kernel, the host and the browser stay quick while a cell builds.
SCRIPT = """
import os from 'node:os';
import { writeFile } from 'node:fs/promises';
const [tool, sourcePath, witPath, worldName, output] = process.argv.slice(2);
os.setPriority(5);
try {
  const { componentize } = await import(tool);
  const { component } = await componentize({ sourcePath, witPath, worldName });
  await writeFile(output, component);
} catch (error) {
  console.error(error.message ?? error);
  process.exit(1);
}
"""
_FETCH = re.compile(r"\baddEventListener\(\s*(['\"`])fetch\1")
_HANDLER = re.compile(r"(wasi:http/incoming-handler@)(0\.2\.\d+)")


def fetch_target(target: Target, source: str, tool: JavaScriptTool) -> Target:
    """The target for a cell that answers HTTP with ``fetch`` events, as JavaScript does elsewhere.

    The tool's engine exports the handler in one WASI release. Worlds that come with the workbench
    are taken at that release; in a world of the user only the user changes it.
    """
    exported = _HANDLER.search(target.wit)
    wanted = tool.http_version
    if not _FETCH.search(source) or exported is None or wanted in (None, exported[2]):
        return target
    if target.wit == bundled_worlds().get(target.name):
        text = _HANDLER.sub(rf"\g<1>{wanted}", target.wit)
        return find_target(target.name, name=target.name, wit=text)
    raise BuildError(
        f"fetch events answer wasi:http/incoming-handler@{wanted}, and the world exports "
        f"@{exported[2]}",
        hint=f"export wasi:http/incoming-handler@{wanted} (componentize-js {tool.version} has that "
        "one), or export incomingHandler with a handle function instead of listening to fetch",
        output="", line=None,
    )  # fmt: skip


async def componentize(
    tool: JavaScriptTool,
    source: str,
    target: Target,
    folder: Path,
    *,
    timeout_s: float,
    tick: Callable[[float], None],
) -> bytes:
    """Build below ``folder``. Raises `BuildError` in terms of the cell."""
    (folder / CELL_FILE).write_text(source, encoding="utf-8")
    (folder / "build.mjs").write_text(SCRIPT, encoding="utf-8")
    target.write(folder / "wit")
    # A typing error costs nothing this way, and the tool would only count them.
    (folder / "check.mjs").write_text(source, encoding="utf-8")
    checked = await run_process([tool.node, "--check", "check.mjs"], cwd=folder, timeout_s=30)
    if checked.code != 0:
        raise syntax_failure(checked.output)
    outcome = await run_process(
        [tool.node, "build.mjs", tool.module, CELL_FILE, "wit", target.name, "component.wasm"],
        cwd=folder, timeout_s=timeout_s, tick=tick,
    )  # fmt: skip
    if outcome.code != 0:
        raise build_failure(outcome.output, source)
    try:
        return (folder / "component.wasm").read_bytes()
    except FileNotFoundError:
        raise BuildError("the build tool wrote no component", output=outcome.output) from None
