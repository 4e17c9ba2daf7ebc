"""Feeds one target in a process of its own until the time is over or an input breaks it.

    python -m tests.fuzz.engine MODULE TARGET --seconds 60 --work FOLDER

The first input that breaks the target is left as ``FOLDER/found/…``, and the exit code is not 0.
Started by `python -m tests.fuzz`.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import random
import resource
import sys
import time
from collections.abc import Callable
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from tests.fuzz.target import Target, check, inputs, load

__all__ = ["ATHERIS", "INTERESTING", "Mutator", "mutate", "seed"]

ATHERIS = find_spec("atheris") is not None

_ADDRESS_SPACE = 6 << 30
_STUCK_S = 60

# What decoders trip over: edges of LEB128 and UTF-8, hostile lengths, quotes and brackets.
INTERESTING = [
    b"\x00", b"\x01", b"\x7f", b"\x80", b"\xff", b"\x80\x00", b"\xff\xff\xff\xff\x0f",
    b"\x80\x80\x80\x80\x10", b"\xff\xff\xff\x07", b"\xed\xa0\x80", b"\xf0\x9f\x98\x80", b"\xc0\x80",
    b'"', b"'", b"{", b"}", b"[", b"]", b"(", b")", b"<", b">", b":", b",", b".", b"\\", b"\r\n",
    b"null", b"true", b"-1", b"1e999", b"NaN", b"9223372036854775808", b"&a *a", b"%",
]  # fmt: skip


def mutate(data: bytes, other: bytes, rng: random.Random, most: int) -> bytes:
    """One to four random changes of ``data``; ``other`` is an input to take pieces from."""
    out = bytearray(data)
    for _ in range(rng.randint(1, 4)):
        at = rng.randint(0, len(out))
        end = min(len(out), at + rng.randint(1, 8))
        match rng.randrange(6):
            case 0 if at < len(out):
                out[at] ^= 1 << rng.randrange(8)
            case 1:
                out[at:end] = b""
            case 2:
                out[at:at] = rng.choice(INTERESTING)
            case 3:
                out[at:end] = rng.choice(INTERESTING)
            case 4:
                out[at:at] = out[at : at + rng.randint(1, 32)] * rng.randint(1, 8)
            case _:
                start = rng.randint(0, len(other))
                out[at:at] = other[start : start + rng.randint(1, 64)]
    return bytes(out[:most])


class Mutator:
    """Plain mutations, for where atheris is not. Inputs that end in a new way are kept."""

    def __init__(self, target: Target, seed: int) -> None:
        self.target = target
        self.seed = seed
        self._rng = random.Random(seed)
        self._pool = [b"", *inputs(target)]
        self._endings: set[str] = set()

    def step(self, run: Callable[[bytes], str]) -> None:
        data = mutate(
            self._rng.choice(self._pool), self._rng.choice(self._pool), self._rng,
            self.target.max_bytes,
        )  # fmt: skip
        ending = run(data)
        if ending not in self._endings:
            self._endings.add(ending)
            self._pool.append(data)


def _keep(found: Path, data: bytes) -> None:
    (found / f"crash-{hashlib.sha1(data).hexdigest()}").write_bytes(data)


def seed() -> int:
    """The same inputs each time, as far as the time goes, unless new ones are asked for.

    What a change did not break must not fail it; `make fuzz` looks for what is new.
    """
    return time.time_ns() % (1 << 31) if "WORKBENCH_EXPLORE" in os.environ else 1


def _run_plain(target: Target, seconds: float, found: Path) -> None:
    mutator = Mutator(target, seed())
    print(f"plain mutations, seed {mutator.seed}")
    current = b""

    def run(data: bytes) -> str:
        nonlocal current
        current = data
        return check(target, data)

    until = time.monotonic() + seconds
    rounds = 0
    try:
        for data in inputs(target):
            run(data)
        while time.monotonic() < until:
            mutator.step(run)
            rounds += 1
    except BaseException:
        _keep(found, current)
        raise
    print(f"DONE {rounds} runs, {rounds / seconds:.0f} a second")


def _atheris() -> Any:
    # By name: it is built for Linux only, and elsewhere a checker would not find it.
    return import_module("atheris")


def _run_guided(target: Target, seconds: float, work: Path) -> None:
    corpus = work / "corpus"
    corpus.mkdir(exist_ok=True)
    for data in inputs(target):
        (corpus / hashlib.sha1(data).hexdigest()).write_bytes(data)

    def run(data: bytes) -> None:
        check(target, data)

    options = [
        f"-max_total_time={seconds:g}", f"-max_len={target.max_bytes}", f"-timeout={_STUCK_S}",
        f"-seed={seed()}", "-rss_limit_mb=4096", f"-artifact_prefix={work / 'found'}/", "-print_final_stats=1",
    ]  # fmt: skip
    atheris = _atheris()
    atheris.Setup([sys.argv[0], *options, str(corpus)], run)
    atheris.Fuzz()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("module")
    parser.add_argument("target")
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--work", type=Path, required=True)
    parser.add_argument("--plain", action="store_true")
    options = parser.parse_args()
    found = options.work / "found"
    found.mkdir(parents=True, exist_ok=True)
    resource.setrlimit(resource.RLIMIT_AS, (_ADDRESS_SPACE, resource.RLIM_INFINITY))
    plain = options.plain or not ATHERIS
    if plain:
        targets = load(options.module)
    else:
        with _atheris().instrument_imports(include=["workbench"], enable_loader_override=False):
            targets = load(options.module)
    target = next(t for t in targets if t.name == options.target)
    if plain:
        _run_plain(target, options.seconds, found)
    else:
        _run_guided(target, options.seconds, options.work)


if __name__ == "__main__":
    main()
