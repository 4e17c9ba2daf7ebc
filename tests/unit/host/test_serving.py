import asyncio
from typing import Any

import pytest

from workbench.host.serving import Permits, served_functions
from workbench.wire.control import UNLIMITED
from workbench.wire.http_wrpc import HANDLE, INCOMING_HANDLER
from workbench.wire.wit.types import STRING, Function, Interface, Own, ResourceType


async def test_permits_are_given_in_the_order_of_asking():
    permits = Permits(1)
    await permits.take()
    order = []

    async def user(name):
        await permits.take()
        order.append(name)
        permits.give_back()

    async with asyncio.TaskGroup() as group:
        for name in "abc":
            group.create_task(user(name))
        await asyncio.sleep(0)
        assert order == []
        permits.give_back()
    assert order == ["a", "b", "c"]


async def test_the_largest_count_means_no_limit():
    permits = Permits(UNLIMITED)
    for _ in range(1000):
        await asyncio.wait_for(permits.take(), 1)


async def test_who_waits_for_a_permit_keeps_the_code_in_use():
    permits = Permits(1)
    await permits.take()
    waiting = asyncio.ensure_future(permits.take())
    await asyncio.sleep(0)
    permits.give_back()
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(permits.idle(), 0.01)
    await waiting
    permits.give_back()
    await asyncio.wait_for(permits.idle(), 1)


async def test_a_cancelled_wait_leaves_nothing_behind():
    permits = Permits(1)
    await permits.take()
    waiting = asyncio.ensure_future(permits.take())
    await asyncio.sleep(0)
    waiting.cancel()
    await asyncio.gather(waiting, return_exceptions=True)
    permits.give_back()
    await asyncio.wait_for(permits.idle(), 1)


def served(exports: dict[str, Any]) -> dict[str, Any]:
    def handler(instance: str, name: str) -> Any:
        return (instance, name)

    http: Any = "http"
    return served_functions(exports, handler, http)


def test_http_is_served_under_its_wire_name_for_every_0_2_version():
    for version in ("0.2.0", "0.2.9"):
        name = f"wasi:http/incoming-handler@{version}"
        assert served({name: Interface(name)}) == {INCOMING_HANDLER: {"handle": (HANDLE, "http")}}


def test_other_interfaces_keep_their_exact_name():
    hello = Function("hello", (), STRING)
    name = "lab:tiny/api@0.1.0"
    assert served({name: Interface(name, functions={"hello": hello})}) == {
        name: {"hello": (hello, (name, "hello"))}
    }


def test_a_function_at_the_root_of_the_world_has_an_empty_instance():
    run = Function("run")
    assert served({"run": run}) == {"": {"run": (run, ("", "run"))}}


def test_functions_around_resources_are_left_out():
    blob = ResourceType("blob", "a:b/c")
    make = Function("make", (), Own(blob))
    plain = Function("plain")
    interface = Interface("a:b/c", functions={"make": make, "plain": plain})
    assert list(served({"a:b/c": interface})["a:b/c"]) == ["plain"]


def test_the_plumbing_of_componentize_py_is_not_served():
    assert served({"exports": Interface("exports", functions={"init": Function("init")})}) == {}
