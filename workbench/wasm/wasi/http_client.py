"""Outgoing HTTP over the network itself, for components that run without a lattice."""

from __future__ import annotations

import asyncio
import errno
import ssl
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
from yarl import URL

from workbench.wire.http import Body, Headers, HttpError, HttpRequest, HttpResponse, RequestOptions
from workbench.wire.http_wrpc import DNS_ERROR
from workbench.wire.wit.values import record_class

__all__ = ["send"]

_CHUNK_BYTES = 64 * 1024
_DnsError = record_class(DNS_ERROR)
# What aiohttp would add by itself; a component decides about its own request.
_NOT_ADDED = ("User-Agent", "Accept", "Accept-Encoding", "Content-Type")
_NO_SIGN_OF_LIFE = aiohttp.ClientTimeout(total=None)


async def send(ctx: Any, request: HttpRequest, options: RequestOptions) -> HttpResponse:
    """Send a request; redirects and compressed bodies reach the component as they are.

    Raises `HttpError`.
    """
    session = aiohttp.ClientSession(
        auto_decompress=False,
        connector=aiohttp.TCPConnector(force_close=True),
        timeout=_timeout(options),
        cookie_jar=aiohttp.DummyCookieJar(),
    )
    try:
        response = await session.request(
            request.method,
            _url(request),
            headers=[(name, value.decode("latin-1")) for name, value in request.headers],
            data=_data(request.body),
            allow_redirects=False,
            skip_auto_headers=_NOT_ADDED,
        )
    except BaseException as error:
        await session.close()
        raise _http_error(error) from error
    headers: Headers = [(n.decode("latin-1").lower(), value) for n, value in response.raw_headers]
    return HttpResponse(response.status, headers, _body(session, response))


def _url(request: HttpRequest) -> URL:
    try:
        return URL(f"{request.scheme}://{request.authority}{request.path_with_query}", encoded=True)
    except ValueError as error:
        raise HttpError("HTTP-request-URI-invalid") from error


def _timeout(options: RequestOptions) -> aiohttp.ClientTimeout:
    ns = options.connect_timeout_ns
    return _NO_SIGN_OF_LIFE if ns is None else aiohttp.ClientTimeout(total=None, connect=ns / 1e9)


def _data(body: Body) -> Any:
    return body or None if isinstance(body, bytes) else body


async def _body(
    session: aiohttp.ClientSession, response: aiohttp.ClientResponse
) -> AsyncIterator[bytes]:
    try:
        async for chunk in response.content.iter_chunked(_CHUNK_BYTES):
            yield chunk
    except aiohttp.ClientError as error:
        raise _http_error(error) from error
    finally:
        response.close()
        await session.close()


def _http_error(error: BaseException) -> BaseException:
    """The ``wasi:http`` code of a failure of aiohttp's; anything else as it is."""
    match error:
        case HttpError() | asyncio.CancelledError():
            return error
        case aiohttp.ClientConnectorDNSError():
            return HttpError("DNS-error", _DnsError("address not available", None))
        case aiohttp.ClientConnectorCertificateError():
            return HttpError("TLS-certificate-error")
        case aiohttp.ClientSSLError() | ssl.SSLError():
            return HttpError("TLS-protocol-error")
        case aiohttp.ConnectionTimeoutError():
            return HttpError("connection-timeout")
        case aiohttp.ServerTimeoutError():
            return HttpError("connection-read-timeout")
        case aiohttp.ClientConnectorError(os_error=OSError(errno=errno.ECONNREFUSED)):
            return HttpError("connection-refused")
        case aiohttp.ClientConnectorError():
            return HttpError("destination-unavailable")
        case aiohttp.ServerDisconnectedError() | ConnectionError() | aiohttp.ClientOSError():
            return HttpError("connection-terminated")
        case aiohttp.ClientPayloadError():
            return HttpError("HTTP-response-incomplete")
        case aiohttp.InvalidURL():
            return HttpError("HTTP-request-URI-invalid")
        case aiohttp.ClientResponseError():
            return HttpError("HTTP-protocol-error")
        case aiohttp.ClientError():
            return HttpError("internal-error", str(error))
        case _:
            return error
