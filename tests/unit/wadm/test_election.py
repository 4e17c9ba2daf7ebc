"""Candidates over a real nats-server: one acts, the others wait, whatever the timing."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator

import pytest

from tests.conftest import connect
from workbench.nats import Connection, Message, Server
from workbench.wadm.election import SUBJECT, Election, ElectionTiming, keeper_of
from workbench.wire.wadm import encode

WAIT_S = 10.0
QUICK = ElectionTiming(beat_s=0.05, silent_s=0.4, objections_s=0.2)


class Candidate:
    """An election on a connection of its own, and what it was told."""

    def __init__(self, nc: Connection, lattice: str = "", timing: ElectionTiming = QUICK) -> None:
        self.nc = nc
        self.told: list[str] = []
        self.outvoted = asyncio.Event()
        self.foreign: list[str] = []
        self.election = Election(
            nc, lattice=lattice, outvoted=self._outvoted, foreign=self.foreign.append, timing=timing
        )

    def _outvoted(self, why: str) -> None:
        self.told.append(why)
        self.outvoted.set()

    @property
    def active(self) -> bool:
        return self.election.active


class Candidates:
    def __init__(self, server: Server) -> None:
        self._server = server
        self.all: list[Candidate] = []

    async def new(self, lattice: str = "", timing: ElectionTiming = QUICK) -> Candidate:
        candidate = Candidate(await connect(self._server), lattice, timing)
        self.all.append(candidate)
        return candidate


@pytest.fixture
async def candidates(nats_server: Server) -> AsyncIterator[Candidates]:
    found = Candidates(nats_server)
    yield found
    for candidate in found.all:
        await candidate.election.close()
        await candidate.nc.close()


async def test_the_first_acts_and_the_second_learns_who_it_is(candidates: Candidates) -> None:
    first, second = await candidates.new(), await candidates.new()
    assert not await first.election.claim()
    keeper = await second.election.claim()
    assert keeper.kind == "ours"
    assert str(os.getpid()) in keeper.where
    assert (first.active, second.active) == (True, False)


async def test_of_many_that_start_at_the_same_moment_one_acts(candidates: Candidates) -> None:
    several = [await candidates.new() for _ in range(5)]
    await asyncio.gather(*(c.election.claim() for c in several))
    # Whoever started unheard hears of the others with the next word.
    async with asyncio.timeout(WAIT_S):
        while sum(c.active for c in several) != 1:
            losers = [c.outvoted.wait() for c in several if c.active]
            tasks = [asyncio.ensure_future(wait) for wait in losers]
            await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            for task in tasks:
                task.cancel()


async def test_a_goodbye_is_followed_at_once(candidates: Candidates) -> None:
    slow = ElectionTiming(beat_s=0.05, silent_s=60.0, objections_s=0.1)
    first, second = await candidates.new(), await candidates.new(timing=slow)
    await first.election.claim()
    await second.election.claim()
    await first.election.resign()
    async with asyncio.timeout(WAIT_S):
        await second.election.until_free()
    assert not await second.election.claim()
    assert second.active


async def test_silence_is_followed_after_a_while(candidates: Candidates) -> None:
    first, second = await candidates.new(), await candidates.new()
    await first.election.claim()
    await second.election.claim()
    await first.nc.close()  # no goodbye: as if killed
    async with asyncio.timeout(WAIT_S):
        while not second.active:
            await second.election.until_free()
            await second.election.claim()


async def test_of_two_that_are_active_the_later_one_gives_way(candidates: Candidates) -> None:
    first, second = await candidates.new(), await candidates.new()
    await first.election.claim()
    # As if the objection had been lost.
    await second.election._listen()
    second.election._become_active()
    async with asyncio.timeout(WAIT_S):
        await second.outvoted.wait()
    assert (first.active, second.active) == (True, False)
    assert first.told == []


async def test_one_that_was_stalled_finds_its_place_taken(candidates: Candidates) -> None:
    first, second = await candidates.new(), await candidates.new()
    await first.election.claim()
    beats = first.election._beats
    assert beats is not None
    beats.cancel()  # stalled: says nothing and hears nothing
    hear = first.election._subscriptions[0]
    await hear.unsubscribe()
    first.election._subscriptions = []
    await second.election.claim()
    assert second.active
    await first.election._listen()
    rival = await first.election._claim_again()
    assert rival.kind == "ours"
    assert not first.active
    assert second.told == []


async def test_lattices_do_not_disturb_each_other_but_all_is_every_one(
    candidates: Candidates,
) -> None:
    one, other = await candidates.new("one"), await candidates.new("other")
    everything = await candidates.new()
    assert not await one.election.claim()
    assert not await other.election.claim()
    assert (await everything.election.claim()).kind == "ours"


async def test_a_real_manager_is_in_the_way_and_shows_itself_later(
    candidates: Candidates, nc: Connection
) -> None:
    async def answer(message: Message) -> None:
        await message.respond(b"[]")

    subscription = await nc.subscribe("wadm.api.>", answer, queue="wadm_server")
    candidate = await candidates.new()
    assert (await candidate.election.claim()).kind == "foreign"
    assert str(await keeper_of(nc)) == "a wadm server"
    await subscription.unsubscribe()
    await nc.flush()
    assert not await candidate.election.claim()
    await nc.publish("wadm.notify.shop", b'{"DeleteScalers":"x"}')
    await nc.flush()
    await candidate.nc.flush()
    assert candidate.foreign == ["shop"]


async def test_who_manages_a_lattice_is_told(candidates: Candidates, nc: Connection) -> None:
    assert str(await keeper_of(nc)) == "nobody"
    assert not await keeper_of(nc)
    candidate = await candidates.new("shop")
    await candidate.election.claim()
    keeper = await keeper_of(nc, "shop")
    assert keeper.id == candidate.election.id
    assert str(keeper).startswith("a workbench manager (")


@pytest.mark.parametrize("data", [b"", b"[]", b"\xff", b'{"kind":"x","id":1}', b"{" * 5000])
async def test_what_is_no_notice_is_passed_over(
    candidates: Candidates, nc: Connection, data: bytes
) -> None:
    candidate = await candidates.new()
    await candidate.election.claim()
    await nc.publish(f"{SUBJECT}.wadm.api", data)
    await nc.publish(f"{SUBJECT}.wadm.api", encode({"kind": "claim"}))
    await nc.flush()
    await candidate.nc.flush()
    assert candidate.active
