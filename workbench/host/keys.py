"""What an id or name may look like before it becomes part of a NATS subject or key.

Peers send any string. One that makes a protocol line longer than the server takes (4096 bytes,
nats-server's ``max_control_line``) would cost the host its connection, so length is checked
first; the characters are checked where subjects and keys are built.
"""

from __future__ import annotations

from workbench.errors import NatsError

__all__ = ["MAX_NAME_BYTES", "checked_name"]

MAX_NAME_BYTES = 1024
"""A name may appear twice in one line beside an inbox and a prefix."""


def checked_name(name: str) -> str:
    """The name, or `NatsError` if it is too long for a subject."""
    size = len(name.encode("utf-8", "surrogatepass"))
    if size > MAX_NAME_BYTES:
        raise NatsError(
            f"`{name[:40]}…` is too long: {size} bytes, {MAX_NAME_BYTES} are allowed",
            limit=MAX_NAME_BYTES,
        )
    return name
