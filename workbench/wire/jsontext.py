"""JSON bytes of strangers in and out: the only place of the control plane that decodes JSON.

Any bytes either decode or raise `DecodeError`: size and nesting are bounded before anything is
built, and an error of the JSON library never leaves. Decoding is as strict as the peers are
(control-interface.md §2.4): unknown keys are ignored, integers are integers, ``null`` is no
default.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Any, TypeVar

import msgspec

from workbench.errors import DecodeError, LimitExceeded
from workbench.wire.limits import DEFAULT_LIMITS

__all__ = ["MAX_BYTES", "MAX_DEPTH", "always", "decode", "encode", "to_builtins"]

# An inventory of ten thousand components is about 3 MB; NATS itself stops at 64 MB.
MAX_BYTES = 16 * 1024 * 1024
MAX_DEPTH = DEFAULT_LIMITS.depth

T = TypeVar("T")

_STRINGS = re.compile(rb'"(?:[^"\\]|\\.)*"?', re.DOTALL)
_BRACKETS = re.compile(rb"[\[{]|[\]}]")
_encoder = msgspec.json.Encoder()


def always(value: Any) -> Any:
    """A default of a field that is written even when it has this value.

    Structs here leave out what equals its plain default (``None``: an optional key that is
    unset). Peers need some keys always, even if empty: those get their default from here.
    """
    if isinstance(value, dict):
        return msgspec.field(default_factory=lambda: dict(value))
    return msgspec.field(default_factory=lambda: value)


def encode(value: Any) -> bytes:
    """Compact UTF-8 JSON of a struct, map or list."""
    return _encoder.encode(value)


def to_builtins(value: Any) -> Any:
    """A struct as plain dicts and lists, exactly what a reader of `encode` gets."""
    return msgspec.json.decode(encode(value))


def decode(data: bytes, kind: type[T], *, what: str, max_bytes: int = MAX_BYTES) -> T:
    """Decode ``data`` as ``kind``; ``what`` names the message in the error."""
    if len(data) > max_bytes:
        raise LimitExceeded(
            f"the {what} is larger than {max_bytes} bytes ({len(data)})", limit="bytes"
        )
    _check_depth(data, what)
    decoder = _decoder(kind)
    try:
        return decoder.decode(data)
    except msgspec.ValidationError as error:
        raise DecodeError(f"the {what} does not have the right shape: {error}") from error
    except (ValueError, RecursionError, OverflowError) as error:
        # ValueError covers msgspec's syntax errors and bytes that are not UTF-8.
        raise DecodeError(f"the {what} is not JSON: {error}") from error


@lru_cache(maxsize=256)
def _decoder(kind: Any) -> msgspec.json.Decoder[Any]:
    return msgspec.json.Decoder(kind)


def _check_depth(data: bytes, what: str) -> None:
    if data.count(b"{") + data.count(b"[") <= MAX_DEPTH:
        return
    depth = 0
    for bracket in _BRACKETS.finditer(_STRINGS.sub(b"", data)):
        if bracket.group() in b"[{":
            depth += 1
            if depth > MAX_DEPTH:
                raise LimitExceeded(f"the {what} nests deeper than {MAX_DEPTH}", limit="depth")
        else:
            depth -= 1
