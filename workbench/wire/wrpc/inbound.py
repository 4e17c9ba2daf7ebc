"""The channels on which one side of a call receives streams and futures (wrpc.md §5.3, §6).

A channel's data may come before the root bytes that say which type it has: until then it is
kept, within bounds. Empty messages of intermediate nodes belong to no channel and say nothing
about the channels below them.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from workbench.errors import DecodeError, LimitExceeded
from workbench.wire.limits import DEFAULT_LIMITS, Limits
from workbench.wire.wit.types import Stream
from workbench.wire.wrpc.calls import Closed, Items, Output
from workbench.wire.wrpc.channel import FutureDecoder, StreamDecoder
from workbench.wire.wrpc.pending import AsyncType, AsyncValues, Path, PendingValues

__all__ = ["Inbound", "parse_path"]

EARLY_BYTES = 16 * 1024 * 1024
EARLY_CHANNELS = 1024


def parse_path(text: str) -> Path | None:
    """``0.12`` → ``(0, 12)``; None for anything that is no path."""
    parts = text.split(".")
    if len(parts) > 64 or not all(p.isascii() and p.isdigit() and len(p) < 11 for p in parts):
        return None
    return tuple(map(int, parts))


class Inbound:
    """All receiving channels of one call. Is the `AsyncValues` of the root decoder."""

    def __init__(
        self,
        known: Mapping[Path, AsyncType],
        *,
        dynamic: bool,
        async_values: AsyncValues | None = None,
        limits: Limits = DEFAULT_LIMITS,
    ) -> None:
        self._known = known
        self._dynamic = dynamic
        self._make = async_values if async_values is not None else PendingValues()
        self._limits = limits
        self._open: dict[Path, StreamDecoder | FutureDecoder] = {}
        self._early: dict[Path, list[bytes]] = {}
        self._early_bytes = 0
        self._fresh: list[Path] = []
        self._rooted = False
        self._closed = False

    @property
    def is_open(self) -> bool:
        """Whether a channel still waits for data."""
        return bool(self._open)

    def pending(self, path: Path, type: AsyncType) -> Any:
        """Open the channel at ``path`` and return what stands for its value.

        `LimitExceeded` where a peer opens one after the other and ends none.
        """
        if len(self._open) >= self._limits.channels:
            raise LimitExceeded(
                f"the call has {self._limits.channels} streams and futures open at once, "
                "more are not taken",
                limit="channels",
            )
        kind = StreamDecoder if isinstance(type, Stream) else FutureDecoder
        self._open[path] = kind(type, path, async_values=self, limits=self._limits)  # type: ignore[arg-type] # of the kind just chosen
        self._fresh.append(path)
        return self._make.pending(path, type)

    def ready(self, path: Path, type: AsyncType, value: Any) -> Any:
        return self._make.ready(path, type, value)

    def rooted(self) -> list[Output]:
        """The root is decoded: play back what came early, forget what nobody asked for."""
        self._rooted = True
        outputs = self._play_back()
        if not (self._dynamic and self._open):
            self._early.clear()
        return outputs

    def receive(self, path: Path, data: bytes) -> list[Output]:
        if path in self._open:
            outputs = self._feed(path, data)
            return outputs + self._play_back() if self._fresh else outputs
        if self._may_come(path):
            self._keep(path, data)
        return []

    def _may_come(self, path: Path) -> bool:
        if self._closed:
            return False
        if self._dynamic:
            return not self._rooted or bool(self._open)
        return not self._rooted and path in self._known

    def _keep(self, path: Path, data: bytes) -> None:
        self._early_bytes += len(data)
        if self._early_bytes > EARLY_BYTES or len(self._early) >= EARLY_CHANNELS:
            raise LimitExceeded(
                "too much stream data came before the value that announces it", limit="bytes"
            )
        self._early.setdefault(path, []).append(data)

    def _play_back(self) -> list[Output]:
        outputs: list[Output] = []
        while self._fresh:
            path = self._fresh.pop()
            for data in self._early.pop(path, ()):
                self._early_bytes -= len(data)
                if path in self._open:
                    outputs += self._feed(path, data)
        return outputs

    def _feed(self, path: Path, data: bytes) -> list[Output]:
        decoder = self._open[path]
        try:
            return self._advance(path, decoder, data)
        except DecodeError as error:
            del self._open[path]
            return [Closed(path, False, error)]

    def _advance(
        self, path: Path, decoder: StreamDecoder | FutureDecoder, data: bytes
    ) -> list[Output]:
        outputs: list[Output] = []
        if isinstance(decoder, StreamDecoder):
            items = decoder.feed(data) if data else b""
            if items:
                outputs.append(Items(path, items))
            if not data:
                decoder.end()
            clean = decoder.clean
        else:
            if data:
                decoder.feed(data)
            else:
                decoder.end()
            if decoder.done:
                outputs.append(Items(path, [decoder.value]))
            clean = True
        if decoder.done:
            del self._open[path]
            outputs.append(Closed(path, clean))
        return outputs

    def close(self, error: Exception | None = None) -> list[Output]:
        """End every open channel, as when the call fails or is given up."""
        outputs: list[Output] = [Closed(path, False, error) for path in self._open]
        self._open.clear()
        self._early.clear()
        self._closed = True
        return outputs

    def drop(self, path: Path) -> None:
        """Nobody reads this channel any more."""
        self._open.pop(path, None)
