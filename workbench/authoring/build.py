"""Build a component from source, or find it in the cache."""

from __future__ import annotations

import tempfile
import textwrap
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path

from workbench.authoring import javascript
from workbench.authoring.bindings import WORLD_MODULE, generate
from workbench.authoring.cache import Cache, Entry
from workbench.authoring.cells import split_cell
from workbench.authoring.failures import CELL_MODULE, build_failure
from workbench.authoring.javascript_tool import find_javascript_tool
from workbench.authoring.python_source import (
    HTTP_MODULE,
    START_MODULE,
    guest_text,
    module_files,
    parse_cell,
)
from workbench.authoring.tool import run_tool, tool_version
from workbench.authoring.wat import component_from_wat
from workbench.authoring.worlds import Target, WitRegistry, find_target
from workbench.errors import BuildError, UsageError
from workbench.wire.wit.types import World

__all__ = ["LANGUAGES", "Built", "Progress", "build_component"]

Progress = Callable[[str, float | None], None]
"""Called on the loop with what happens now, and how much of it is done where that is known."""

# Part of every cache key: raise it when what is written around a cell changes.
RECIPE = "3"


@dataclass(frozen=True, slots=True)
class Built:
    """A component in the cache. ``seconds`` is what this call took; ``wit`` the world's package.

    ``world`` is ``None`` only for a WAT component that was built without naming a world.
    """

    name: str
    path: Path
    digest: str
    size_bytes: int
    cached: bool
    world: World | None
    wit: str
    lang: str
    seconds: float

    def __fspath__(self) -> str:
        return str(self.path)


async def build_component(
    source: str,
    *,
    name: str,
    world: str | None = None,
    wit: str | None = None,
    lang: str = "python",
    registry: WitRegistry | None = None,
    cache_dir: Path | None = None,
    progress: Progress | None = None,
    timeout_s: float = 300.0,
) -> Built:
    """Turn source into a component.

    ``wit`` is the text of a package, of a world only, or of a world's imports and exports;
    without it the cell's own WIT block is used (`split_cell`), then ``registry``, then the
    bundled worlds. ``world=None`` means the only world of that WIT. While it builds, ``progress``
    is called at least once per second. Raises `BuildError` in terms of the cell, and the errors
    of WIT; cancelling kills the build.
    """
    builder = _BUILDERS.get(lang)
    if builder is None:
        raise UsageError(
            f"components can't be written in {lang!r}", hint=f"languages: {', '.join(LANGUAGES)}"
        )
    started = time.monotonic()
    request = _Request(
        source=source, name=name, world=world, wit=wit, lang=lang, registry=registry,
        cache=Cache(cache_dir), progress=progress or _silent, timeout_s=timeout_s,
    )  # fmt: skip
    target, entry, cached = await builder(request)
    request.progress("cached" if cached else "done", 1.0)
    return Built(
        name=name, path=entry.path, digest=entry.digest, size_bytes=entry.size_bytes,
        cached=cached, world=target.world() if target else None, wit=target.wit if target else "",
        lang=lang, seconds=time.monotonic() - started,
    )  # fmt: skip


@dataclass(frozen=True, slots=True)
class _Request:
    source: str
    name: str
    world: str | None
    wit: str | None
    lang: str
    registry: WitRegistry | None
    cache: Cache
    progress: Progress
    timeout_s: float

    def target(self) -> Target:
        wit = self.wit if self.wit is not None else split_cell(self.source, lang=self.lang).wit
        return find_target(self.world, name=self.name, wit=wit, registry=self.registry)

    async def cached(self, key: str, build: Callable[[], Awaitable[bytes]]) -> tuple[Entry, bool]:
        entry = self.cache.get(key)
        if entry is not None:
            return entry, True
        started = time.monotonic()
        component = await build()
        seconds = time.monotonic() - started
        self.cache.note_duration(self.lang, seconds)
        return self.cache.put(key, component, seconds=seconds), False


def _silent(stage: str, fraction: float | None) -> None:
    pass


async def _wat(request: _Request) -> tuple[Target | None, Entry, bool]:
    wants_world = request.world or request.wit or split_cell(request.source, lang="wat").wit
    target = request.target() if wants_world else None

    async def build() -> bytes:
        return component_from_wat(request.source)

    key = Cache.key(RECIPE, "wat", request.source)
    entry, cached = await request.cached(key, build)
    return target, entry, cached


async def _python(request: _Request) -> tuple[Target | None, Entry, bool]:
    source = textwrap.dedent(request.source)
    target = request.target()
    target.world()  # raises what is wrong with the WIT, in its own lines
    key = Cache.key(
        RECIPE, "python", tool_version(), guest_text(HTTP_MODULE), guest_text(START_MODULE),
        source, target.world_id, *target.own, *target.bundled,
    )  # fmt: skip
    entry, cached = await request.cached(key, lambda: _componentize(request, source, target))
    return target, entry, cached


async def _componentize(request: _Request, source: str, target: Target) -> bytes:
    request.progress("checking the cell", 0.0)
    tree = parse_cell(source)
    with tempfile.TemporaryDirectory(prefix="workbench-build-") as name:
        folder = Path(name)
        names = await generate(target, folder)
        cell = folder / "cell"
        cell.mkdir()
        for file, text in module_files(source, tree, names, world=target.name).items():
            (cell / file).write_text(text, encoding="utf-8")
        outcome = await run_tool(
            ["-d", "wit", "-w", target.world_id, "--world-module", WORLD_MODULE,
             "componentize", "-p", "cell", "-o", "component.wasm", CELL_MODULE],
            cwd=folder, timeout_s=request.timeout_s, tick=_ticker(request),
        )  # fmt: skip
        if outcome.code != 0:
            raise build_failure(outcome.output, source, names)
        try:
            return (folder / "component.wasm").read_bytes()
        except FileNotFoundError:
            raise BuildError("the build tool wrote no component", output=outcome.output) from None


async def _javascript(request: _Request) -> tuple[Target | None, Entry, bool]:
    source = textwrap.dedent(request.source)
    tool = find_javascript_tool()
    target = javascript.fetch_target(request.target(), source, tool)
    target.world()  # raises what is wrong with the WIT, in its own lines
    key = Cache.key(
        RECIPE, "js", tool.version, javascript.SCRIPT,
        source, target.world_id, *target.own, *target.bundled,
    )  # fmt: skip

    async def build() -> bytes:
        request.progress("checking the cell", 0.0)
        with tempfile.TemporaryDirectory(prefix="workbench-build-") as name:
            return await javascript.componentize(
                tool, source, target, Path(name),
                timeout_s=request.timeout_s, tick=_ticker(request),
            )  # fmt: skip

    entry, cached = await request.cached(key, build)
    return target, entry, cached


def _ticker(request: _Request) -> Callable[[float], None]:
    expected = request.cache.expected_seconds(request.lang)

    def tick(elapsed_s: float) -> None:
        if expected is None:
            request.progress(f"building {request.name}: {elapsed_s:.0f} s (often 10 to 30 s)", None)
        else:
            fraction = min(0.98, elapsed_s / expected)
            text = f"building {request.name}: {elapsed_s:.0f} s of about {expected:.0f} s"
            request.progress(text, fraction)

    return tick


_BUILDERS = {"python": _python, "wat": _wat, "js": _javascript}
LANGUAGES = tuple(_BUILDERS)
"""What components can be written in."""
