"""One engine for the room's tests, with its own cache, and components from text."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path

import pytest

from tests.unit.wasm.http_guest import HttpGuest
from tests.unit.wasm.http_guest import built as built_for_http
from tests.unit.wasm.wasi_probe import Guest, built
from workbench.wasm import CompiledComponent, Engine, wat_to_bytes

HERE = Path(__file__).parent
GOLDEN = HERE.parents[1] / "golden"
TINY = GOLDEN / "tiny.wat"
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


@pytest.fixture(scope="session")
def probe_engine(request: pytest.FixtureRequest) -> Iterator[Engine]:
    """An engine whose compiled code is kept between runs of the tests."""
    cache = request.config.cache
    assert cache is not None
    # pytest's cache directory is private enough once it is closed to others.
    compiled = Path(cache.mkdir("compiled"))
    compiled.chmod(0o700)
    made = Engine(cache_dir=compiled, workers=2)
    yield made
    made.close_blocking()


@pytest.fixture(scope="session")
def probe_component(request: pytest.FixtureRequest, probe_engine: Engine) -> CompiledComponent:
    """The Python component of ``probe/``."""
    cache = request.config.cache
    assert cache is not None
    return probe_engine.load_blocking(built(Path(cache.mkdir("components"))), name="probe")


@pytest.fixture
def guest(probe_component: CompiledComponent) -> Guest:
    """Runs scripts inside of the probe."""
    return Guest(probe_component)


@pytest.fixture(scope="session")
def http_component(request: pytest.FixtureRequest, probe_engine: Engine) -> CompiledComponent:
    """The Python component of ``http_probe/``."""
    cache = request.config.cache
    assert cache is not None
    data = built_for_http(Path(cache.mkdir("components")))
    return probe_engine.load_blocking(data, name="http-probe")


@pytest.fixture
async def http_guest(http_component: CompiledComponent) -> AsyncIterator[HttpGuest]:
    """Runs scripts inside of the HTTP probe."""
    made = HttpGuest(http_component)
    yield made
    await made.close()
