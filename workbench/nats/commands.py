"""PUB and HPUB as the NATS client protocol writes them, for publishing without nats-py's queue."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import lru_cache

from workbench.errors import NatsError

__all__ = ["MAX_SUBJECTS_BYTES", "check_subject", "parse_headers", "publish_command"]

_HEADER_KEY = re.compile(r"[!-9;-~]+")
_VERSION = b"NATS/1.0\r\n"
_LINE_BREAK = re.compile(r"[\r\n]")


@lru_cache(maxsize=256)
def _is_header_key(key: str) -> bool:
    return _HEADER_KEY.fullmatch(key) is not None


# nats-server cuts the connection at a protocol line of more than 4096 bytes; the line holds the
# verb, two sizes and a subscription id beside these.
MAX_SUBJECTS_BYTES = 4000


def check_subject(subject: str, other: str = "") -> None:
    """Refuse what the server would end the connection for.

    ``other`` is the reply subject or queue group on the same line. Raises `NatsError`.
    """
    # Whole-string checks: a regular expression costs more than the rest of a publish.
    both = f"{subject} {other}" if other else subject
    if not subject or both.count(" ") != bool(other) or ".." in both or not both.isprintable():
        raise NatsError(f"{both[:160]!r} is no subject", subject=subject)
    size = len(subject) + len(other)
    if size > MAX_SUBJECTS_BYTES // 4 and len(f"{subject}{other}".encode()) > MAX_SUBJECTS_BYTES:
        raise NatsError(
            f"a subject of {size} characters is too long for NATS: {subject[:60]!r}…",
            hint=f"names in it must be shorter: {MAX_SUBJECTS_BYTES} bytes in all",
        )


def publish_command(
    subject: str, reply: str, data: bytes, headers: Mapping[str, str] | None
) -> bytes:
    """The PUB or HPUB line with its payload, as the NATS client protocol writes it."""
    head = f"{subject} {reply} " if reply else f"{subject} "
    if not headers:
        return b"PUB %b%d\r\n%b\r\n" % (head.encode(), len(data), data)
    if not all(map(_is_header_key, headers)):
        raise NatsError(f"a header name is not usable: {list(headers)!r}", subject=subject)
    lines = "".join([f"{key}: {value}\r\n" for key, value in headers.items()])
    if lines.count("\n") > len(headers) or lines.count("\r") > len(headers):
        lines = "".join(
            [f"{key}: {_LINE_BREAK.sub(' ', value)}\r\n" for key, value in headers.items()]
        )
    block = f"NATS/1.0\r\n{lines}\r\n".encode()
    sizes = (len(block), len(block) + len(data))
    return b"HPUB %b%d %d\r\n%b%b\r\n" % (head.encode(), *sizes, block, data)


def parse_headers(block: bytes) -> dict[str, str] | None:
    """The headers of an ordinary message, last value winning; None for anything else.

    Status lines and blocks that are not UTF-8 are rare and left to nats-py.
    """
    if not block.startswith(_VERSION):
        return None
    headers: dict[str, str] = {}
    try:
        for line in block[len(_VERSION) :].decode().split("\r\n"):
            key, separator, value = line.partition(":")
            if separator:
                headers[key] = value.strip()
            elif line:
                return None
    except UnicodeDecodeError:
        return None
    return headers
