"""What can be set on a host, with the real program's defaults (events-and-lattice-data.md §C.9)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

__all__ = ["HOST_VERSION", "HostOptions", "LogLine", "OnLog"]

HOST_VERSION = "1.9.2"
"""The version announced in pings, inventories and events: that of the host we behave like.

It has to be full semver, or wadm drops our heartbeats (events-and-lattice-data.md §A.5).
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class HostOptions:
    """Options of one host.

    ``allow_file_load`` is on, unlike the real program's default: a host inside a notebook runs
    what its user built on the same machine. ``provider_stop_limit_s`` is longer than the real
    program's 0.3 s: a provider in this process can be waited for, and clients wait 2 s.
    """

    version: str = HOST_VERSION
    ctl_prefix: str = "wasmbus.ctl"
    allow_file_load: bool = True
    component_auctions: bool = True
    provider_auctions: bool = True
    max_execution_s: float = 600.0
    call_timeout_s: float = 10.0
    provider_stop_limit_s: float = 1.5
    first_health_check_s: float = 5.0
    health_interval_s: float = 30.0
    stop_deadline_s: float = 10.0


@dataclass(frozen=True, slots=True)
class LogLine:
    """A line that a component wrote, or that the host has to say about it.

    ``stream`` is ``"log"`` (wasi:logging), ``"stdout"``, ``"stderr"`` or ``"host"``. ``error`` is
    the exception behind a host line, its cause chain complete.
    """

    component_id: str
    level: str
    message: str
    context: str = ""
    stream: str = "log"
    traceparent: str = ""
    error: BaseException | None = None


OnLog = Callable[[LogLine], None]
