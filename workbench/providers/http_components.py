"""The components behind the http-server: those of its own host asked directly, others over wRPC."""

from __future__ import annotations

import asyncio

from workbench.errors import CallError, DecodeError, IncompleteResults
from workbench.lattice.http_neighbours import HttpNeighbour, HttpNeighbours
from workbench.providers.http_body import RequestBody
from workbench.providers.sdk import ProviderContext
from workbench.wire.http import HttpError, HttpRequest, HttpResponse, close_body
from workbench.wire.http_wrpc import (
    HANDLE,
    INCOMING_HANDLER,
    request_to_wrpc,
    result_from_wrpc,
)

__all__ = ["Components"]

# A component may run this long (interfaces.md §6); the real server itself has no limit.
CALL_TIMEOUT_S = 600.0
# A host whose execution slots are taken answers the handshake late (wrpc.md §7).
HANDSHAKE_TIMEOUT_S = 30.0


class Components:
    """Whom a provider hands its requests to."""

    def __init__(self, context: ProviderContext) -> None:
        self._context = context

    async def answer(self, target: str, request: HttpRequest, traceparent: str) -> HttpResponse:
        """The response of a component.

        Raises `HttpError` for an error code, the `CallError` family where no answer came, and
        what the request's body broke off with.
        """
        neighbours = self._context.neighbours
        found = neighbours.find(target) if neighbours is not None else None
        if neighbours is None or found is None:
            return await self._over_wrpc(target, request, traceparent)
        asking = self._ask(neighbours, found, target, request, traceparent)
        if isinstance(request.body, RequestBody):
            return await request.body.unless_broken(asking)
        return await asking

    async def _over_wrpc(self, target: str, request: HttpRequest, traceparent: str) -> HttpResponse:
        result = await self._context.rpc.invoke(
            target, INCOMING_HANDLER, HANDLE, [request_to_wrpc(request)], role="provider",
            timeout_s=CALL_TIMEOUT_S, handshake_timeout_s=HANDSHAKE_TIMEOUT_S,
            traceparent=traceparent,
        )  # fmt: skip
        try:
            return result_from_wrpc(result)
        except DecodeError:
            await close_body(result.value.body)
            raise

    async def _ask(
        self,
        neighbours: HttpNeighbours,
        found: HttpNeighbour,
        target: str,
        request: HttpRequest,
        traceparent: str,
    ) -> HttpResponse:
        try:
            return await neighbours.ask(
                target, found, request, source_id=self._context.provider_id,
                traceparent=traceparent, place_timeout_s=HANDSHAKE_TIMEOUT_S,
            )  # fmt: skip
        except (HttpError, CallError, asyncio.CancelledError):
            raise
        except Exception as error:
            # As over wRPC: what a component failed with is told by its host, not to strangers.
            raise IncompleteResults(f"{target} ended without an answer") from error
