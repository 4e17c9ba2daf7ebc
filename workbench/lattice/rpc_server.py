"""Serving over wRPC: the asyncio skin around `CalleeMachine` (wrpc.md §3, §5.2).

The handshake goes out as soon as a request arrives; the handler then waits for a free slot. A
handler may raise anything: its caller sees the empty end marker, the tracer the exception.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from types import MappingProxyType
from typing import Any, NamedTuple

from workbench.errors import NatsError
from workbench.lattice.inbox import TOKEN_LENGTH, Tokens
from workbench.lattice.rpc_send import AT_ONCE_BYTES, publish_paced, send_channel
from workbench.lattice.rpc_streams import STREAM_BYTES, LiveValues
from workbench.lattice.rpc_trace import CallTrace
from workbench.lattice.tasks import Tasks
from workbench.lattice.trace import Side, Tracer, next_call_id
from workbench.nats import Connection, Message, Subscription
from workbench.wire import subjects
from workbench.wire.wit.types import Function
from workbench.wire.wrpc import FunctionCodec, function_codec
from workbench.wire.wrpc.calls import (
    CallName,
    Closed,
    Failed,
    Items,
    Output,
    Params,
    Publish,
    SendChannel,
    stream_timeout,
)  # fmt: skip
from workbench.wire.wrpc.machine import CalleeMachine

__all__ = ["Functions", "Handler", "InvocationContext", "RpcServer", "Served"]

log = logging.getLogger(__name__)


class InvocationContext(NamedTuple):
    """Who calls what. Header values are what the caller claims; nothing vouches for them (§8)."""

    target: str
    instance: str
    function: str
    source_id: str = ""
    link_name: str = "default"
    target_id: str = ""
    traceparent: str = ""
    headers: Mapping[str, str] = MappingProxyType({})
    call_id: int = 0


Handler = Callable[..., Awaitable[Any]]
"""``async def handler(context, *args) -> value``"""
Functions = Mapping[str, Mapping[str, "tuple[Function, Handler]"]]
"""``{instance: {function name: (Function, handler)}}``"""


@dataclass(slots=True)
class _Route:
    served: Served
    name: CallName
    codec: FunctionCodec
    handler: Handler
    subject: str


class _Call:
    """What the skin keeps of one call, until its answer and its streams are over."""

    __slots__ = ("arrived_ns", "arrived_s", "context", "last_s", "live", "machine", "route", "timer", "token",
                 "trace")  # fmt: skip

    def __init__(self, route: _Route, token: str, context: InvocationContext) -> None:
        self.route = route
        self.token = token
        self.context = context
        self.machine: CalleeMachine
        self.live: LiveValues | None = None
        self.trace: CallTrace | None = None
        self.timer: asyncio.TimerHandle | None = None
        self.arrived_ns = 0
        self.arrived_s = 0.0
        self.last_s = 0.0

    def started(self, args: tuple[Any, ...] | None, size: int) -> None:
        """Report the start, as late as its parameters are known and dated when it happened."""
        if self.trace is not None:
            self.trace.started(args, size, self.arrived_ns, self.arrived_s)
            self.trace.handshake(self.arrived_ns, self.arrived_s)


class Served:
    """The served functions of one component or provider id."""

    def __init__(self, server: RpcServer, id: str) -> None:
        self._server = server
        self.id = id
        self._subscriptions: list[Subscription] = []
        self.tasks = Tasks(f"the wRPC server of {id}")

    @property
    def in_flight(self) -> int:
        """Calls whose handler or streams still run, or wait for a slot."""
        return len(self.tasks)

    async def drain(self, timeout_s: float) -> bool:
        """Take no new calls, let the running ones end; False if some did not."""
        subscriptions, self._subscriptions = self._subscriptions, []
        for subscription in subscriptions:
            await subscription.unsubscribe()
        return await self.tasks.wait(timeout_s)

    async def stop(self, *, drain_s: float = 0.0) -> None:
        """Take no new calls; cancel what still runs after ``drain_s``, answered as failed."""
        await self.drain(drain_s)
        await self.tasks.close()
        self._server._forget(self)


class RpcServer:
    """Serves components and providers on one connection.

    At most ``max_in_flight`` handlers run at once; further calls have their handshake and wait.
    Beyond ``max_waiting`` calls no more handshakes are given. A call whose parameters stay
    incomplete fails after ``params_timeout_s``; a parameter stream that is silent for
    ``stream_idle_s`` ends with `CallTimeout` at its reader.
    """

    def __init__(
        self,
        nc: Connection,
        *,
        lattice: str = "default",
        tracer: Tracer | None = None,
        max_in_flight: int = 1024,
        max_waiting: int = 16_384,
        params_timeout_s: float = 60.0,
        stream_idle_s: float = 600.0,
        stream_bytes: int = STREAM_BYTES,
    ) -> None:
        self._nc = nc
        self.lattice = lattice
        self._tracer = tracer if tracer is not None else Tracer()
        self._slots = asyncio.Semaphore(max_in_flight)
        self._max_waiting = max_waiting
        self._params_timeout_s = params_timeout_s
        self._stream_idle_s = stream_idle_s
        self._stream_bytes = stream_bytes
        self._calls: dict[str, _Call] = {}
        self._served: set[Served] = set()
        self._tokens = Tokens()
        self._inbox = nc.new_inbox()
        self._cut = len(self._inbox) + 1
        self._subscription: Subscription | None = None
        self._starting = asyncio.Lock()

    async def serve(self, id: str, functions: Functions) -> Served:
        """Subscribe every function of ``id``; calls arrive from the moment this returns."""
        async with self._starting:
            if self._subscription is None:
                self._subscription = await self._nc.subscribe_direct(
                    f"{self._inbox}.>", self._on_message
                )
        served = Served(self, id)
        queue = subjects.rpc_queue(self.lattice, id)
        try:
            for instance, by_name in functions.items():
                for name, (function, handler) in by_name.items():
                    wire_name = subjects.wire_function_name(name)
                    subject = subjects.invocation(self.lattice, id, instance, wire_name)
                    call_name = CallName(id, instance, wire_name)
                    route = _Route(served, call_name, function_codec(function), handler, subject)
                    callback = partial(self._on_request, route)
                    served._subscriptions.append(
                        await self._nc.subscribe_direct(subject, callback, queue=queue)
                    )
            await self._nc.flush()
        except BaseException:
            await served.stop()
            raise
        self._served.add(served)
        return served

    async def close(self, *, drain_s: float = 0.0) -> None:
        """Stop everything served here."""
        for served in list(self._served):
            await served.stop(drain_s=drain_s)
        for call in list(self._calls.values()):
            self._release(call)
        if self._subscription is not None:
            await self._subscription.unsubscribe()
            self._subscription = None

    def _forget(self, served: Served) -> None:
        self._served.discard(served)
        for call in [c for c in self._calls.values() if c.route.served is served]:
            self._carry_out(call, call.machine.fail(_stopped(served.id)))
            self._release(call)

    # ---- messages

    def _on_request(self, route: _Route, message: Message) -> None:
        if not message.reply or len(self._calls) >= self._max_waiting:
            return
        call = self._accept(route, message)
        self._calls[call.token] = call
        outputs = call.machine.start(message.data)
        if len(outputs) == 2 and type(outputs[1]) is Params:
            # The task first: where it answers in its first step, the answer meets the handshake
            # in the send buffer and both leave in one write.
            outputs.reverse()
        self._carry_out(call, outputs)
        if call.timer is None and not call.machine.started and call.token in self._calls:
            loop = asyncio.get_running_loop()
            call.timer = loop.call_later(self._params_timeout_s, self._params_late, call)

    def _accept(self, route: _Route, message: Message) -> _Call:
        token = self._tokens()
        tracing = self._tracer.enabled
        context = _context(route.name, message.headers, next_call_id() if tracing else 0)
        call = _Call(route, token, context)
        codec = route.codec
        if codec.param_channels or codec.has_dynamic_params:
            call.live = LiveValues(
                lambda path: call.machine.drop(path), stream_bytes=self._stream_bytes
            )
        call.machine = CalleeMachine(
            codec,
            name=route.name,
            inbox=f"{self._inbox}.{token}",
            reply=message.reply,
            max_payload=self._nc.max_payload,
            async_values=call.live,
        )
        if tracing:
            call.arrived_ns, call.arrived_s = time.perf_counter_ns(), time.time()
            target, instance, name = route.name
            call.trace = CallTrace(
                self._tracer, Side.CALLEE, codec, source=context.source_id, target=target,
                instance=instance, name=name, link_name=context.link_name,
                traceparent=context.traceparent, subject=route.subject, call_id=context.call_id,
            )  # fmt: skip
        return call

    def _on_message(self, message: Message) -> None:
        cut = self._cut + TOKEN_LENGTH
        call = self._calls.get(message.subject[self._cut : cut])
        if call is None:
            return
        if call.live is not None:
            call.last_s = asyncio.get_running_loop().time()
        outputs = call.machine.receive(message.subject[cut:], message.data)
        if outputs:
            self._carry_out(call, outputs)

    def _idle(self, call: _Call) -> None:
        """A caller that died leaves its streams open: their reader must not wait for ever."""
        loop = asyncio.get_running_loop()
        left = call.last_s + self._stream_idle_s - loop.time()
        if left > 0:
            call.timer = loop.call_later(left, self._idle, call)
            return
        error = stream_timeout(call.route.name, self._stream_idle_s)
        self._carry_out(call, call.machine.close_channels(error))

    def _params_late(self, call: _Call) -> None:
        self._carry_out(call, call.machine.timeout(self._params_timeout_s))

    def _carry_out(self, call: _Call, outputs: Sequence[Output]) -> None:
        for out in outputs:
            if type(out) is Publish:
                self._publish(out.subject, out.data, out.reply)
            elif type(out) is Params:
                self._begin(call, out)
            elif type(out) is Failed:
                self._failed(call, out.error)
            elif call.live is not None and type(out) is Items:
                call.live.items(out)
            elif call.live is not None and type(out) is Closed:
                call.live.closed(out)

    def _begin(self, call: _Call, out: Params) -> None:
        if call.timer is not None:
            call.timer.cancel()
        if call.live is not None:
            loop = asyncio.get_running_loop()
            call.last_s = loop.time()
            call.timer = loop.call_later(self._stream_idle_s, self._idle, call)
        call.started(out.args, out.size)
        call.route.served.tasks.start(self._run(call, out.args))

    def _publish(self, subject: str, data: bytes, reply: str = "") -> None:
        try:
            self._nc.publish_nowait(subject, data, reply=reply)
        except NatsError as error:
            log.debug("an answer on %s could not be sent: %s", subject, error)

    def _failed(self, call: _Call, error: Exception) -> None:
        if call.trace is not None:
            if not call.machine.started:
                call.started(None, call.machine.received)
            call.trace.failed(error)
        if not call.machine.started:
            log.info("a call of %s failed before its start: %s", call.route.name, error)
            self._release(call)

    def _release(self, call: _Call) -> None:
        self._calls.pop(call.token, None)
        if call.timer is not None:
            call.timer.cancel()

    # ---- one call

    async def _run(self, call: _Call, args: tuple[Any, ...]) -> None:
        """The handler, its answer, and the streams of that answer."""
        try:
            async with self._slots:
                outputs = await self._answer(call, args)
            if len(outputs) > 2:
                await self._send(call, outputs)
            else:
                self._carry_out(call, outputs)
        finally:
            # The parameter streams end here: an answer may be made of them, so not before.
            self._carry_out(call, call.machine.close_channels())
            self._release(call)

    async def _answer(self, call: _Call, args: tuple[Any, ...]) -> Sequence[Output]:
        machine = call.machine
        try:
            value = await call.route.handler(call.context, *args)
            outputs = machine.finish(value)
        except asyncio.CancelledError:
            self._carry_out(call, machine.fail(_stopped(call.route.name.target)))
            raise
        except Exception as error:
            log.info("%s failed", call.route.name, exc_info=error)
            self._carry_out(call, machine.fail(error))
            return ()
        if call.trace is not None:
            size = sum(len(out.data) for out in outputs if isinstance(out, Publish))
            call.trace.completed(value, size)
        return outputs

    async def _send(self, call: _Call, outputs: Sequence[Output]) -> None:
        """A result of several messages, or one with streams."""
        messages = [out for out in outputs if isinstance(out, Publish)]
        if sum(len(message.data) for message in messages) > AT_ONCE_BYTES:
            await publish_paced(self._nc, messages)
        else:
            self._carry_out(call, messages)
        sending = (send_channel(self._nc, out) for out in outputs if isinstance(out, SendChannel))
        for error in await asyncio.gather(*sending, return_exceptions=True):
            if isinstance(error, asyncio.CancelledError):
                raise error
            if isinstance(error, BaseException):
                log.warning("a result stream of %s failed: %s", call.route.name, error)


def _stopped(id: str) -> Exception:
    return NatsError(f"{id} was stopped during the call")


def _context(name: CallName, headers: Mapping[str, str] | None, call_id: int) -> InvocationContext:
    given = headers or {}
    return InvocationContext(
        target=name.target,
        instance=name.instance,
        function=name.function,
        source_id=given.get("source-id", ""),
        link_name=given.get("link-name", "") or "default",
        target_id=given.get("target-id", ""),
        traceparent=given.get("traceparent", ""),
        headers=given,
        call_id=call_id,
    )
