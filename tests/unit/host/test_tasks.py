import asyncio
import logging

from workbench.host.tasks import TaskOwner


async def test_closing_cancels_and_awaits_every_task():
    owner = TaskOwner("test")
    ended = asyncio.Event()

    async def wait():
        try:
            await asyncio.Event().wait()
        finally:
            ended.set()

    task = owner.spawn(wait())
    await asyncio.sleep(0)
    await owner.close()
    assert ended.is_set() and task is not None and task.cancelled() and len(owner) == 0


async def test_an_exception_is_logged_under_the_owners_name(caplog):
    owner = TaskOwner("unit under test")

    async def fail():
        raise ValueError("boom")

    with caplog.at_level(logging.ERROR):
        owner.spawn(fail(), name="work")
        await owner.settle(1.0)
        await asyncio.sleep(0)
    assert "unit under test: work failed: boom" in caplog.text


async def test_after_closing_work_is_dropped_unrun():
    owner = TaskOwner("test")
    await owner.close()

    async def work():
        raise AssertionError("must not run")

    assert owner.spawn(work()) is None


async def test_a_task_may_close_its_own_owner():
    owner = TaskOwner("test")
    task = owner.spawn(owner.close())
    assert task is not None
    await asyncio.wait_for(task, 1.0)
