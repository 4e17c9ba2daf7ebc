"""Waiting for the event that ends a command."""

from __future__ import annotations

import asyncio

import pytest

from tests.unit.lattice.lives import HOST_A
from workbench.errors import ControlError
from workbench.lattice.expect import Expectation, provider_started
from workbench.nats import Connection
from workbench.wire import events

SUBJECT = "wasmbus.evt.default.provider_started"


async def test_events_before_and_garbage_do_not_matter(nc: Connection) -> None:
    started = events.provider_started(HOST_A, provider_id="p", image_ref="r")
    async with Expectation(nc, "default", HOST_A, provider_started("p")) as expected:
        for data in (b"\xff", b"{}", started, started):
            await nc.publish(SUBJECT, data)
        event = await expected.outcome(5.0, what="start")
    assert event.name == "provider_started"


async def test_a_failure_is_raised_only_for_its_host(nc: Connection) -> None:
    def failed(host: str) -> bytes:
        return events.provider_start_failed(host, provider_id="p", provider_ref="r", error="boom")

    async with Expectation(nc, "default", HOST_A, provider_started("p")) as expected:
        await nc.publish(SUBJECT, failed("Nother"))
        await nc.publish(SUBJECT, failed(HOST_A))
        with pytest.raises(ControlError, match="boom"):
            await expected.outcome(5.0, what="start")


async def test_an_outcome_that_nobody_asked_for_is_dropped_quietly(nc: Connection) -> None:
    async with Expectation(nc, "default", HOST_A, provider_started("p")):
        failed = events.provider_start_failed(HOST_A, provider_id="p", provider_ref="r", error="e")
        await nc.publish(SUBJECT, failed)
        await nc.flush()
        await asyncio.sleep(0)
