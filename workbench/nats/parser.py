"""A quicker way through what the server sends, for the messages that come whole.

nats-py's parser tries regular expressions on a buffer whose front it deletes twice for a message.
Most reads hold whole messages only: those are cut out of the bytes as they came. All else, and
whatever looks unusual, is left to nats-py.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from nats.protocol.parser import AWAITING_CONTROL_LINE, Parser

from workbench.nats.commands import parse_headers

if TYPE_CHECKING:
    from workbench.nats.client import TolerantClient

__all__ = ["QuickParser"]

# The server's limit on a protocol line (nats.md §10), and its end.
_LINE = 4096 + 2


class QuickParser(Parser):
    """nats-py's parser with a short cut."""

    nc: TolerantClient
    resets = 0

    def reset(self) -> None:
        super().reset()
        self.resets += 1

    async def parse(self, data: bytes = b"") -> None:
        if self.state != AWAITING_CONTROL_LINE:
            await super().parse(data)
            return
        if self.buf:
            data = bytes(self.buf) + data
            self.buf.clear()
        resets, position, direct = self.resets, 0, self.nc.direct
        received = size = 0
        while (message := _message(data, position)) is not None:
            sid, subject, reply, head, start, stop = message
            position = stop + 2
            headers = data[start:head] if head > start else None
            payload = data[head:stop]
            callback = direct.get(sid)
            parsed = parse_headers(headers) if headers else None
            if callback is not None and (parsed or not headers):
                received += 1
                size += len(payload)
                self.nc.call(callback, subject, reply, payload, parsed)
            else:
                await self.nc._process_msg(sid, subject, reply, payload, headers or b"")
            if self.resets != resets:
                # The connection is another one: these bytes are of no use any more.
                position = len(data)
        self.nc.count(received, size)
        if position < len(data):
            await super().parse(data[position:] if position else data)


def _message(data: bytes, position: int) -> tuple[int, bytes, bytes, int, int, int] | None:
    """The message at ``position`` if it is whole.

    Its sid, subject and reply, where its payload begins, where its headers begin and where it
    ends.
    """
    if not data.startswith((b"MSG", b"HMSG"), position):
        return None
    end = data.find(b"\r\n", position, position + _LINE)
    if end < 0:
        return None
    line = data[position:end]
    if b"\r" in line or b"\n" in line:
        return None  # white space to `split`, but not to nats-py
    words = line.split()
    count = len(words)
    verb, size = words[0], words[-1]
    start = end + 2
    if verb == b"MSG":
        if not 4 <= count <= 5 or not size.isdigit():
            return None
        reply = words[3] if count == 5 else b""
        head = start
    elif verb == b"HMSG":
        if not 5 <= count <= 6 or not size.isdigit() or not words[-2].isdigit():
            return None
        reply = words[3] if count == 6 else b""
        head = start + int(words[-2])
    else:
        return None
    stop = start + int(size)
    if stop + 2 > len(data) or head > stop or not words[2].isdigit():
        return None
    return int(words[2]), words[1], reply, head, start, stop
