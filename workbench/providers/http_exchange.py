"""One HTTP request through the http-server: to the component over wRPC, and back.

Source: interfaces.md §8.1 (answers of the server's own), wrpc.md §11.5 (the call).
"""

from __future__ import annotations

import asyncio
import logging
import re
from typing import Any

from aiohttp import web
from multidict import CIMultiDict

from workbench.errors import (
    CallTimeout,
    HandshakeTimeout,
    IncompleteResults,
    NoResponders,
    WorkbenchError,
)
from workbench.providers.http_body import (
    BodyTooLarge,
    BrokenBody,
    RequestBody,
    TrailingResponse,
    response_headers,
)
from workbench.providers.http_components import Components
from workbench.providers.http_routes import Refusal, Routes
from workbench.providers.http_settings import Settings
from workbench.wire.http import (
    Headers,
    HttpError,
    HttpRequest,
    HttpResponse,
    close_body,
    iterate,
)
from workbench.wire.http_wrpc import ERROR_CODE, INCOMING_HANDLER
from workbench.wire.wit.types import Option, Prim, Record, Type
from workbench.wire.wit.values import Some, attribute_name

__all__ = ["Exchange"]

log = logging.getLogger(__name__)

_TRACEPARENT = re.compile(
    r"(?!ff)[0-9a-f]{2}-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}"
)
_FORWARDED_HOST = re.compile(r'(?:^|[;,])\s*host\s*=\s*(?:"([^"]*)"|([^;,\s]*))', re.IGNORECASE)


class Exchange:
    """Handles the requests of one listener."""

    def __init__(self, components: Components, routes: Routes, settings: Settings) -> None:
        self._components = components
        self._routes = routes
        self._settings = settings

    async def handle(self, request: web.BaseRequest) -> web.StreamResponse:
        """Answer one request; aiohttp cancels this when the client goes away."""
        origin = request.headers.get("origin")
        if request.method == "OPTIONS":
            return web.Response(headers=CIMultiDict(self._settings.cors.preflight_headers(origin)))
        outcome = await self._outcome(request)
        if isinstance(outcome, web.StreamResponse):
            return outcome
        headers = CIMultiDict(self._settings.cors.response_headers(origin))
        if not outcome.text:
            return web.Response(status=outcome.status, headers=headers)
        return web.Response(
            status=outcome.status, headers=headers, text=outcome.text,
            content_type="text/plain", charset="utf-8",
        )  # fmt: skip

    async def _outcome(self, request: web.BaseRequest) -> web.StreamResponse | Refusal:
        """The component's answer, already sent, or one of our own, still to be sent."""
        settings = self._settings
        if settings.readonly and request.method not in ("GET", "HEAD"):
            return Refusal(405, "only GET and HEAD allowed in read-only mode")
        target, _, _ = _path(request).partition("?")
        header = request.headers.get(self._routes.host_header)
        link = self._routes.find(target, header)
        if isinstance(link, Refusal):
            return link
        authority = _authority(request)
        if not authority:
            return Refusal(400, "the request names no host")
        length = request.content_length
        if settings.max_body_bytes is not None and (length or 0) > settings.max_body_bytes:
            return Refusal(413, f"the request body is larger than {settings.max_body_bytes} bytes")
        body = RequestBody(request, limit=settings.max_body_bytes)
        try:
            return await self._call(request, link.target, authority, body)
        finally:
            body.close()

    async def _call(
        self, request: web.BaseRequest, target: str, authority: str, body: RequestBody
    ) -> web.StreamResponse | Refusal:
        head = HttpRequest(
            method=request.method, path_with_query=_path(request), scheme=request.scheme,
            authority=authority, headers=_headers(request),
            body=body.at_once() if request.body_exists else b"",
        )  # fmt: skip
        timeout_ms = self._settings.timeout_ms
        limit = asyncio.timeout(None if timeout_ms is None else timeout_ms / 1000)
        try:
            async with limit:
                answer = await self._components.answer(target, head, _traceparent(request))
        except TimeoutError:
            if limit.expired():
                return Refusal(408)
            raise
        except HttpError as error:
            return Refusal(500, _debug(error))
        except WorkbenchError as error:
            return _failed(error)
        return await self._send(request, answer)

    async def _send(
        self, request: web.BaseRequest, answer: HttpResponse
    ) -> web.StreamResponse | Refusal:
        """Pass the component's response on, as its body arrives."""
        if answer.status < 200:
            await close_body(answer.body)
            return Refusal(500, f"the component answered with {answer.status}, which ends nothing")
        headers = response_headers(answer.headers)
        for name, value in self._settings.cors.response_headers(request.headers.get("origin")):
            headers.add(name, value)
        if self._settings.cache_control:
            headers.add("cache-control", self._settings.cache_control)
        try:
            whole = _whole(request, answer, headers)
            if whole is not None:
                return whole
            response = _prepared(request, answer, headers)
            await response.prepare(request)
            await _pump(request, response, answer)
            return response
        finally:
            await close_body(answer.body)


def _whole(
    request: web.BaseRequest, answer: HttpResponse, headers: CIMultiDict[str]
) -> web.Response | None:
    """A response whose body is complete, which aiohttp sends in one write; None for others."""
    body = answer.body
    if (
        not isinstance(body, bytes)
        or answer.trailers is not None
        or _is_bodiless(request, answer.status)
        or headers.get("content-length", str(len(body))) != str(len(body))
    ):
        return None
    return web.Response(status=answer.status, headers=headers, body=body)


def _prepared(
    request: web.BaseRequest, answer: HttpResponse, headers: CIMultiDict[str]
) -> web.StreamResponse:
    wants_trailers = "trailers" in request.headers.get("te", "").lower()
    chunked = "content-length" not in headers and request.version >= (1, 1)
    if wants_trailers and chunked and not _is_bodiless(request, answer.status):
        headers["transfer-encoding"] = "chunked"
        return TrailingResponse(status=answer.status, headers=headers)
    return web.StreamResponse(status=answer.status, headers=headers)


def _is_bodiless(request: web.BaseRequest, status: int) -> bool:
    return request.method == "HEAD" or status in (204, 304) or 100 <= status < 200


async def _pump(
    request: web.BaseRequest, response: web.StreamResponse, answer: HttpResponse
) -> None:
    """Body and trailers. A body that breaks off ends the connection: the client must notice."""
    if _is_bodiless(request, answer.status):
        await response.write_eof()
        return
    declared, sent = response.content_length, 0
    try:
        async for chunk in iterate(answer.body):
            sent += len(chunk)
            await response.write(chunk)
        trailers = await answer.trailers if answer.trailers is not None else None
    except WorkbenchError as error:
        log.warning("the response body of %s broke off: %s", request.path, error.message)
        _hang_up(request)
        return
    if declared is not None and sent != declared:
        log.warning("%s announced %d bytes of body, %d came", request.path, declared, sent)
        _hang_up(request)
    elif isinstance(response, TrailingResponse):
        await response.finish(trailers or [])
    else:
        await response.write_eof()


def _hang_up(request: web.BaseRequest) -> None:
    if request.transport is not None:
        request.transport.close()


# --- the request's parts ------------------------------------------------------------------


def _path(request: web.BaseRequest) -> str:
    """Path and query as they came; of an absolute target only these."""
    raw = request.raw_path
    if raw.startswith(("http://", "https://")):
        _, _, rest = raw.partition("://")[2].partition("/")
        return f"/{rest}"
    return raw or "/"


def _headers(request: web.BaseRequest) -> Headers:
    """Every header, ``host`` and ``content-length`` included, as the real server passes them."""
    return [(name.decode("latin-1").lower(), value) for name, value in request.raw_headers]


def _authority(request: web.BaseRequest) -> str:
    forwarded = _FORWARDED_HOST.search(request.headers.get("forwarded", ""))
    if forwarded and (host := forwarded[1] or forwarded[2]):
        return host
    for header in ("x-forwarded-host", "host"):
        if value := request.headers.get(header):
            return value
    raw = request.raw_path
    return raw.partition("://")[2].partition("/")[0] if "://" in raw else ""


def _traceparent(request: web.BaseRequest) -> str:
    value = request.headers.get("traceparent", "")
    return value if _TRACEPARENT.fullmatch(value) else ""


# --- failures -----------------------------------------------------------------------------


def _failed(error: WorkbenchError) -> Refusal:
    """The status and text of a call that got no answer."""
    if isinstance(error, BodyTooLarge):
        return Refusal(413, error.message)
    if isinstance(error, BrokenBody):
        return Refusal(400, error.message)
    chain = (
        "failed to invoke `wrpc:http/incoming-handler.handle`: "
        f"failed to invoke `{INCOMING_HANDLER}.handle`: "
    )
    if isinstance(error, NoResponders):
        return Refusal(500, chain + "not connected")
    if isinstance(error, IncompleteResults):
        return Refusal(500, chain + "incomplete results")
    if isinstance(error, HandshakeTimeout):
        # The real server waits without end here.
        return Refusal(503, chain + "no instance is free")
    if isinstance(error, CallTimeout):
        return Refusal(504, chain + "deadline has elapsed")
    return Refusal(500, chain + error.message)


def _debug(error: HttpError) -> str:
    """A ``wasi:http`` error code as the real server prints it: Rust's debug form."""
    code, payload = error.fields["code"], error.fields["payload"]
    kind = _PAYLOADS.get(code)
    if kind is None or (payload is None and not isinstance(kind, Option)):
        return f"ErrorCode::{_camel(code)}"
    return f"ErrorCode::{_camel(code)}({_debug_value(kind, payload)})"


_PAYLOADS = dict(ERROR_CODE.cases)


def _debug_value(kind: Type, value: Any) -> str:
    match kind:
        case Option() if value is None:
            return "None"
        case Option(item):
            return f"Some({_debug_value(item, value.value if isinstance(value, Some) else value)})"
        case Record(name, fields):
            parts = [
                f"{attribute_name(field)}: {_debug_value(part, item)}"
                for (field, part), item in zip(fields, value, strict=True)
            ]
            return f"{_camel(name)} {{ {', '.join(parts)} }}"
        case Prim("string"):
            return '"' + value.replace("\\", "\\\\").replace('"', '\\"') + '"'
        case _:
            return str(value)


def _camel(name: str) -> str:
    return "".join(word.capitalize() for word in name.split("-"))
