"""An event loop for an invocation that was made without one, while it lasts."""

from __future__ import annotations

import asyncio
import threading

from workbench.wasm.store import CallState
from workbench.wasm.workers import LoopPort

__all__ = ["OwnLoop"]


class OwnLoop:
    """A service of an invocation: a loop on a thread, and the invocation's way to it."""

    def __init__(self, call: CallState) -> None:
        self._call = call
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._run, name="wasm-own-loop", daemon=True)
        self._thread.start()
        call.port = LoopPort(self._loop)

    def _run(self) -> None:
        with asyncio.Runner(loop_factory=lambda: self._loop) as runner:
            runner.get_loop().run_forever()

    def close(self) -> None:
        """Stop what still runs there, and the thread."""
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._call.port = None
