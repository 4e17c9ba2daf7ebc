"""One listening socket of the http-server."""

from __future__ import annotations

import errno
import logging
import ssl

from aiohttp import web
from aiohttp.http_exceptions import HttpProcessingError

from workbench.providers.http_components import Components
from workbench.providers.http_exchange import Exchange
from workbench.providers.http_routes import Routes
from workbench.providers.http_settings import Address, Settings
from workbench.providers.sdk import ProviderFailed

__all__ = ["Listener"]


class _NoBadRequests(logging.Filter):
    """Requests that don't parse are answered with 400; a stranger must not fill the log."""

    def filter(self, record: logging.LogRecord) -> bool:
        error = record.exc_info[1] if record.exc_info else None
        return not isinstance(error, HttpProcessingError)


_request_log = logging.getLogger(f"{__name__}.requests")
_request_log.addFilter(_NoBadRequests())

# How long requests that run may take to end when the listener closes.
DRAIN_S = 0.25


class Listener:
    """Listens on one address and answers by its routes, which may change while it runs."""

    def __init__(self, components: Components, settings: Settings, routes: Routes) -> None:
        self.settings = settings
        self.routes = routes
        self.address = settings.address
        self._exchange = Exchange(components, routes, settings)
        self._runner: web.ServerRunner | None = None

    async def start(self) -> None:
        """Listen; `ProviderFailed` says why that can't be. `address` then has the real port."""
        tls = _tls_context(self.settings)
        server = web.Server(
            self._exchange.handle, handler_cancellation=True, access_log=None, logger=_request_log,
            auto_decompress=False, tcp_keepalive=self.settings.tcp_keepalive,
        )  # fmt: skip
        runner = web.ServerRunner(server, shutdown_timeout=DRAIN_S)
        await runner.setup()
        wanted = self.settings.address
        try:
            await web.TCPSite(runner, wanted.host, wanted.port, ssl_context=tls).start()
        except OSError as error:
            await runner.cleanup()
            raise _bind_failed(wanted, error) from error
        self._runner = runner
        self.address = Address(wanted.host, runner.addresses[0][1])

    async def stop(self) -> None:
        """Close the socket at once, the running requests after a short while."""
        runner, self._runner = self._runner, None
        if runner is not None:
            await runner.cleanup()


def _bind_failed(wanted: Address, error: OSError) -> ProviderFailed:
    # asyncio wraps the reason in words of its own; the number says it.
    if error.errno == errno.EADDRINUSE:
        return ProviderFailed(
            f"address {wanted} is in use already",
            hint="stop what listens there, or give the link another address (port 0: any free one)",
            address=str(wanted),
        )
    if error.errno == errno.EACCES:
        return ProviderFailed(
            f"no permission to listen on {wanted}",
            hint="use a port above 1023",
            address=str(wanted),
        )
    if error.errno == errno.EADDRNOTAVAIL:
        return ProviderFailed(
            f"{wanted.host} is no address of this machine",
            hint="use 127.0.0.1 or 0.0.0.0", address=str(wanted),
        )  # fmt: skip
    return ProviderFailed(
        f"can't listen on {wanted}: {error.strerror or error}", address=str(wanted)
    )


def _tls_context(settings: Settings) -> ssl.SSLContext | None:
    if settings.tls is None:
        return None
    certificate, key = settings.tls
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    try:
        context.load_cert_chain(certificate, key)
    except (OSError, ssl.SSLError) as error:
        raise ProviderFailed(f"the TLS certificate or key can't be used: {error}") from error
    return context
