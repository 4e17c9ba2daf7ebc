"""HTTP between a provider and the components of its own host, without NATS in between.

A real host's built-in http-server asks components of its process in the same way: they take a
permit and get an instance as for any call, but no message travels (interfaces.md §6). Half of what
a request cost was the wRPC exchange. The trace hook hears of these calls as of all others.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from typing import Protocol

from workbench.errors import HandshakeTimeout
from workbench.lattice.rpc_context import InvocationContext
from workbench.lattice.rpc_gate import Gate, Place
from workbench.lattice.rpc_trace import CallTrace, child_traceparent
from workbench.lattice.trace import Side, Tracer, next_call_id
from workbench.wire.http import HttpError, HttpRequest, HttpResponse
from workbench.wire.http_wrpc import (
    HANDLE,
    INCOMING_HANDLER,
    error_to_wrpc,
    request_to_wrpc,
    response_to_wrpc,
)
from workbench.wire.wit.values import Err, Ok
from workbench.wire.wrpc import function_codec

__all__ = ["HttpNeighbour", "HttpNeighbours"]


class HttpNeighbour(Gate, Protocol):
    """A component that answers HTTP requests, behind its gate.

    `answer_http` gives the place in ``context`` back when the guest is through. It raises
    `HttpError` for an error code, and whatever else went wrong.
    """

    def answer_http(
        self, context: InvocationContext, request: HttpRequest
    ) -> Awaitable[HttpResponse]: ...


class HttpNeighbours:
    """The components of one host that answer HTTP requests, by id."""

    def __init__(self, tracer: Tracer) -> None:
        self._tracer = tracer
        self._found: dict[str, HttpNeighbour] = {}

    def add(self, component_id: str, neighbour: HttpNeighbour) -> None:
        """From now on ``neighbour`` answers; it replaces one of the same id."""
        self._found[component_id] = neighbour

    def remove(self, component_id: str, neighbour: HttpNeighbour) -> None:
        """``neighbour`` answers no more; ignored if it does not any more."""
        if self._found.get(component_id) is neighbour:
            del self._found[component_id]

    def find(self, component_id: str) -> HttpNeighbour | None:
        """Who answers for this id here, if anybody does."""
        return self._found.get(component_id)

    async def ask(
        self,
        component_id: str,
        neighbour: HttpNeighbour,
        request: HttpRequest,
        *,
        source_id: str,
        traceparent: str,
        place_timeout_s: float,
    ) -> HttpResponse:
        """The response of ``neighbour``.

        Raises `HttpError` for an error code, `HandshakeTimeout` when no place is free in time,
        and what the component failed with. Cancelling this stops the component.
        """
        traced = self._tracer.enabled
        context = InvocationContext(
            component_id, INCOMING_HANDLER, HANDLE.name, source_id, target_id=component_id,
            traceparent=child_traceparent(traceparent) if traced else traceparent,
            call_id=next_call_id() if traced else 0,
        )  # fmt: skip
        traces = self._traces(context, request) if traced else ()
        try:
            place = neighbour.enter() or await _wait(neighbour, context, place_timeout_s)
            response = await neighbour.answer_http(context._replace(place=place), request)
        except HttpError as error:
            for trace in traces:
                trace.completed(Err(error_to_wrpc(error)), 0)
            raise
        except BaseException as error:
            for trace in traces:
                trace.failed(error)
            raise
        for trace in traces:
            trace.completed(Ok(response_to_wrpc(response)), _known_size(response))
        return response

    def _traces(self, context: InvocationContext, request: HttpRequest) -> tuple[CallTrace, ...]:
        """What both sides report; the callee, who knows best, first."""
        codec, size = function_codec(HANDLE), _known_size(request)
        caller, callee = (
            CallTrace(
                self._tracer, side, codec, source=context.source_id, target=context.target,
                instance=context.instance, name=context.function, link_name=context.link_name,
                traceparent=context.traceparent, subject="", call_id=call_id,
            )
            for side, call_id in ((Side.CALLER, 0), (Side.CALLEE, context.call_id))
        )  # fmt: skip
        params = (request_to_wrpc(request),)
        caller.started(params, size)
        callee.started(params, size)
        return callee, caller


async def _wait(neighbour: HttpNeighbour, context: InvocationContext, timeout_s: float) -> Place:
    try:
        async with asyncio.timeout(timeout_s):
            return await neighbour.wait(context)
    except TimeoutError:
        raise HandshakeTimeout(
            f"no instance of {context.target} was free for {timeout_s:g} s",
            hint="scale it up, or look for calls that do not end",
            target=context.target,
        ) from None


def _known_size(message: HttpRequest | HttpResponse) -> int:
    return len(message.body) if isinstance(message.body, bytes) else 0
