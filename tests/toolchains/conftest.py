"""Each component is built once in a session, the big ones once for all sessions (cache)."""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.toolchains import tools
from workbench.authoring.javascript_tool import FOLDER_VARIABLE
from workbench.wasm import Engine


@pytest.fixture(scope="session")
def engine() -> Iterator[Engine]:
    made = Engine(workers=2)
    yield made
    made.close_blocking()


@pytest.fixture(scope="session")
def made(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Path]:
    """``made(tool, *what)``: the file of a component, built by a function of `tools`."""
    files: dict[Any, Path] = {}

    def make(tool: Callable[..., Any], *what: str) -> Path:
        file = files.get((tool, what))
        if file is None:
            folder = tmp_path_factory.mktemp("toolchain")
            with pytest.MonkeyPatch.context() as patch:
                patch.setenv(FOLDER_VARIABLE, str(tools.HERE))
                data = tool(*what, folder)
                data = asyncio.run(data) if inspect.iscoroutine(data) else data
            file = files[tool, what] = folder / f"{what[0] if what else 'component'}.wasm"
            file.write_bytes(data)
        return file

    return make
