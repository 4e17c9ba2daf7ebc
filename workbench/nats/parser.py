"""A quicker way through what the server sends, for the messages that come whole.

nats-py's parser tries regular expressions on a buffer whose front it deletes twice for a message.
Most reads hold whole messages only: those are cut out of the bytes as they came. All else, and
whatever looks unusual, is left to nats-py.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from nats.protocol.parser import AWAITING_CONTROL_LINE, Parser

if TYPE_CHECKING:
    from workbench.nats.client import TolerantClient

__all__ = ["QuickParser"]

# The server's limit on a protocol line (nats.md §10), and its end.
_LINE = 4096 + 2
# Words in a line without and with a reply subject; the rest are verb, subject, sid and sizes.
_WORDS = {b"MSG": (4, 5), b"HMSG": (5, 6)}


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
        resets, position = self.resets, 0
        while (message := _message(data, position)) is not None:
            sid, subject, reply, head, start, stop = message
            position = stop + 2
            headers = data[start:head] if head > start else None
            payload = data[head:stop]
            if not self.nc.deliver(sid, subject, reply, payload, headers):
                await self.nc._process_msg(sid, subject, reply, payload, headers or b"")
                if self.resets != resets:
                    return  # the connection is another one: these bytes are of no use any more
        if position < len(data):
            await super().parse(data[position:] if position else data)


def _message(data: bytes, position: int) -> tuple[int, bytes, bytes, int, int, int] | None:
    """The message at ``position`` if it is whole.

    Its sid, subject and reply, where its payload begins, where its headers begin and where it
    ends.
    """
    end = data.find(b"\r\n", position, position + _LINE)
    if end < 0:
        return None
    words = data[position:end].split()
    counts = _WORDS.get(words[0]) if words else None
    if counts is None or len(words) not in counts:
        return None
    with_headers = counts[0] == 5
    sid, size = words[2], words[-1]
    if not (sid.isdigit() and size.isdigit()):
        return None
    reply = words[3] if len(words) == counts[1] else b""
    start = head = end + 2
    if with_headers:
        if not words[-2].isdigit():
            return None
        head += int(words[-2])
    stop = start + int(size)
    if stop + 2 > len(data) or head > stop:
        return None
    return int(sid), words[1], reply, head, start, stop
