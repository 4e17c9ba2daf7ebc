"""A fuzz target and the invariant that each of its inputs must keep."""

from __future__ import annotations

import ast
import signal
import time
import traceback
import tracemalloc
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from pkgutil import iter_modules
from types import FrameType

from workbench.errors import RemoteError

__all__ = ["CORPUS", "Broken", "Target", "check", "inputs", "load", "load_all"]

CORPUS = Path(__file__).parent / "corpus"

# Whatever takes a lot of memory takes time, so only slow inputs are run again and measured.
_SUSPICIOUS_S = 0.005
_FREE_BYTES = 4 << 20


class Broken(BaseException):
    """An input broke the invariant. Not an `Exception`: nothing that is tested may swallow it."""


@dataclass(frozen=True, slots=True)
class Target:
    """What is fuzzed: ``run`` takes any bytes and returns, or raises one of ``allowed``.

    ``run`` may assert whatever holds for a value that did decode, such as its round trip.
    ``seeds`` are inputs that make sense, besides ``corpus/<name>.txt``. ``memory_factor`` bounds
    the memory of one input, in bytes for each of its bytes; ``cpu_s`` its CPU time, since what a
    busy machine does to the clock is no finding.
    """

    name: str
    run: Callable[[bytes], object]
    seeds: Callable[[], Iterable[bytes]] = tuple
    allowed: tuple[type[Exception], ...] = (RemoteError,)
    max_bytes: int = 4096
    memory_factor: int = 1024
    cpu_s: float = 5.0


def check(target: Target, data: bytes, *, measure_memory: bool = False) -> str:
    """Run one input. Where its allowed error was raised, or "" for a value.

    Raises `Broken` for what takes too much time or memory; any other exception is a finding too.
    """
    began = time.thread_time()
    outcome = _within_time(target, data)
    if measure_memory or time.thread_time() - began > _SUSPICIOUS_S:
        _measure_memory(target, data)
    return outcome


def _within_time(target: Target, data: bytes) -> str:
    def too_slow(signum: int, frame: FrameType | None) -> None:
        raise Broken(f"{len(data)} bytes took more than {target.cpu_s:g} s of CPU time")

    before = signal.signal(signal.SIGVTALRM, too_slow)
    signal.setitimer(signal.ITIMER_VIRTUAL, target.cpu_s)
    try:
        target.run(data)
    except target.allowed as error:
        last = traceback.extract_tb(error.__traceback__)[-1]
        return f"{last.filename}:{last.lineno}"
    finally:
        signal.setitimer(signal.ITIMER_VIRTUAL, 0)
        signal.signal(signal.SIGVTALRM, before)
    return ""


def _measure_memory(target: Target, data: bytes) -> None:
    # This run comes after another one: what is made once (codecs, tables) is there by now.
    tracemalloc.start()
    try:
        _within_time(target, data)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    most = _FREE_BYTES + target.memory_factor * len(data)
    if peak > most:
        raise Broken(f"{len(data)} bytes took {peak:,} bytes of memory, at most {most:,} are right")


def inputs(target: Target) -> Iterator[bytes]:
    """The seeds and the kept inputs."""
    yield from target.seeds()
    file = CORPUS / f"{target.name}.txt"
    if file.exists():
        for line in file.read_text("utf-8").splitlines():
            if line and not line.startswith("#"):
                yield ast.literal_eval(line)


def load(module: str) -> list[Target]:
    """The targets of one module."""
    return import_module(module).TARGETS


def load_all() -> dict[str, tuple[str, Target]]:
    """Every target by name, with the module that holds it."""
    from tests.fuzz import targets

    found: dict[str, tuple[str, Target]] = {}
    for info in iter_modules(targets.__path__, f"{targets.__name__}."):
        for target in load(info.name):
            if target.name in found:
                raise ValueError(f"two fuzz targets are named {target.name}")
            found[target.name] = (info.name, target)
    return found
