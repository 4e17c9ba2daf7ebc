"""The small HTTP server by which an orchestrator sees that a program lives (wadm-engine.md §19)."""

from __future__ import annotations

from aiohttp import web

from workbench.errors import UsageError

__all__ = ["Admin"]

_PATHS = ("/livez", "/readyz")


class Admin:
    """``GET /livez`` and ``GET /readyz`` answer ``{"status":"ok"}``."""

    def __init__(self, address: str) -> None:
        host, _, port = address.rpartition(":")
        if not host or not port.isdigit() or int(port) > 65535:
            raise UsageError(
                f"{address!r} is no address to listen on", hint="write it as 127.0.0.1:8080"
            )
        self._host, self._port = host.strip("[]"), int(port)
        self._runner: web.ServerRunner | None = None

    async def start(self) -> str:
        """Listen; returns the address, with the port that was taken for port 0."""
        self._runner = web.ServerRunner(web.Server(_answer))
        await self._runner.setup()
        site = web.TCPSite(self._runner, self._host, self._port)
        try:
            await site.start()
        except OSError as error:
            await self.stop()
            raise UsageError(
                f"the admin server can't listen on {self._host}:{self._port}: {error.strerror}",
                hint="give --http-admin another address",
            ) from error
        host, port = self._runner.addresses[0][:2]
        return f"{host}:{port}"

    async def stop(self) -> None:
        runner, self._runner = self._runner, None
        if runner is not None:
            await runner.cleanup()


async def _answer(request: web.BaseRequest) -> web.StreamResponse:
    if request.path not in _PATHS:
        return web.Response(status=404, text=f"unknown endpoint `{request.path}`")
    if request.method == "HEAD":
        return web.Response()
    if request.method != "GET":
        return web.Response(status=405)
    return web.Response(body=b'{"status":"ok"}', content_type="application/json")
