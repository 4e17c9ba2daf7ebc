"""An interrupt (Ctrl-C, a notebook's stop button) ends a guest that runs on the main thread.

Python delivers it at the first instruction of whatever Python runs next. That is mostly one of
our callbacks, where nothing can be caught yet and ctypes throws the exception away. So while a
guest runs, an interrupt cancels it instead, and is raised when the guest has stopped.
"""

from __future__ import annotations

import contextlib
import signal
import threading
from collections.abc import Iterator
from types import FrameType

from workbench.errors import LimitHit
from workbench.wasm import store

__all__ = ["interruptible"]


@contextlib.contextmanager
def interruptible() -> Iterator[None]:
    """Raises `KeyboardInterrupt` for an interrupt meanwhile; does nothing on other threads, or
    where a program has its own way with interrupts."""
    on_main = threading.current_thread() is threading.main_thread()
    if not on_main or signal.getsignal(signal.SIGINT) is not signal.default_int_handler:
        yield
        return
    interrupted = False

    def stop(_number: int, frame: FrameType | None) -> None:
        nonlocal interrupted
        interrupted = True
        for state in list(store._calls.values()):
            if state.port is None:
                state.cancel("interrupted")
        # Anywhere else, as inside an import, it can be raised at once.
        if frame is None or frame.f_code.co_filename != store.__file__:
            raise KeyboardInterrupt

    signal.signal(signal.SIGINT, stop)
    try:
        yield
    except LimitHit:
        if not interrupted:
            raise
    finally:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    if interrupted:
        raise KeyboardInterrupt
