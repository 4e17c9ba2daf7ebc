"""Commands as control requests over a real nats-server; the host is a function."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any

import pytest

from workbench.lattice.control import ControlClient
from workbench.nats import Connection, Message
from workbench.wadm.commands import (
    Command,
    DeleteLink,
    PutConfig,
    PutLink,
    ReadConfig,
    ReadHost,
    ReadLinks,
    ScaleComponent,
    StartProvider,
    StopProvider,
)
from workbench.wadm.executor import Executor
from workbench.wadm.ports import Answer
from workbench.wire.control import accepted, answered, refused
from workbench.wire.records import Link

HOST = "N" + "A" * 55
LINK = Link(source_id="s", target="t", wit_namespace="n", wit_package="p", interfaces=("i",))


class Hosts:
    """Answers every control request and remembers them."""

    def __init__(self) -> None:
        self.seen: list[tuple[str, Any]] = []
        self.answers: dict[str, bytes] = {}
        self.gate: asyncio.Event | None = None

    async def serve(self, message: Message) -> None:
        tail = message.subject.removeprefix("wasmbus.ctl.v1.default.")
        self.seen.append((tail, json.loads(message.data) if message.data else None))
        if self.gate is not None:
            await self.gate.wait()
        verb = ".".join(tail.split(".")[:2])
        await message.respond(self.answers.get(verb, accepted()))


class Bench:
    def __init__(self, nc: Connection, hosts: Hosts) -> None:
        self.hosts = hosts
        self.answers: list[tuple[Command, Answer]] = []
        self._news = asyncio.Event()
        self.executor = Executor(ControlClient(nc, timeout_s=0.3), self._report)

    def _report(self, command: Command, answer: Answer) -> None:
        self.answers.append((command, answer))
        self._news.set()

    async def answer(self, *commands: Command) -> list[Answer]:
        """Carry out; the answers in the order of the commands."""
        wanted = len(self.answers) + len(commands)
        for command in commands:
            self.executor.submit(command)
        async with asyncio.timeout(5.0):
            while len(self.answers) < wanted:
                self._news.clear()
                await self._news.wait()
        found = dict(self.answers)
        return [found[command] for command in commands]


@pytest.fixture
async def bench(nc: Connection) -> AsyncIterator[Bench]:
    hosts = Hosts()
    await nc.subscribe("wasmbus.ctl.v1.default.>", hosts.serve)
    bench = Bench(nc, hosts)
    yield bench
    await bench.executor.close()


async def test_requests_are_those_of_the_real_manager(bench: Bench) -> None:
    scale = ScaleComponent("c", HOST, 2, "x:1", "app", "id", "default", ("cfg",))
    start = StartProvider("p", HOST, "x:2", "app", "id2", "default")
    answers = await bench.answer(
        scale, start, StopProvider("q", HOST, "app", "id", "d"), PutConfig("cfg", (("a", "b"),)),
        PutLink(LINK, "app"),
    )  # fmt: skip
    assert all(answer.ok for answer in answers)
    seen = dict(bench.hosts.seen)
    marks = {"wasmcloud.dev/managed-by": "wadm", "wasmcloud.dev/appspec": "app",
             "wasmcloud.dev/spread_name": "default"}  # fmt: skip
    assert seen[f"component.scale.{HOST}"] == {
        "component_ref": "x:1", "component_id": "c", "count": 2, "host_id": HOST,
        "config": ["cfg"], "allow_update": False,
        "annotations": {**marks, "wasmcloud.dev/scaler": "id"},
    }  # fmt: skip
    assert seen[f"provider.start.{HOST}"] == {
        "provider_id": "p", "provider_ref": "x:2", "host_id": HOST, "config": [],
        "annotations": {**marks, "wasmcloud.dev/scaler": "id2"},
    }  # fmt: skip
    assert seen[f"provider.stop.{HOST}"] == {"host_id": HOST, "provider_id": "q"}
    assert seen["config.put.cfg"] == {"a": "b"}
    assert seen["link.put"]["source_id"] == "s"


async def test_what_is_read_comes_back_as_the_value(bench: Bench) -> None:
    bench.hosts.answers = {
        "config.get": answered({"a": "b"}),
        "link.get": answered([{"source_id": "s", "target": "t", "wit_namespace": "n",
                               "wit_package": "p", "interfaces": ["i"]}]),
        "host.get": answered({"components": [], "providers": [], "host_id": HOST}),
    }  # fmt: skip
    config, links, host = await bench.answer(ReadConfig("c"), ReadLinks(), ReadHost(HOST))
    assert config.value == {"a": "b"}
    assert list(links.value) == [LINK]
    assert host.value.host_id == HOST
    bench.hosts.answers["config.get"] = accepted("Configuration not found")
    (config,) = await bench.answer(ReadConfig("d"))
    assert config == Answer(True, value=None)


async def test_a_refusal_carries_the_hosts_words_and_silence_is_no_absence(bench: Bench) -> None:
    bench.hosts.answers["link.put"] = refused("link already exists with different target")
    bench.hosts.answers["config.get"] = b"\xff"
    bench.hosts.answers["config.put"] = refused("unable to store config data")
    link, broken, put = await bench.answer(
        PutLink(LINK, "app"), ReadConfig("c"), PutConfig("d", ())
    )
    assert (link.ok, link.message) == (False, "link already exists with different target")
    assert (broken.ok, broken.gone) == (False, False)
    assert put.message == "unable to store config data"
    bench.hosts.gate = asyncio.Event()
    (late,) = await bench.answer(ReadHost(HOST))
    assert (late.ok, late.gone) == (False, False)


async def test_nobody_there_is_said(nc: Connection) -> None:
    bench = Bench(nc, Hosts())
    (answer,) = await bench.answer(ReadHost(HOST))
    assert (answer.ok, answer.gone) == (False, True)
    await bench.executor.close()


async def test_changes_of_one_source_go_one_after_another(bench: Bench) -> None:
    other = Link(source_id="s", target="u", wit_namespace="m", wit_package="p", interfaces=("i",))
    await bench.answer(
        DeleteLink("s", "default", "n", "p", "app"), PutLink(other, "app"), PutLink(LINK, "app")
    )
    assert [tail for tail, _ in bench.hosts.seen] == ["link.del", "link.put", "link.put"]
    assert bench.hosts.seen[1][1]["target"] == "u"
