"""``wasi:random``: from the operating system, the insecure kinds too."""

from __future__ import annotations

import secrets

from workbench.errors import Trap
from workbench.wasm.store import CallState
from workbench.wasm.wasi.table import WasiInterface, function

__all__ = ["Insecure", "InsecureSeed", "Random"]

_MAX_BYTES = 16 * 1024 * 1024


def _bytes(call: CallState, size: int) -> bytes:
    if size > _MAX_BYTES:
        raise Trap(
            f"the component asked for {size} random bytes at once",
            hint=f"at most {_MAX_BYTES} are given",
            reason="too many random bytes", backtrace=[], stderr=[],
        )  # fmt: skip
    return secrets.token_bytes(size)


def _u64(call: CallState) -> int:
    return secrets.randbits(64)


class Random(WasiInterface):
    id = "wasi:random/random"
    get_random_bytes = function("get-random-bytes")(_bytes)
    get_random_u64 = function("get-random-u64")(_u64)


class Insecure(WasiInterface):
    id = "wasi:random/insecure"
    get_insecure_random_bytes = function("get-insecure-random-bytes")(_bytes)
    get_insecure_random_u64 = function("get-insecure-random-u64")(_u64)


class InsecureSeed(WasiInterface):
    id = "wasi:random/insecure-seed"

    @function("insecure-seed")
    @staticmethod
    def insecure_seed(call: CallState) -> tuple[int, int]:
        return (secrets.randbits(64), secrets.randbits(64))
