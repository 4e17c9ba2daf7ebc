"""Compiling a component while its cell runs, where a person waits anyway and sees it.

What is compiled goes to the cache that every host of this machine reads, so that a deployment
afterwards takes milliseconds instead of seconds.
"""

from __future__ import annotations

from collections.abc import Callable

from workbench import _loop
from workbench.authoring import Built

__all__ = ["compile_ahead"]

Progress = Callable[[str, float | None], None]


def compile_ahead(built: Built, progress: Progress) -> None:
    """Fill the cache of compiled code; an interrupt stops the waiting, not the compiler."""
    portal = _loop.acquire()
    try:
        portal.run(_compile(built, progress))
    finally:
        _loop.release()


async def _compile(built: Built, progress: Progress) -> None:
    from workbench.wasm import Engine

    engine = Engine(workers=1)
    try:
        await engine.load(
            built.path.read_bytes(), name=built.name, progress=lambda text: progress(text, None)
        )
    finally:
        await engine.close()
