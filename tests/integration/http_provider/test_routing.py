"""Links, addresses and routes of the http-server provider."""

from __future__ import annotations

import asyncio
import socket

import aiohttp
import pytest

from tests.integration.http_provider.provider_lattice import Lattice, free_port, hi, link, url
from workbench.providers import ProviderFailed
from workbench.wire.http import HttpRequest, HttpResponse


async def test_path_routing_compares_the_whole_path(lattice: Lattice):
    await lattice.component(hi, "one")
    config = {"routing_mode": "path", "default_address": "127.0.0.1:0"}
    task = await lattice.provider(link("one", path="/api/one"), config=config)
    base = url(task, "one")
    async with lattice.session.get(f"{base}/api/one?q=1") as reply:
        assert reply.status == 200
    async with lattice.session.get(f"{base}/api/one/more") as reply:
        assert (reply.status, await reply.text()) == (404, "path not found")
    with pytest.raises(ProviderFailed, match="already leads to one"):
        await task.put_link(link("two", path="/api/one"))
    with pytest.raises(ProviderFailed, match="lacks 'path'"):
        await task.put_link(link("three"))


async def test_host_routing_compares_a_header(lattice: Lattice):
    await lattice.component(hi, "one")
    config = {"routing_mode": "host", "default_address": "127.0.0.1:0", "header": "X-Tenant"}
    task = await lattice.provider(link("one", host="one.example"), config=config)
    base = url(task, "one")
    for headers, status, text in (
        ({"x-tenant": "one.example"}, 200, "hi"),
        ({"x-tenant": "two.example"}, 404, "host not found"),
        ({}, 400, "missing host header"),
    ):
        async with lattice.session.get(base, headers=headers) as reply:
            assert (reply.status, await reply.text()) == (status, text)


async def test_each_link_has_its_own_address(lattice: Lattice):
    async def two(request: HttpRequest) -> HttpResponse:
        return HttpResponse(200, [], b"two")

    await lattice.component(hi, "one")
    await lattice.component(two, "two")
    task = await lattice.provider(link("one"))
    await task.put_link(link("two"))
    for name, text in (("one", "hi"), ("two", "two")):
        async with lattice.session.get(url(task, name)) as reply:
            assert await reply.text() == text
    assert (await task.health()).detail == task.provider.addresses  # type: ignore[attr-defined]
    assert any("two is served on 127.0.0.1:" in text for _, text in lattice.log)


async def test_a_deleted_link_closes_its_port_and_only_that(lattice: Lattice):
    await lattice.component(hi, "one")
    await lattice.component(hi, "two")
    task = await lattice.provider(link("one"), link("two"))
    gone, stays = url(task, "one"), url(task, "two")
    await task.del_link(link("one"))
    with pytest.raises(aiohttp.ClientConnectorError):
        await lattice.session.get(gone)
    async with lattice.session.get(stays) as reply:
        assert reply.status == 200


async def test_the_second_link_on_an_address_stands_by(lattice: Lattice):
    async def two(request: HttpRequest) -> HttpResponse:
        return HttpResponse(200, [], b"two")

    await lattice.component(hi, "one")
    await lattice.component(two, "two")
    address = f"127.0.0.1:{free_port()}"
    task = await lattice.provider(link("one", address=address), link("two", address=address))
    for expected in ("hi", "two"):
        async with lattice.session.get(f"http://{address}") as reply:
            assert await reply.text() == expected
        await task.del_link(link("one", address=address))


async def test_a_port_in_use_refuses_the_link_and_a_new_put_tries_again(lattice: Lattice):
    await lattice.component(hi)
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        address = f"127.0.0.1:{taken.getsockname()[1]}"
        task = await lattice.provider(link(address=address))
        assert task.links[0].error == f"address {address} is in use already"
        assert ("in use already" in text for _, text in lattice.log)
        assert "in use already" in (await task.health()).message
        with pytest.raises(ProviderFailed, match="in use already"):
            await task.put_link(link(address=address))
    await task.put_link(link(address=address))
    async with lattice.session.get(f"http://{address}") as reply:
        assert reply.status == 200


async def test_another_address_in_the_same_link_moves_the_listener(lattice: Lattice):
    await lattice.component(hi)
    task = await lattice.provider(link())
    before = url(task)
    await task.put_link(link())
    assert url(task) == before
    address = f"127.0.0.1:{free_port()}"
    await task.put_link(link(address=address))
    assert url(task) == f"http://{address}"
    with pytest.raises(aiohttp.ClientConnectorError):
        await lattice.session.get(before)


async def test_stopping_the_provider_ends_requests_and_ports(lattice: Lattice):
    arrived, never = asyncio.Event(), asyncio.Event()

    async def answer(request: HttpRequest) -> HttpResponse:
        arrived.set()
        await never.wait()
        raise AssertionError

    _, base = await lattice.hello(answer)
    pending = asyncio.ensure_future(lattice.session.get(base))
    await arrived.wait()
    async with asyncio.timeout(2):
        await lattice._tasks[0].stop()
    with pytest.raises(aiohttp.ClientError):
        await pending
    with pytest.raises(aiohttp.ClientConnectorError):
        await lattice.session.get(base)
    never.set()
