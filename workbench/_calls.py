"""Calling components: find the WIT function, check the arguments, call, explain a failure.

A callee that fails sends nothing but the end of its answer (wrpc.md §7). Where it runs in this
process the trace hook has told why, so the caller gets the cause instead of "incomplete results".
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any

from workbench._running import Running
from workbench.errors import (
    CallTimeout,
    HandshakeTimeout,
    IncompleteResults,
    LinkMissing,
    NatsError,
    WitError,
    WorkbenchError,
)
from workbench.lattice.rpc import RpcClient
from workbench.lattice.rpc_trace import new_traceparent
from workbench.lattice.trace import CallEvent, Phase, Side, Tracer
from workbench.nats import Connection
from workbench.wire.http import HttpError, HttpRequest, collect
from workbench.wire.http_reply import HttpReply
from workbench.wire.http_wrpc import request_to_wrpc, response_from_wrpc
from workbench.wire.wit.bundled import bundled
from workbench.wire.wit.coerce import coerce_args
from workbench.wire.wit.lookup import find_function
from workbench.wire.wit.types import Function
from workbench.wire.wit.values import Err, Ok

__all__ = ["Calls"]

CALL_TIMEOUT_S = 30.0
HANDSHAKE_TIMEOUT_S = 3.0
HTTP_INSTANCE = "wrpc:http/incoming-handler@0.1.0"

ExportsOf = Callable[[str], Awaitable[Mapping[str, Any]]]


class Calls:
    """The calls of one lattice.

    ``exports_of`` finds what an id exports or raises `NotFound`; ``running`` knows the others.
    """

    def __init__(
        self,
        connection: Connection,
        lattice: str,
        tracer: Tracer,
        exports_of: ExportsOf,
        running: Running,
    ) -> None:
        self._connection = connection
        self.rpc = RpcClient(connection, lattice=lattice, source_id="workbench", tracer=tracer)
        self._exports_of = exports_of
        self._running = running
        self._failures = _Failures(tracer)

    async def function(self, target: str, path: str) -> tuple[str, Function]:
        return find_function(await self._exports_of(target), path, owner=target)

    async def invoke(
        self,
        target: str,
        path: str,
        args: Sequence[Any],
        named: Mapping[str, Any],
        *,
        timeout_s: float | None,
        link_name: str,
    ) -> Any:
        """Call and unwrap: the value of an ok, `WitError` for an error case."""
        instance, function = await self.function(target, path)
        values = coerce_args(function, args, dict(named))
        result = await self._call(target, instance, function, values, timeout_s, link_name)
        if isinstance(result, Ok):
            return result.value
        if isinstance(result, Err):
            raise WitError(result.value)
        return result

    async def http(
        self,
        target: str,
        method: str,
        path: str,
        *,
        headers: Mapping[str, str] | None,
        body: bytes | str,
        timeout_s: float | None,
    ) -> HttpReply:
        request = HttpRequest(
            method=method.upper(),
            path_with_query=path if path.startswith("/") else f"/{path}",
            authority=target,
            headers=[
                ("host", target.encode()),
                *((k.lower(), v.encode()) for k, v in (headers or {}).items()),
            ],
            body=body.encode() if isinstance(body, str) else body,
        )
        handle = bundled().interface(HTTP_INSTANCE).functions["handle"]
        result = await self._call(
            target, HTTP_INSTANCE, handle, (request_to_wrpc(request),), timeout_s, "default"
        )
        if isinstance(result, Err):
            raise HttpError(result.value.name, result.value.payload)
        response = response_from_wrpc(result.value)
        return HttpReply(response.status, response.headers, await collect(response.body))

    async def _call(
        self,
        target: str,
        instance: str,
        function: Function,
        values: Sequence[Any],
        timeout_s: float | None,
        link_name: str,
    ) -> Any:
        traceparent = new_traceparent()
        if timeout_s is None:
            timeout_s = CALL_TIMEOUT_S
        # What runs and gives no handshake is busy; of anything else that says nobody is there.
        handshake_s = (
            timeout_s if self._running.serves(target) else min(timeout_s, HANDSHAKE_TIMEOUT_S)
        )
        try:
            return await self.rpc.invoke(
                target,
                instance,
                function,
                values,
                link_name=link_name,
                timeout_s=timeout_s,
                handshake_timeout_s=handshake_s,
                traceparent=traceparent,
            )
        except IncompleteResults as error:
            cause = self._failures.innermost(traceparent[3:35])
            if cause is None:
                raise
            if isinstance(cause, LinkMissing):
                cause.hint = self._with_target(cause)
            raise cause from error
        except (HandshakeTimeout, CallTimeout) as error:
            if self._connection.is_connected:
                raise
            raise NatsError(
                f"the NATS server is away, so {target} can't be reached",
                hint="`%wasmcloud doctor` says more; it is tried again until it is back",
            ) from error

    def _with_target(self, missing: LinkMissing) -> str:
        """The hint with a component that could answer in place of the word TARGET."""
        found = self._running.exporters(missing.fields.get("interface", ""))
        if not found:
            return missing.hint
        hint = missing.hint.replace(" TARGET ", f" {found[0]} ", 1)
        others = ", ".join(found[1:])
        return f"{hint} ({others} could answer too)" if others else hint

    async def close(self) -> None:
        self._failures.close()
        await self.rpc.close()


class _Failures:
    """The last failed calls that our own hosts and providers served, by trace id."""

    KEPT = 256

    def __init__(self, tracer: Tracer) -> None:
        self._by_trace: OrderedDict[str, BaseException] = OrderedDict()
        self.close = tracer.subscribe(self._on_event, (Phase.FAILED,))

    def _on_event(self, event: CallEvent) -> None:
        if event.side is not Side.CALLEE or event.error is None:
            return
        trace_id = event.traceparent[3:35]
        # The innermost callee fails first; what its callers report is only a consequence.
        if trace_id and trace_id not in self._by_trace:
            self._by_trace[trace_id] = event.error
            if len(self._by_trace) > self.KEPT:
                self._by_trace.popitem(last=False)

    def innermost(self, trace_id: str) -> WorkbenchError | None:
        """The cause of a failed call, as far down as it is one of our errors."""
        error = self._by_trace.pop(trace_id, None)
        found: WorkbenchError | None = None
        while error is not None:
            if isinstance(error, WorkbenchError):
                found = error
            hidden = None if error.__suppress_context__ else error.__context__
            error = error.__cause__ or hidden
        return found
