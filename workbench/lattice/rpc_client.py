"""Calling over wRPC: the asyncio skin around `CallerMachine` (wrpc.md §5.1, §14).

All clients of a connection share its inbox; a message finds its call by the token that follows
the inbox, and the machine knows what the rest of the subject means.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any, Literal

from workbench.errors import CallError, NatsError
from workbench.lattice.rpc_send import AT_ONCE_BYTES, publish_paced, send_channel
from workbench.lattice.rpc_streams import STREAM_BYTES, LiveValues
from workbench.lattice.rpc_trace import CallTrace, child_traceparent
from workbench.lattice.tasks import Tasks
from workbench.lattice.trace import Side, Tracer
from workbench.nats import Connection, Message
from workbench.wire import subjects
from workbench.wire.wit.types import Function
from workbench.wire.wrpc import FunctionCodec, function_codec
from workbench.wire.wrpc.calls import (
    Answered,
    CallName,
    Closed,
    Failed,
    FirstByte,
    Handshaken,
    Items,
    Output,
    Publish,
    SendChannel,
    stream_timeout,
)  # fmt: skip
from workbench.wire.wrpc.machine import CallerMachine, Waiting

__all__ = ["Role", "RpcClient"]

log = logging.getLogger(__name__)

Role = Literal["component", "provider"]
_FEW = 4


class _Call:
    """What the skin keeps of one call, until nothing more can come for it."""

    __slots__ = ("answer", "client", "last_s", "live", "machine", "name", "sending", "timer",
                 "token", "trace")  # fmt: skip

    def __init__(self, client: RpcClient, token: str, name: CallName) -> None:
        self.client = client
        self.token = token
        self.name = name
        self.machine: CallerMachine
        self.answer: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        self.live: LiveValues | None = None
        self.trace: CallTrace | None = None
        self.timer: asyncio.TimerHandle | None = None
        self.last_s = 0.0
        self.sending: list[asyncio.Task[None]] = []

    def give_up(self) -> Sequence[Output]:
        """Nobody waits for the answer: stop sending streams and tell the machine."""
        for task in self.sending:
            task.cancel()
        return self.machine.cancel()

    def receive(self, tail: str, message: Message) -> None:
        """A message below the call's inbox."""
        machine = self.machine
        description = ""
        if message.status is not None and message.headers:
            description = message.headers.get("Description", "")
        outputs = machine.receive(
            tail, message.data, reply=message.reply, status=message.status, description=description
        )
        if self.live is not None:
            self.last_s = self.answer.get_loop().time()
        if outputs:
            self.client._carry_out(self, outputs)
        if machine.finished and self.answer.done():
            self.client._release(self)

    def drop(self, path: tuple[int, ...]) -> None:
        """Nobody reads the stream at ``path`` any more."""
        self.machine.drop(path)
        if self.machine.finished:
            self.client._release(self)


class RpcClient:
    """Invokes functions of components and providers of one lattice.

    Belongs to the loop it is used on. ``close()`` fails what is still running.
    """

    def __init__(
        self,
        nc: Connection,
        *,
        lattice: str = "default",
        source_id: str = "workbench",
        tracer: Tracer | None = None,
        stream_bytes: int = STREAM_BYTES,
    ) -> None:
        self._nc = nc
        self.lattice = lattice
        self.source_id = source_id
        self._tracer = tracer if tracer is not None else Tracer()
        self._stream_bytes = stream_bytes
        self._calls: dict[str, _Call] = {}
        self._tasks = Tasks(f"the wRPC client {source_id}")
        self._inbox = nc.inbox
        self._closed = False

    @property
    def in_flight(self) -> int:
        """Calls that something may still arrive for, streams of answered ones included."""
        return len(self._calls)

    async def close(self) -> None:
        """Stop. Calls in flight fail, senders end their channels."""
        self._closed = True
        error = CallError("the client was closed", hint="the lattice was shut down meanwhile")
        for call in list(self._calls.values()):
            self._carry_out(call, call.machine.abort(error))
            self._release(call)
        await self._tasks.close()

    async def invoke(
        self,
        target: str,
        instance: str,
        function: Function,
        args: Sequence[Any] = (),
        *,
        link_name: str = "default",
        role: Role = "component",
        source_id: str = "",
        headers: Mapping[str, str] | None = None,
        timeout_s: float = 10.0,
        handshake_timeout_s: float = 3.0,
        stream_idle_s: float = 600.0,
        traceparent: str = "",
    ) -> Any:
        """Call ``function`` and return its raw result (`Ok`/`Err` kept).

        ``role`` decides which headers go out (wrpc.md §8). ``timeout_s`` bounds the time to the
        decoded root result; a stream in it fails after ``stream_idle_s`` without a message.
        Raises the `CallError` family, `DecodeError` for bytes that fit another type, and
        `ValueMismatch` or `UsageError` for arguments, before anything is sent.
        """
        if self._closed:
            raise CallError("the client is closed", hint="open the lattice again")
        if not self._inbox.is_open:
            await self._inbox.open()
        codec = function_codec(function)
        if self._tracer.enabled:
            traceparent = child_traceparent(traceparent)
        source = source_id or self.source_id
        sent = _headers(source, target, link_name, role, traceparent, headers)
        call = self._open(codec, target, instance, args, sent)
        if self._tracer.enabled:
            self._trace(call, source, link_name, traceparent, args)
        return await self._run(call, timeout_s, handshake_timeout_s, stream_idle_s)

    def _open(
        self,
        codec: FunctionCodec,
        target: str,
        instance: str,
        args: Sequence[Any],
        headers: Mapping[str, str],
    ) -> _Call:
        token = self._inbox.new_token()
        name, subject = _address(self.lattice, target, instance, codec.function.name)
        call = _Call(self, token, name)
        if codec.result_channels or codec.has_dynamic_result:
            call.live = LiveValues(call.drop, stream_bytes=self._stream_bytes)
        call.machine = CallerMachine(
            codec,
            args,
            name=name,
            subject=subject,
            inbox=f"{self._inbox.base}.{token}",
            headers=headers,
            max_payload=self._nc.max_payload,
            async_values=call.live,
        )
        return call

    def _trace(
        self,
        call: _Call,
        source: str,
        link_name: str,
        traceparent: str,
        args: Sequence[Any],
    ) -> None:
        target, instance, name = call.name
        call.trace = CallTrace(
            self._tracer, Side.CALLER, call.machine.codec, source=source, target=target,
            instance=instance, name=name, link_name=link_name, traceparent=traceparent,
            subject=call.machine.subject,
        )  # fmt: skip
        call.trace.started(tuple(args), call.machine.request_size)

    async def _run(
        self, call: _Call, timeout_s: float, handshake_s: float, stream_idle_s: float
    ) -> Any:
        loop = asyncio.get_running_loop()
        began = loop.time()
        self._calls[call.token] = call
        self._inbox.receivers[call.token] = call.receive
        call.timer = loop.call_at(
            began + min(handshake_s, timeout_s),
            self._out_of_time,
            call,
            began,
            handshake_s,
            timeout_s,
        )
        try:
            self._carry_out(call, call.machine.start())
            return await call.answer
        except BaseException as error:
            answered = call.machine.answered
            self._carry_out(call, call.give_up())
            if call.trace is not None and not answered:
                call.trace.failed(error)
            raise
        finally:
            call.timer.cancel()
            if call.machine.finished:
                if call.token in self._calls:
                    self._release(call)
            else:
                self._linger(call, handshake_s, stream_idle_s)

    def _out_of_time(self, call: _Call, began: float, handshake_s: float, timeout_s: float) -> None:
        loop = asyncio.get_running_loop()
        if not call.machine.peer and handshake_s <= timeout_s:
            outputs = call.machine.timeout(Waiting.HANDSHAKE, handshake_s)
        elif (left := began + timeout_s - loop.time()) > 0:
            call.timer = loop.call_later(
                left, self._out_of_time, call, began, handshake_s, timeout_s
            )
            return
        else:
            outputs = call.machine.timeout(Waiting.ANSWER, timeout_s)
        self._carry_out(call, outputs)

    def _linger(self, call: _Call, handshake_s: float, stream_idle_s: float) -> None:
        """Keep the call for what may come: streams of its result, or a late handshake."""
        loop = asyncio.get_running_loop()
        call.last_s = loop.time()
        open_streams = call.machine.answered and call.live is not None
        limit_s = stream_idle_s if open_streams else max(handshake_s, 10.0)
        call.timer = loop.call_later(limit_s, self._idle, call, limit_s)

    def _idle(self, call: _Call, limit_s: float) -> None:
        loop = asyncio.get_running_loop()
        left = call.last_s + limit_s - loop.time()
        if left > 0:
            call.timer = loop.call_later(left, self._idle, call, limit_s)
            return
        self._carry_out(call, call.machine.abort(stream_timeout(call.name, limit_s)))
        self._release(call)

    def _release(self, call: _Call) -> None:
        self._calls.pop(call.token, None)
        self._inbox.receivers.pop(call.token, None)
        if call.timer is not None:
            call.timer.cancel()

    def _carry_out(self, call: _Call, outputs: Sequence[Output]) -> None:
        # More than a few outputs are either slices of a big value or items of streams.
        if len(outputs) > _FEW and _bulk(outputs) > AT_ONCE_BYTES:
            self._tasks.start(
                self._send_paced(call, [o for o in outputs if isinstance(o, Publish)])
            )
            outputs = [o for o in outputs if not isinstance(o, Publish)]
        trace = call.trace
        for out in outputs:
            if type(out) is Publish:
                self._publish(call, out)
            elif type(out) is Answered:
                self._answered(call, out)
            elif type(out) is Handshaken:
                if trace is not None:
                    trace.handshake()
            elif type(out) is FirstByte:
                if trace is not None:
                    trace.first_byte()
            elif type(out) is Failed:
                if not call.answer.done():
                    call.answer.set_exception(out.error)
            elif type(out) is SendChannel:
                call.sending.append(self._tasks.start(self._send(call, out)))
            elif call.live is not None and type(out) is Items:
                call.live.items(out)
            elif call.live is not None and type(out) is Closed:
                call.live.closed(out)

    def _publish(self, call: _Call, out: Publish) -> None:
        try:
            self._nc.put(out.subject, out.data, out.reply, out.headers)
        except NatsError as error:
            self._carry_out(call, call.machine.abort(error))

    def _answered(self, call: _Call, out: Answered) -> None:
        if call.trace is not None:
            call.trace.completed(out.value, out.size)
        if not call.answer.done():
            call.answer.set_result(out.value)

    async def _send_paced(self, call: _Call, messages: list[Publish]) -> None:
        try:
            await publish_paced(self._nc, messages)
        except NatsError as error:
            self._carry_out(call, call.machine.abort(error))

    async def _send(self, call: _Call, out: SendChannel) -> None:
        try:
            await send_channel(self._nc, out)
        except Exception as error:
            # Whoever made the stream is waiting for this very call: it gets the error.
            if call.answer.done():
                log.warning("a parameter stream of %s failed: %s", call.name, error)
            self._carry_out(call, call.machine.abort(error))


def _bulk(outputs: Sequence[Output]) -> int:
    return sum(len(out.data) for out in outputs if isinstance(out, Publish))


@lru_cache(maxsize=4096)
def _address(lattice: str, target: str, instance: str, function_name: str) -> tuple[CallName, str]:
    """What is called, in words for errors and as a subject."""
    wire_name = subjects.wire_function_name(function_name)
    subject = subjects.invocation(lattice, target, instance, wire_name)
    return CallName(target, instance, wire_name), subject


def _headers(
    source: str,
    target: str,
    link_name: str,
    role: Role,
    traceparent: str,
    more: Mapping[str, str] | None,
) -> dict[str, str]:
    headers = {"source-id": source}
    if role == "provider":
        headers["target-id"] = target
    else:
        headers["link-name"] = link_name
    if traceparent:
        headers["traceparent"] = traceparent
    if more:
        headers.update(more)
    return headers
