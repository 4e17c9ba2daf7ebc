"""Statuses go out in order, only when they change, and again when the stream is back."""

from __future__ import annotations

import asyncio

import pytest

from workbench.nats import Connection
from workbench.wadm import board as boards
from workbench.wadm.board import StatusBoard
from workbench.wadm.streams import ensure_all
from workbench.wire.wadm import Status, StatusInfo, StatusType

ONE = Status(StatusInfo(StatusType.RECONCILING, "one"))
TWO = Status(StatusInfo(StatusType.DEPLOYED))


async def running(board: StatusBoard) -> asyncio.Task[None]:
    return asyncio.create_task(board.run())


async def stop(task: asyncio.Task[None]) -> None:
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


async def test_only_changes_are_published(nc: Connection) -> None:
    await ensure_all(nc.js)
    board = StatusBoard(nc.js, "default")
    assert await board.last("a") is None
    task = await running(board)
    for status in (ONE, ONE, TWO, TWO, ONE):
        board.post("a", status)
    await board.flush(5.0)
    await stop(task)
    info = await nc.js.stream_info("wadm_status")
    assert info is not None
    assert info["state"]["messages"] == 3
    assert await board.last("a") == ONE
    other = StatusBoard(nc.js, "default")
    task = await running(other)
    other.post("a", ONE)
    await other.flush(5.0)
    await stop(task)
    info = await nc.js.stream_info("wadm_status")
    assert info is not None
    assert info["state"]["messages"] == 3


async def test_a_status_that_does_not_read_counts_as_none(nc: Connection) -> None:
    await ensure_all(nc.js)
    await nc.js.publish("wadm.status.default.a", b"[")
    assert await StatusBoard(nc.js, "default").last("a") is None


async def test_a_stream_that_is_gone_is_mended_and_gets_the_newest(
    nc: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(boards, "_RETRY_S", 0.01)
    troubles: list[str] = []

    async def mend() -> None:
        await ensure_all(nc.js)

    board = StatusBoard(nc.js, "default", trouble=troubles.append, mend=mend)
    task = await running(board)
    for status in (ONE, TWO):
        board.post("a", status)
    await board.flush(5.0)
    await stop(task)
    assert troubles
    assert await board.last("a") == TWO
