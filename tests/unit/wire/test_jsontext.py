"""JSON of strangers: limits and errors."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from workbench.errors import DecodeError, LimitExceeded, RemoteError
from workbench.wire import jsontext

ANYTHING: Any = Any  # a type form, which the checker does not take for a type


def test_deep_nesting_is_refused_before_it_is_built() -> None:
    with pytest.raises(LimitExceeded) as caught:
        jsontext.decode(b"[" * 100_000, ANYTHING, what="thing")
    assert caught.value.limit == "depth"


def test_brackets_within_strings_do_not_nest() -> None:
    text = '{"a":"' + "[" * 500 + '\\"' + "{" * 500 + '"}'
    assert jsontext.decode(text.encode(), dict[str, str], what="thing")["a"].startswith("[[")


def test_wide_but_flat_data_is_fine() -> None:
    assert len(jsontext.decode(b"[" + b"[]," * 999 + b"[]]", list[list[int]], what="thing")) == 1000


def test_too_many_bytes_are_refused() -> None:
    with pytest.raises(LimitExceeded) as caught:
        jsontext.decode(b" " * 11, ANYTHING, what="thing", max_bytes=10)
    assert caught.value.limit == "bytes"


@pytest.mark.parametrize("data", [b"", b"{", b'{"a":"\xff"}', b'{"a":"\\ud800"}', b"nul"])
def test_what_is_no_json_is_a_decode_error(data: bytes) -> None:
    with pytest.raises(DecodeError):
        jsontext.decode(data, dict[str, str], what="thing")


@given(st.binary(max_size=300))
def test_any_bytes_decode_or_raise_a_remote_error(data: bytes) -> None:
    try:
        value = jsontext.decode(data, ANYTHING, what="thing")
    except RemoteError:
        return
    jsontext.encode(value)
