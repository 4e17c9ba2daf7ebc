"""Traces show values, never the content of streams."""

from __future__ import annotations

from workbench.wire.wit.types import (
    STRING,
    U8,
    Future,
    List,
    Option,
    Record,
    Result,
    Stream,
    Tuple,
    Variant,
)
from workbench.wire.wit.values import Case, Err, Ok, record_class
from workbench.wire.wrpc.redact import redact

REQUEST = Record("request", (("body", Stream(U8)), ("path", STRING)))


def test_plain_values_are_shared() -> None:
    value = ["a", "b"]
    assert redact(List(STRING), value) is value
    assert redact(None, None) is None


def test_streams_and_futures_are_replaced_wherever_they_are() -> None:
    value = record_class(REQUEST)(b"secret", "/x")
    variant = Variant("v", (("none", None), ("some", Stream(U8))))
    shown = [
        redact(REQUEST, value),
        redact(Tuple((Future(STRING), U8)), ("secret", 5)),
        redact(Option(Stream(U8)), b"secret"),
        redact(Option(Stream(U8)), None),
        redact(Result(Stream(U8), STRING), Ok(b"secret")),
        redact(Result(Stream(U8), STRING), Err("why")),
        redact(List(Stream(U8)), [b"secret"]),
        redact(variant, Case("some", b"secret")),
        redact(REQUEST, {"body": b"secret", "path": "/x"}),
    ]
    assert "secret" not in repr(shown)
    assert repr(shown[0]) == "request(body=<stream<u8>>, path='/x')"
    assert shown[3] is None and shown[5] == Err("why")
