"""One engine for the room's tests, with its own cache, and components from text."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from workbench.wasm import CompiledComponent, Engine, wat_to_bytes

HERE = Path(__file__).parent
TINY = HERE.parents[1] / "golden" / "tiny.wat"
TINY_API = "lab:tiny/api@0.1.0"


def wat(name: str) -> bytes:
    """The bytes of a component of this folder, or of the recorded one."""
    path = TINY if name == "tiny" else HERE / "wat" / f"{name}.wat"
    return wat_to_bytes(path.read_text())


@pytest.fixture(scope="session")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    made = Engine(cache_dir=tmp_path_factory.mktemp("compiled"), workers=2)
    made.cache.directory.chmod(0o700)
    yield made
    made.close_blocking()


@pytest.fixture(scope="session")
def compiled(engine: Engine) -> Callable[[str], CompiledComponent]:
    return lambda name: engine.load_blocking(wat(name), name=name)
