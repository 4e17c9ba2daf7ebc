"""The channels of one call: how many may be open."""

from __future__ import annotations

from workbench.errors import LimitExceeded
from workbench.wire.limits import Limits
from workbench.wire.wit.types import U8, Stream
from workbench.wire.wrpc.calls import Closed, Items
from workbench.wire.wrpc.inbound import Inbound


def test_streams_that_are_opened_one_after_the_other_and_never_ended_have_a_limit() -> None:
    inbound = Inbound({(0,): Stream(Stream(U8))}, dynamic=True, limits=Limits(channels=4))
    inbound.pending((0,), Stream(Stream(U8)))
    inbound.rooted()
    one_more = b"\x01\x00"  # one item: a stream that is to follow
    for _ in range(3):
        assert [type(out) for out in inbound.receive((0,), one_more)] == [Items]
    (closed,) = inbound.receive((0,), one_more)
    assert isinstance(closed, Closed)
    assert isinstance(closed.error, LimitExceeded)
    assert closed.error.fields["limit"] == "channels"


def test_streams_that_end_make_room() -> None:
    inbound = Inbound({(0,): Stream(Stream(U8))}, dynamic=True, limits=Limits(channels=2))
    inbound.pending((0,), Stream(Stream(U8)))
    inbound.rooted()
    for number in range(10):
        assert [type(out) for out in inbound.receive((0,), b"\x01\x00")] == [Items]
        assert [type(out) for out in inbound.receive((0, number), b"\x00")] == [Closed]
