"""What one invocation may use, with the defaults of a real host (interfaces.md §6)."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["StoreLimits"]

_MIB = 1024 * 1024


@dataclass(frozen=True, slots=True)
class StoreLimits:
    """Limits of one store, that is, of one invocation.

    ``memory_bytes`` holds for each linear memory; together with ``memories`` it bounds a store.
    ``timeout_s`` counts from the moment the invocation gets a thread. ``log_line_bytes`` cuts
    lines of stdout and stderr, ``log_bytes`` is what of each reaches the log, and
    ``body_window_bytes`` how much of an HTTP body may wait between guest and loop. ``fuel`` needs a metered `Engine`; None is without limit.
    """

    memory_bytes: int = 256 * _MIB
    table_elements: int = 1_000_000
    instances: int = 100
    tables: int = 100
    memories: int = 16
    timeout_s: float = 600.0
    fuel: int | None = None
    component_bytes: int = 50 * _MIB
    log_line_bytes: int = 8192
    log_bytes: int = 16 * _MIB
    body_window_bytes: int = 256 * 1024
