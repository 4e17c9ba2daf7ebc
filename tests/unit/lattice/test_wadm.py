"""The client against a manager of ours and against odd servers."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.golden.wadm import recorded_manifest
from workbench.errors import (
    DecodeError,
    ManifestError,
    NoResponders,
    NotFound,
    RequestTimeout,
    WadmError,
)
from workbench.lattice.wadm import WadmClient
from workbench.nats import Connection, Message
from workbench.wadm import Manager
from workbench.wire import manifest as m
from workbench.wire.wadm import Status, StatusInfo, StatusType, encode


@pytest.fixture
async def client(nc: Connection):
    manager = Manager(nc)
    await manager.start()
    try:
        yield WadmClient(nc)
    finally:
        await manager.stop()


async def test_nobody_there_is_said_with_what_to_do(nc: Connection) -> None:
    client = WadmClient(nc, "empty")
    assert not await client.is_running()
    with pytest.raises(NoResponders, match="no deployment manager answers in lattice 'empty'"):
        await client.list()


async def test_the_whole_life_of_an_application(client: WadmClient) -> None:
    assert await client.is_running()
    assert await client.list() == []
    put = await client.put(recorded_manifest("v1"))
    assert (put.name, put.current_version, put.result, put.total_versions) == (
        "hello-app", "v1", "created", 1)  # fmt: skip
    assert await client.get("hello-app") == m.parse(recorded_manifest("v1"))
    assert (await client.deploy("hello-app")).version == "v1"
    (summary,) = await client.list()
    assert (summary.deployed_version, summary.detailed_status.type) == ("v1", StatusType.WAITING)
    (version,) = await client.versions("hello-app")
    assert (version.version, version.deployed) == ("v1", True)
    assert (await client.status("hello-app")).type is StatusType.WAITING
    await client.undeploy("hello-app")
    assert (await client.status("hello-app")).type is StatusType.UNDEPLOYED
    assert await client.delete("hello-app") is True
    assert await client.delete("hello-app") is False


async def test_what_is_not_there_is_not_found_with_near_names(client: WadmClient) -> None:
    await client.put(recorded_manifest("v1"))
    with pytest.raises(NotFound) as caught:
        await client.deploy("helo-app")
    assert caught.value.matches == ["hello-app"]
    assert "did you mean hello-app?" in str(caught.value)
    with pytest.raises(NotFound, match="doesn't exist") as caught:
        await client.get("hello-app", "v9")
    assert caught.value.matches == ["v1"]
    for call in (client.undeploy, client.versions):
        with pytest.raises(NotFound):
            await call("ghost")
    with pytest.raises(NotFound, match="can't be the name"):
        await client.status("a.b")


async def test_refusals_have_the_servers_words_and_a_hint(client: WadmClient) -> None:
    await client.put(recorded_manifest("v1"))
    with pytest.raises(WadmError, match="Manifest version v1 already exists") as caught:
        await client.put(recorded_manifest("v1"))
    assert "another version" in caught.value.hint
    with pytest.raises(ManifestError):
        await client.put("a: 1")


async def test_deploying_the_same_text_twice_is_fine_and_another_text_is_not(
    client: WadmClient,
) -> None:
    for _ in range(2):
        assert await client.put_and_deploy(recorded_manifest("v1")) == ("hello-app", "v1")
    changed = recorded_manifest("v1").replace('"instances":2', '"instances":3')
    with pytest.raises(WadmError, match="with other content"):
        await client.put_and_deploy(changed)


async def test_watching_sees_each_change_and_skips_what_does_not_read(
    client: WadmClient, nc: Connection
) -> None:
    deployed = Status(StatusInfo(StatusType.DEPLOYED))
    seen: list[StatusType] = []
    watch = client.watch_status("x")
    async for status in watch:
        seen.append(status.type)
        if len(seen) == 1:
            await nc.js.publish("wadm.status.default.x", b"[")
            await nc.js.publish("wadm.status.default.x", encode(deployed))
        else:
            break
    await watch.aclose()
    assert seen == [StatusType.UNDEPLOYED, StatusType.DEPLOYED]
    assert (await client.wait("x")).type is StatusType.DEPLOYED


async def test_polling_fills_in_for_a_lost_announcement(nc: Connection) -> None:
    replies = iter(("undeployed", "undeployed", "failed"))

    async def answer(message: Message) -> None:
        status = {"status": {"type": next(replies)}}
        await message.respond(json.dumps({"result": "ok", "status": status}).encode())

    await nc.subscribe("wadm.api.polled.>", answer)
    watch = WadmClient(nc, "polled").watch_status("x", poll_s=0.02)
    assert (await anext(watch)).type is StatusType.UNDEPLOYED
    assert (await anext(watch)).type is StatusType.FAILED
    await watch.aclose()


async def test_waiting_ends_with_the_last_status(client: WadmClient) -> None:
    with pytest.raises(RequestTimeout, match="still undeployed") as caught:
        await client.wait("x", timeout_s=0.1)
    assert caught.value.status.type is StatusType.UNDEPLOYED


@pytest.mark.parametrize(
    ("reply", "error"),
    [(b"", DecodeError), (b"3", DecodeError), (b"{}", DecodeError), (b"[", DecodeError),
     (b'{"result":"error","message":"m"}', WadmError), (b'{"result":"error"}', WadmError)],
)  # fmt: skip
async def test_odd_replies_are_remote_errors(
    nc: Connection, reply: bytes, error: type[Exception]
) -> None:
    await nc.subscribe("wadm.api.odd.>", lambda message: message.respond(reply))
    with pytest.raises(error):
        await WadmClient(nc, "odd").list()


async def test_lists_of_old_servers_are_read(nc: Connection) -> None:
    old: list[Any] = [
        {"name": "a", "version": "1", "status": "ready", "status_message": "m"},
        {"name": "b", "status": "sideways", "description": None},
        3,
    ]

    async def answer(message: Message) -> None:
        await message.respond(json.dumps(old).encode())

    await nc.subscribe("wadm.api.old.>", answer)
    first, second = await WadmClient(nc, "old").list()
    assert (first.detailed_status.type, first.detailed_status.message) == (
        StatusType.DEPLOYED, "m")  # fmt: skip
    assert second.status is StatusType.UNDEPLOYED
