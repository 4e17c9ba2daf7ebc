"""``wasi:clocks``: the host's own clocks."""

from __future__ import annotations

import time
from typing import Any

from workbench.wasm.store import CallState
from workbench.wasm.wasi.io import Pollable, Timer
from workbench.wasm.wasi.table import WasiInterface, function

__all__ = ["MonotonicClock", "Timezone", "WallClock"]

_NS = 1_000_000_000


class MonotonicClock(WasiInterface):
    id = "wasi:clocks/monotonic-clock"

    @function("now")
    @staticmethod
    def now(call: CallState) -> int:
        return time.monotonic_ns()

    @function("resolution")
    @staticmethod
    def resolution(call: CallState) -> int:
        return max(1, round(time.get_clock_info("monotonic").resolution * _NS))

    @function("subscribe-instant")
    @staticmethod
    def subscribe_instant(call: CallState, when: int) -> Pollable:
        return Timer(when / _NS)

    @function("subscribe-duration")
    @staticmethod
    def subscribe_duration(call: CallState, duration: int) -> Pollable:
        return Timer((time.monotonic_ns() + duration) / _NS)


class WallClock(WasiInterface):
    id = "wasi:clocks/wall-clock"

    @function("now")
    @staticmethod
    def now(call: CallState) -> Any:
        return divmod(time.time_ns(), _NS)

    @function("resolution")
    @staticmethod
    def resolution(call: CallState) -> Any:
        return (0, max(1, round(time.get_clock_info("time").resolution * _NS)))


class Timezone(WasiInterface):
    """Everything is UTC."""

    id = "wasi:clocks/timezone"

    @function("display")
    @staticmethod
    def display(call: CallState, when: Any) -> Any:
        return (0, "UTC", False)

    @function("utc-offset")
    @staticmethod
    def utc_offset(call: CallState, when: Any) -> int:
        return 0
