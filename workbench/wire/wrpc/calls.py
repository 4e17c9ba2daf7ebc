"""What goes in and out of the call machines, and the errors of a call in words."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple, TypeAlias

from workbench.errors import (
    CallError,
    CallTimeout,
    DecodeError,
    HandshakeTimeout,
    IncompleteResults,
    NoResponders,
)
from workbench.wire.wrpc.pending import AsyncType, Path

__all__ = [
    "Answered",
    "CallName",
    "Closed",
    "Failed",
    "FirstByte",
    "Handshaken",
    "Items",
    "Output",
    "Params",
    "Publish",
    "SendChannel",
    "call_timeout",
    "handshake_timeout",
    "incomplete_params",
    "incomplete_results",
    "mismatched",
    "no_reply",
    "no_responders",
    "refused",
    "stream_timeout",
]  # fmt: skip


class CallName(NamedTuple):
    """Who is asked for what; every error of a call carries these."""

    target: str
    instance: str
    function: str

    def __str__(self) -> str:
        function = f"{self.instance}.{self.function}" if self.instance else self.function
        return f"{function} on {self.target!r}"


class Publish(NamedTuple):
    """Instruction: publish this message."""

    subject: str
    data: bytes = b""
    reply: str = ""
    headers: Mapping[str, str] | None = None


class SendChannel(NamedTuple):
    """Instruction: send the content of a stream or future on ``subject``, then an empty message."""

    subject: str
    path: Path
    type: AsyncType
    value: Any


class Handshaken(NamedTuple):
    """The callee took the call up; ``peer`` is its inbox."""

    peer: str


class FirstByte(NamedTuple):
    """The first byte of the answer is here."""


class Params(NamedTuple):
    """All parameters are decoded: run the function."""

    args: tuple[Any, ...]
    size: int


class Answered(NamedTuple):
    """The root result is decoded; streams in it may still run."""

    value: Any
    size: int


class Items(NamedTuple):
    """What arrived on a channel: bytes, a list of items, or a one-item list for a future."""

    path: Path
    items: bytes | list[Any]


class Closed(NamedTuple):
    """A channel ended; ``clean`` if by its in-band terminator or its value."""

    path: Path
    clean: bool
    error: Exception | None = None


class Failed(NamedTuple):
    """The call is over without an answer."""

    error: Exception


Output: TypeAlias = (
    Publish | SendChannel | Handshaken | FirstByte | Params | Answered | Items | Closed | Failed
)


def _fields(name: CallName) -> dict[str, str]:
    return name._asdict()


def no_responders(name: CallName) -> NoResponders:
    return NoResponders(
        f"nobody serves {name}",
        hint=(
            f"check that {name.target!r} runs and exports exactly {name.instance or 'this function'}"
            " (the version is compared letter by letter)"
        ),
        **_fields(name),
    )


def handshake_timeout(name: CallName, timeout_s: float) -> HandshakeTimeout:
    return HandshakeTimeout(
        f"{name} was not taken up within {timeout_s:g} s",
        hint=(
            "somebody listens on the subject but does not answer: all instances may be busy (scale "
            "it up, or allow more time), its host may be gone, or a tap hides that nobody "
            "is there; look at its status"
        ),
        timeout_s=timeout_s,
        **_fields(name),
    )


def call_timeout(name: CallName, timeout_s: float) -> CallTimeout:
    return CallTimeout(
        f"{name} took the call up and did not answer within {timeout_s:g} s",
        hint="pass a larger timeout_s, or look at the log of the host that runs it",
        timeout_s=timeout_s,
        **_fields(name),
    )


def stream_timeout(name: CallName, timeout_s: float) -> CallTimeout:
    return CallTimeout(
        f"nothing arrived for {timeout_s:g} s on a stream of {name}",
        hint="the sender may be gone; pass a larger stream_idle_s for streams that pause",
        timeout_s=timeout_s,
        **_fields(name),
    )


def incomplete_results(name: CallName, received: int) -> IncompleteResults:
    part = f"after {received} bytes" if received else "without an answer"
    return IncompleteResults(
        f"{name} ended {part}: it trapped, raised, was refused or ran out of time",
        hint=(
            "no reason crosses the wire: look at the log of the host that runs it; "
            "also check that both sides use the same WIT"
        ),
        received=received,
        **_fields(name),
    )


def incomplete_params(name: CallName, received: int) -> DecodeError:
    return DecodeError(
        f"the parameters of {name} end after {received} bytes",
        hint="the caller left, or it uses another signature",
        received=received,
        **_fields(name),
    )


def mismatched(name: CallName, what: str, trailing: int) -> DecodeError:
    return DecodeError(
        f"{what} of {name}: {trailing} bytes more than the type needs",
        hint="caller and callee use different WIT for this function",
        trailing=trailing,
        **_fields(name),
    )


def no_reply(name: CallName) -> CallError:
    return CallError(
        f"{name} answered without naming its inbox",
        hint="whatever listens on the subject does not speak wRPC",
        **_fields(name),
    )


def refused(name: CallName, status: int, description: str) -> CallError:
    text = f" ({description})" if description else ""
    return CallError(
        f"{name}: the NATS server answered with status {status}{text}",
        hint="look at the NATS server and its permissions",
        status=status,
        **_fields(name),
    )
