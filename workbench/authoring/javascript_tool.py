"""Where componentize-js is: a Node package that turns JavaScript into components.

It is no dependency of the workbench, for it brings some 400 MB of Node packages. It is looked for
in ``node_modules`` of the folder named by ``WASMCLOUD_WORKBENCH_JS``, of the working directory and
those above it, of the workbench's cache, and where ``npm install --global`` puts packages.
"""

from __future__ import annotations

import json
import os
import re
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from workbench.authoring.cache import default_cache_dir
from workbench.errors import BuildError

__all__ = ["JavaScriptTool", "find_javascript_tool", "install_command"]

FOLDER_VARIABLE = "WASMCLOUD_WORKBENCH_JS"
PACKAGE = "@bytecodealliance/componentize-js"
_PACKAGE = Path("node_modules") / PACKAGE
_HANDLER = re.compile(rb"wasi:http/incoming-handler@(0\.2\.\d+)")


@dataclass(frozen=True, slots=True)
class JavaScriptTool:
    """The package's folder, its version, and the Node program that runs it."""

    folder: Path
    version: str
    node: str

    @property
    def module(self) -> str:
        """What a script imports, as a URL."""
        return (self.folder / "src" / "componentize.js").as_uri()

    @property
    def http_version(self) -> str | None:
        """The WASI release whose ``incoming-handler`` answers with ``fetch`` events."""
        return _http_version(self.folder / "lib" / "starlingmonkey_embedding.wasm")


def find_javascript_tool() -> JavaScriptTool:
    """The nearest componentize-js; `BuildError` with the command that installs it."""
    node = shutil.which("node")
    if node is None:
        raise BuildError(
            "JavaScript components are built with Node, and there is no `node` on the PATH",
            hint=f"install Node 20 or later, then componentize-js:\n{install_command()}",
        )
    for root in _roots(Path(node)):
        folder = root / _PACKAGE
        try:
            version = str(json.loads((folder / "package.json").read_bytes())["version"])
        except (OSError, ValueError, KeyError, TypeError):
            continue
        return JavaScriptTool(folder.resolve(), version, node)
    raise BuildError(
        "componentize-js, which builds JavaScript components, is not installed",
        hint=f"install it once (some 400 MB), for example with\n{install_command()}\n"
        f"or name the folder whose node_modules has it in {FOLDER_VARIABLE}",
    )


def install_command() -> str:
    """What installs the tool where it is looked for, whatever the working directory."""
    # The second package is used by the first, which forgets to name it.
    return f"npm install --prefix {_own_folder()} {PACKAGE} @bytecodealliance/preview2-shim"


def _own_folder() -> Path:
    return default_cache_dir() / "javascript"


def _roots(node: Path) -> Iterator[Path]:
    named = os.environ.get(FOLDER_VARIABLE)
    if named:
        yield Path(named).expanduser()
    here = Path.cwd()
    yield from (here, *here.parents)
    yield _own_folder()
    yield node.resolve().parent.parent / "lib"


@lru_cache(maxsize=4)
def _http_version(engine: Path) -> str | None:
    try:
        found = _HANDLER.search(engine.read_bytes())
    except OSError:
        return None
    return found[1].decode() if found else None
