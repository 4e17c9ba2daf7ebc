"""The real programs' side of every recorded call, played against ours over a real nats-server.

The machines alone are tested with the same recordings in tests/unit/wire/wrpc/test_machine.py;
here they have their skins on: subscriptions, inboxes, streams and futures (wrpc.md §17).
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

from tests.conftest import connect
from tests.unit.wire.wrpc.known import Exchange, exchanges, function
from workbench.errors import IncompleteResults
from workbench.lattice.rpc import (
    ByteStream,
    InvocationContext,
    RpcClient,
    RpcServer,
    ValueFuture,
    ValueStream,
)
from workbench.nats import Connection, Message, Server
from workbench.wire import subjects
from workbench.wire.wit.types import Function, Stream
from workbench.wire.wit.values import Case, Err, Ok, RecordValue
from workbench.wire.wrpc import FutureDecoder, Pending, StreamDecoder, function_codec

Content = dict[tuple[int, ...], Any]


def taken_up() -> list[Exchange]:
    """The recorded calls that somebody took up; the others have one message."""
    return [exchange for exchange in exchanges() if exchange.peer]


def called(exchange: Exchange) -> tuple[subjects.Invocation, Function]:
    parts = subjects.parse_invocation(exchange.subject)
    assert parts is not None
    return parts, function(parts.instance, parts.function)


def answered(exchange: Exchange, f: Function) -> bool:
    return bool(exchange.root("<", ".results")) or f.result is None


def content(types: Any, channels: dict[tuple[int, ...], list[bytes]]) -> Content:
    """What the channels carry, by path; nodes between them carry nothing."""
    found: Content = {}
    for path, messages in channels.items():
        if not any(messages):
            continue
        type = types[path]
        data = b"".join(messages)
        if isinstance(type, Stream):
            items = StreamDecoder(type, path)
            found[path] = items.feed(data)
        else:
            value = FutureDecoder(type, path)
            value.feed(data)
            found[path] = value.value
    return found


def changed(value: Any, change: Callable[[Any], Any]) -> Any:
    """The value with every stream and future in it put through ``change``."""
    if isinstance(value, Pending | ByteStream | ValueStream | ValueFuture):
        return change(value)
    if isinstance(value, RecordValue):
        return type(value)(*(changed(one, change) for one in value))
    if isinstance(value, Ok | Err):
        return type(value)(changed(value.value, change))
    if isinstance(value, Case):
        return Case(value.name, changed(value.payload, change))
    if isinstance(value, list | tuple):
        return type(value)(changed(one, change) for one in value)
    return value


async def read(value: Any) -> Any:
    """The value with the content of its live streams and futures."""
    found: dict[int, Any] = {}
    for live in _live(value):
        reading = live if isinstance(live, ValueFuture) else live.read_all()
        found[id(live)] = await reading
    return changed(value, lambda live: found[id(live)])


def _live(value: Any) -> list[Any]:
    found: list[Any] = []
    changed(value, lambda live: found.append(live))
    return found


def with_content(value: Any, known: Content) -> Any:
    return changed(value, lambda pending: known[pending.path])


class Player:
    """Plays one side: sends the recorded messages below the other's inbox, keeps what comes."""

    def __init__(self, nc: Connection, exchange: Exchange, way: str, base: str) -> None:
        self.nc, self.exchange, self.way, self.base = nc, exchange, way, base
        self.heard: dict[str, list[bytes]] = {}
        self.other = ""
        self.inbox = nc.new_inbox()
        wanted = [m for m in exchange.messages if m[0] != way and m[1]]
        self.tails = {tail for _, tail, data in wanted if data or tail == base}
        self.done = asyncio.Event()

    async def listen(self) -> None:
        for subject in (self.inbox, f"{self.inbox}.>"):
            await self.nc.subscribe_direct(subject, self.on_message)
        await self.nc.flush()

    def on_message(self, message: Message) -> None:
        tail = message.subject[len(self.inbox) :]
        if not tail:
            self.send_to(message.reply)
            return
        self.heard.setdefault(tail, []).append(message.data)
        if all(self.heard.get(tail, [b"?"])[-1] == b"" for tail in self.tails):
            self.done.set()

    def send_to(self, other: str) -> None:
        for way, tail, data in self.exchange.messages:
            if way == self.way and tail:
                self.nc.publish_nowait(f"{other}{tail}", data)

    def root(self, first: bytes = b"") -> bytes:
        return first + b"".join(self.heard.get(self.base, []))

    def channels(self) -> dict[tuple[int, ...], list[bytes]]:
        return {
            tuple(map(int, tail[len(self.base) + 1 :].split("."))): messages
            for tail, messages in self.heard.items()
            if tail != self.base
        }


async def test_every_recorded_caller_is_answered_as_the_real_callee_did(
    nats_server: Server, nc: Connection
) -> None:
    far = await connect(nats_server)
    for exchange in taken_up():
        parts, f = called(exchange)
        codec = function_codec(f)
        server = RpcServer(far, lattice=parts.lattice)
        params, results = codec.params_decoder(), codec.result_decoder()
        params.feed(exchange.root(">", ".params"))
        results.feed(exchange.root("<", ".results"))
        want = content(codec.result_channels, exchange.channels("<", ".results"))
        took: list[Any] = []

        async def handler(
            context: InvocationContext, *args: Any, f=f, results=results, want=want, took=took,
            exchange=exchange,
        ) -> Any:  # fmt: skip
            took.append(await read(args))
            if not answered(exchange, f):
                raise RuntimeError("as the guest did")
            return with_content(results.values[0], want) if results.values else None

        await server.serve(parts.target, {parts.instance: {f.name: (f, handler)}})
        player = Player(nc, exchange, ">", ".results")
        await player.listen()
        nc.publish_nowait(
            exchange.subject, exchange.payload, reply=player.inbox, headers=exchange.headers
        )
        async with asyncio.timeout(10):
            await player.done.wait()
        assert player.root() == exchange.root("<", ".results"), exchange.step
        assert content(codec.result_channels, player.channels()) == want, exchange.step
        sent = content(codec.param_channels, exchange.channels(">", ".params"))
        assert took == [with_content(params.values, sent)], exchange.step
        await server.close()
    await far.close()


async def test_every_recorded_callee_is_called_as_the_real_caller_did(
    nats_server: Server, nc: Connection
) -> None:
    far = await connect(nats_server)
    client = RpcClient(nc)
    for exchange in taken_up():
        parts, f = called(exchange)
        codec = function_codec(f)
        client.lattice = parts.lattice
        params, results = codec.params_decoder(), codec.result_decoder()
        params.feed(exchange.root(">", ".params"))
        results.feed(exchange.root("<", ".results"))
        sent = content(codec.param_channels, exchange.channels(">", ".params"))
        player = Player(far, exchange, "<", ".params")
        player.tails.add(".params")
        await player.listen()
        requests: list[Message] = []

        def take_up(
            message: Message, player: Player = player, requests: list[Message] = requests
        ) -> None:
            requests.append(message)
            far.publish_nowait(message.reply, b"", reply=player.inbox)
            player.send_to(message.reply)

        subscription = await far.subscribe_direct(exchange.subject, take_up)
        await far.flush()
        call = client.invoke(
            parts.target, parts.instance, f, with_content(params.values, sent),
            source_id=exchange.headers.get("source-id", ""), timeout_s=5,
        )  # fmt: skip
        ended = ("<", ".results", b"") in exchange.messages
        if answered(exchange, f):
            want = content(codec.result_channels, exchange.channels("<", ".results"))
            value = await read(await call)
            assert value == with_content(results.values[0] if results.values else None, want)
            async with asyncio.timeout(10):
                await player.done.wait()
        elif ended:
            try:
                raise AssertionError(f"{exchange.step} gave {await call}")
            except IncompleteResults:
                pass
        else:
            call.close()
            await subscription.unsubscribe()
            continue
        assert player.root(requests[0].data) == exchange.root(">", ".params"), exchange.step
        if answered(exchange, f):
            assert content(codec.param_channels, player.channels()) == sent, exchange.step
        await subscription.unsubscribe()
    await client.close()
    await far.close()


def test_all_recorded_calls_but_one_were_taken_up() -> None:
    assert (len(taken_up()), len(exchanges())) == (91, 92)
