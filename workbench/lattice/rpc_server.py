"""Serving over wRPC: the asyncio skin around `CalleeMachine` (wrpc.md §3, §5.2).

The handshake goes out as soon as a request is taken up. Without a gate every request is, and its
handler waits for a free slot; a gate decides otherwise (`rpc_gate`). A handler may raise
anything: its caller sees the empty end marker, the tracer the exception.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from workbench.errors import NatsError
from workbench.lattice.rpc_context import (
    Eager,
    Functions,
    Handler,
    InvocationContext,
    context_of,
    first_step,
)
from workbench.lattice.rpc_gate import Gate, Line, Place
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

__all__ = ["RpcServer", "Served"]

log = logging.getLogger(__name__)


@dataclass(slots=True)
class _Route:
    served: Served
    name: CallName
    codec: FunctionCodec
    handler: Handler
    subject: str
    eager: bool


class _Call:
    """What the skin keeps of one call, until its answer and its streams are over."""

    __slots__ = ("args", "arrived_ns", "arrived_s", "begun", "context", "last_s", "live", "machine",
                 "place", "released", "route", "server", "timer", "token", "trace")  # fmt: skip

    def __init__(
        self, server: RpcServer, route: _Route, context: InvocationContext, token: str
    ) -> None:
        self.server = server
        self.route = route
        self.context = context
        self.place = context.place
        self.token = token
        self.machine: CalleeMachine
        self.live: LiveValues | None = None
        self.trace: CallTrace | None = None
        self.timer: asyncio.TimerHandle | None = None
        self.args: tuple[Any, ...] | None = None
        self.begun = False
        self.released = False
        self.arrived_ns = 0
        self.arrived_s = 0.0
        self.last_s = 0.0

    def started(self, args: tuple[Any, ...] | None, size: int) -> None:
        """Report the start, as late as its parameters are known and dated when it happened."""
        if self.trace is not None:
            self.trace.started(args, size, self.arrived_ns, self.arrived_s)
            self.trace.handshake(self.arrived_ns, self.arrived_s)

    def receive(self, tail: str, message: Message) -> None:
        """A message below the call's inbox."""
        if self.live is not None or not self.machine.started:
            self.last_s = asyncio.get_running_loop().time()
        outputs = self.machine.receive(tail, message.data)
        if outputs:
            self.server._carry_out(self, outputs)

    def admit(self, place: Place) -> None:
        """The gate is open for this call: it runs once its parameters are complete."""
        if self.released:
            place.release()
            return
        self.place = place
        self.context = self.context._replace(place=place)
        if self.args is not None:
            self.server._start(self, self.args)

    def refuse(self, error: Exception) -> None:
        if not self.released:
            self.server._carry_out(self, self.machine.fail(error))
            self.server._release(self)


class Served:
    """The served functions of one component or provider id."""

    def __init__(self, server: RpcServer, id: str, gate: Gate | None) -> None:
        self._server = server
        self.id = id
        self._subscriptions: list[Subscription] = []
        self.tasks = Tasks(f"the wRPC server of {id}")
        self.line: Line[_Route] | None = None
        if gate is not None:
            self.line = Line(gate, self.tasks, server._take_up)
        # Handlers that run, and calls that could run but for want of a slot.
        self.running = 0
        self.ready: deque[_Call] = deque()
        self._open = 0
        self._idle = asyncio.Event()

    @property
    def in_flight(self) -> int:
        """Calls that were taken up and are not over: their handler or streams run, or wait."""
        return self._open

    @property
    def held(self) -> int:
        """Requests that have no handshake yet, because one before them waits at the gate."""
        return 0 if self.line is None else len(self.line)

    def opened(self) -> None:
        self._open += 1

    def closed(self) -> None:
        self._open -= 1
        if not self._open:
            self._idle.set()

    async def stop_accepting(self) -> None:
        """End the subscriptions. What the server has sent already is still answered."""
        subscriptions, self._subscriptions = self._subscriptions, []
        await self._server._nc.drain(subscriptions)

    async def drain(self, timeout_s: float) -> bool:
        """Take no new calls, let those that are there end; False if some did not."""
        await self.stop_accepting()
        try:
            async with asyncio.timeout(timeout_s):
                while self._open:
                    self._idle.clear()
                    await self._idle.wait()
        except TimeoutError:
            return False
        return True

    async def stop(self, *, drain_s: float = 0.0) -> None:
        """Take no new calls; cancel what still runs after ``drain_s``, answered as failed."""
        await self.drain(drain_s)
        self.ready.clear()
        await self.tasks.close()
        self._server._forget(self)


class RpcServer:
    """Serves components and providers on one connection.

    Without a gate at most ``max_in_flight`` handlers of one id run at once; further calls have
    their handshake and wait. Beyond ``max_waiting`` calls no more handshakes are given. A call
    whose parameters stay incomplete fails after ``params_timeout_s`` without a further message; a
    parameter stream that is silent for ``stream_idle_s`` ends with `CallTimeout` at its reader.
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
        self._max_in_flight = max_in_flight
        self._max_waiting = max_waiting
        self._params_timeout_s = params_timeout_s
        self._stream_idle_s = stream_idle_s
        self._stream_bytes = stream_bytes
        self._inbox = nc.inbox
        self._calls: dict[str, _Call] = {}
        self._served: set[Served] = set()

    async def serve(self, id: str, functions: Functions, *, gate: Gate | None = None) -> Served:
        """Subscribe every function of ``id``; calls arrive from the moment this returns.

        With a ``gate`` each call is taken up, then waits for its place before it runs, and no
        other call of ``id`` is taken up meanwhile.
        """
        await self._inbox.open()
        served = Served(self, id, gate)
        queue = subjects.rpc_queue(self.lattice, id)
        try:
            for instance, by_name in functions.items():
                for name, (function, handler) in by_name.items():
                    route = self._route(served, instance, name, function, handler)
                    served._subscriptions.append(
                        await self._nc.subscribe_direct(
                            route.subject, partial(self._on_request, route), queue=queue
                        )
                    )
            await self._nc.flush()
        except BaseException:
            await served.stop()
            raise
        self._served.add(served)
        return served

    def _route(
        self,
        served: Served,
        instance: str,
        name: str,
        function: Function,
        handler: Handler | Eager,
    ) -> _Route:
        wire_name = subjects.wire_function_name(name)
        eager = isinstance(handler, Eager)
        return _Route(
            served,
            CallName(served.id, instance, wire_name),
            function_codec(function),
            handler.handler if isinstance(handler, Eager) else handler,
            subjects.invocation(self.lattice, served.id, instance, wire_name),
            eager,
        )

    async def close(self, *, drain_s: float = 0.0) -> None:
        """Stop everything served here."""
        for served in list(self._served):
            await served.stop(drain_s=drain_s)
        for call in list(self._calls.values()):
            self._release(call)

    def _forget(self, served: Served) -> None:
        """Nothing of it runs any more: whoever still waits is told by an empty answer."""
        self._served.discard(served)
        held = served.line.empty() if served.line is not None else []
        for route, message in held:
            self._take_up(route, message, None)
        for call in [c for c in self._calls.values() if c.route.served is served]:
            self._carry_out(call, call.machine.fail(_stopped(served.id)))
            self._release(call)

    # ---- messages

    def _on_request(self, route: _Route, message: Message) -> None:
        if not message.reply:
            return
        if len(self._calls) >= self._max_waiting:
            log.warning("a call on %s is dropped: %d are open", message.subject, len(self._calls))
            return
        line = route.served.line
        if line is None:
            self._take_up(route, message, None)
        else:
            line.arrive(route, message)

    def _take_up(self, route: _Route, message: Message, place: Place | None) -> _Call:
        """Give the handshake, and run the call if all is there that it needs."""
        call = self._accept(route, message, place)
        self._calls[call.token] = call
        route.served.opened()
        self._carry_out(call, call.machine.start(message.data))
        if call.timer is None and not call.machine.started and not call.released:
            loop = asyncio.get_running_loop()
            call.last_s = loop.time()
            call.timer = loop.call_later(self._params_timeout_s, self._params_late, call)
        return call

    def _accept(self, route: _Route, message: Message, place: Place | None) -> _Call:
        tracing = self._tracer.enabled
        context = context_of(route.name, message.headers, next_call_id() if tracing else 0, place)
        token = self._inbox.new_token()
        call = _Call(self, route, context, token)
        codec = route.codec
        if codec.param_channels or codec.has_dynamic_params:
            call.live = LiveValues(
                lambda path: call.machine.drop(path), stream_bytes=self._stream_bytes
            )
        call.machine = CalleeMachine(
            codec,
            name=route.name,
            inbox=self._inbox.add(token, call.receive),
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
        loop = asyncio.get_running_loop()
        left = call.last_s + self._params_timeout_s - loop.time()
        if left > 0:
            call.timer = loop.call_later(left, self._params_late, call)
            return
        self._carry_out(call, call.machine.timeout(self._params_timeout_s))

    def _carry_out(self, call: _Call, outputs: Sequence[Output]) -> None:
        for out in outputs:
            if type(out) is Publish:
                self._publish(out.subject, out.data, out.reply)
            elif type(out) is Params:
                self._complete(call, out)
            elif type(out) is Failed:
                self._failed(call, out.error)
            elif call.live is not None and type(out) is Items:
                call.live.items(out)
            elif call.live is not None and type(out) is Closed:
                call.live.closed(out)

    def _publish(self, subject: str, data: bytes, reply: str = "") -> None:
        try:
            self._nc.put(subject, data, reply)
        except NatsError as error:
            log.debug("an answer on %s could not be sent: %s", subject, error)

    def _complete(self, call: _Call, out: Params) -> None:
        """The parameters are there: run the call, or have it ready for its place or slot."""
        if call.timer is not None:
            call.timer.cancel()
        if call.live is not None:
            loop = asyncio.get_running_loop()
            call.last_s = loop.time()
            call.timer = loop.call_later(self._stream_idle_s, self._idle, call)
        call.started(out.args, out.size)
        served = call.route.served
        if served.line is None:
            if served.running < self._max_in_flight:
                self._start(call, out.args)
            else:
                call.args = out.args
                served.ready.append(call)
        elif call.place is not None:
            self._start(call, out.args)
        else:
            call.args = out.args

    def _failed(self, call: _Call, error: Exception) -> None:
        if call.trace is not None:
            if not call.machine.started:
                call.started(None, call.machine.received)
            call.trace.failed(error)
        if not call.machine.started:
            log.info("a call of %s failed before its start: %s", call.route.name, error)
            self._release(call)

    def _release(self, call: _Call) -> None:
        if call.released:
            return
        call.released = True
        del self._calls[call.token]
        self._inbox.receivers.pop(call.token, None)
        if call.timer is not None:
            call.timer.cancel()
        if call.place is not None and not call.begun:
            call.place.release()
        call.route.served.closed()

    # ---- one call

    def _start(self, call: _Call, args: tuple[Any, ...]) -> None:
        served = call.route.served
        served.running += 1
        call.args = None
        work = self._run(call, args)
        if not call.route.eager or (work := first_step(work)) is not None:
            served.tasks.start(work)

    async def _run(self, call: _Call, args: tuple[Any, ...]) -> None:
        """The handler, its answer, and the streams of that answer."""
        # From here on the handler gives the place back; a task that is cancelled before never runs.
        call.begun = True
        try:
            try:
                outputs = await self._answer(call, args)
            finally:
                self._next_ready(call.route.served)
            if len(outputs) > 2:
                await self._send(call, outputs)
            else:
                self._carry_out(call, outputs)
        finally:
            # The parameter streams end here: an answer may be made of them, so not before.
            if call.live is not None:
                self._carry_out(call, call.machine.close_channels())
            self._release(call)

    def _next_ready(self, served: Served) -> None:
        served.running -= 1
        if served.ready:
            call = served.ready.popleft()
            assert call.args is not None
            self._start(call, call.args)

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
            size = sum([len(out.data) for out in outputs if type(out) is Publish])
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
