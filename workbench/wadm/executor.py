"""Carries commands out: one control request each, its answer as data.

Commands for the same thing go one after another, in order; links go by source, because hosts
change a source's record without a revision check (control-interface.md §11.2). Everything else
runs at the same time, up to a limit.
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Callable

from workbench.errors import NoResponders, WorkbenchError
from workbench.lattice.control import ControlClient
from workbench.wadm.commands import (
    Command,
    DeleteConfig,
    DeleteLink,
    PutConfig,
    PutLink,
    ReadConfig,
    ReadHost,
    ReadLinks,
    ScaleComponent,
    StartProvider,
    StopProvider,
    own_annotations,
)
from workbench.wadm.ports import Answer
from workbench.wire.wadm import managed_annotations

__all__ = ["Executor"]

log = logging.getLogger(__name__)

AT_ONCE = 64


class Executor:
    """Takes commands and reports each answer to ``report``, on the loop.

    ``jobs`` is a limit that several lattices share; else each has its own.
    """

    def __init__(
        self,
        control: ControlClient,
        report: Callable[[Command, Answer], None],
        jobs: asyncio.Semaphore | None = None,
    ) -> None:
        self._control = control
        self._report = report
        self._lanes: dict[tuple[str, ...], deque[Command]] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._limit = jobs or asyncio.Semaphore(AT_ONCE)

    def submit(self, command: Command) -> None:
        lane = self._lane(command)
        queue = self._lanes.get(lane)
        if queue is not None:
            queue.append(command)
            return
        self._lanes[lane] = deque([command])
        task = asyncio.create_task(self._work(lane), name=f"wadm {lane}")
        self._tasks.add(task)
        task.add_done_callback(self._ended)

    def _lane(self, command: Command) -> tuple[str, ...]:
        slot = command.slot
        return slot[:2] if slot[0] == "link" else slot

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            log.error("%s failed: %s", task.get_name(), error, exc_info=error)

    async def _work(self, lane: tuple[str, ...]) -> None:
        queue = self._lanes[lane]
        try:
            while queue:
                command = queue.popleft()
                async with self._limit:
                    answer = await self._answer(command)
                self._report(command, answer)
        finally:
            del self._lanes[lane]

    async def _answer(self, command: Command) -> Answer:
        try:
            return await self._carry_out(command)
        except NoResponders as error:
            return Answer(False, error.message, gone=True)
        except WorkbenchError as error:
            return Answer(False, error.message)
        except Exception as error:
            log.exception("%s failed", command)
            return Answer(False, f"{type(error).__name__}: {error}")

    async def _carry_out(self, command: Command) -> Answer:
        control = self._control
        match command:
            case ScaleComponent():
                ack = await control.start_component(
                    command.host_id,
                    command.reference,
                    command.component_id,
                    count=command.count,
                    annotations=managed_annotations(command.app, own_annotations(command)),
                    config=command.config,
                )
                return Answer(True, ack.message)
            case StartProvider():
                ack = await control.start_provider(
                    command.host_id,
                    command.reference,
                    command.provider_id,
                    config=command.config,
                    annotations=managed_annotations(command.app, own_annotations(command)),
                )
                return Answer(True, ack.message)
            case StopProvider():
                ack = await control.stop_provider(command.host_id, command.provider_id)
                return Answer(True, ack.message)
            case PutLink():
                await control.put_link(command.link)
            case DeleteLink():
                await control.delete_link(
                    command.source_id,
                    command.wit_namespace,
                    command.wit_package,
                    name=command.name,
                )
            case PutConfig():
                await control.put_config(command.name, dict(command.values))
            case DeleteConfig():
                await control.delete_config(command.name)
            case ReadConfig():
                return Answer(True, value=await control.get_config(command.name))
            case ReadHost():
                return Answer(True, value=await control.inventory(command.host_id))
            case ReadLinks():
                return Answer(True, value=await control.links())
        return Answer(True)

    async def close(self) -> None:
        """Cancel what is under way and wait for its end."""
        for task in list(self._tasks):
            task.cancel()
        if self._tasks:
            await asyncio.gather(*self._tasks, return_exceptions=True)
