"""The line in front of a gate, without any wire."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from workbench.lattice import rpc_gate
from workbench.lattice.rpc_context import InvocationContext
from workbench.lattice.rpc_gate import Line
from workbench.lattice.tasks import Tasks
from workbench.nats import Message


class Taken:
    """A call that was taken up, and what became of it."""

    def __init__(self, name: str) -> None:
        self.context = InvocationContext("t", "i", name)
        self.place: Any = None
        self.error: Exception | None = None

    def admit(self, place: Any) -> None:
        self.place = place

    def refuse(self, error: Exception) -> None:
        self.error = error


class Places:
    """A gate whose places the test hands out."""

    def __init__(self) -> None:
        self.now = 0
        self.later: asyncio.Queue[Any] = asyncio.Queue()

    def enter(self) -> Places | None:
        if self.now:
            self.now -= 1
            return self
        return None

    async def wait(self, context: InvocationContext) -> Places:
        given = await self.later.get()
        if isinstance(given, Exception):
            raise given
        return self

    def release(self) -> None:
        self.now += 1


class Scene:
    def __init__(self) -> None:
        self.gate = Places()
        self.tasks = Tasks("the test")
        self.taken: list[Taken] = []
        self.line: Line[str] = Line(self.gate, self.tasks, self.take_up)

    def take_up(self, name: str, message: Message, place: Any) -> Taken:
        taken = Taken(name)
        taken.place = place
        self.taken.append(taken)
        return taken

    def arrive(self, *names: str, size: int = 0) -> None:
        for name in names:
            self.line.arrive(name, Message("s", bytes(size)))

    @property
    def names(self) -> str:
        return "".join(taken.context.function for taken in self.taken)


async def turns() -> None:
    for _ in range(5):
        await asyncio.sleep(0)


async def test_while_places_are_free_nobody_waits() -> None:
    scene = Scene()
    scene.gate.now = 3
    scene.arrive(*"abc")
    assert scene.names == "abc" and all(taken.place for taken in scene.taken)
    assert len(scene.tasks) == 0


async def test_one_waits_with_its_handshake_and_the_others_without_in_their_order() -> None:
    scene = Scene()
    scene.gate.now = 1
    scene.arrive(*"abcd")
    assert scene.names == "ab" and len(scene.line) == 2
    scene.gate.later.put_nowait("go")
    await turns()
    assert scene.names == "abc" and scene.taken[1].place is not None
    scene.gate.now = 5
    scene.gate.later.put_nowait("go")
    await turns()
    assert scene.names == "abcd" and len(scene.line) == 0
    scene.arrive("e")
    assert scene.names == "abcde"


async def test_a_refusal_reaches_its_call_alone() -> None:
    scene = Scene()
    scene.arrive(*"ab")
    scene.gate.later.put_nowait(PermissionError("no"))
    scene.gate.later.put_nowait("go")
    await turns()
    assert isinstance(scene.taken[0].error, PermissionError)
    assert scene.taken[1].place is not None and scene.taken[1].error is None


async def test_those_who_wait_without_a_handshake_are_bounded_in_number_and_bytes(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(rpc_gate, "HELD_CALLS", 3)
    monkeypatch.setattr(rpc_gate, "HELD_BYTES", 1000)
    scene = Scene()
    scene.arrive(*"abcdefg")
    assert len(scene.line) == 3 and "too many wait" in caplog.text
    assert [route for route, _ in scene.line.empty()] == ["b", "c", "d"]
    scene.arrive("x", "y", "z", size=600)
    assert len(scene.line) == 2
    await scene.tasks.close()
