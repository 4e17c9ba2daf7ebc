"""The built-in http-server: HTTP requests become calls of ``wasi:http/incoming-handler``.

It takes the config keys of the real http-server and behaves as the external one does
(interfaces.md §8.1), with these differences: connections are kept alive, two links with the same
name are no conflict, and a call to a component that does not take it up ends after a while.
"""

from __future__ import annotations

from workbench.providers.http_components import Components
from workbench.providers.http_listener import Listener
from workbench.providers.http_routes import Routes
from workbench.providers.http_settings import (
    ServerSettings,
    Settings,
    parse_settings,
)
from workbench.providers.sdk import Health, Provider, ProviderContext, ProviderFailed
from workbench.wire.records import ResolvedLink

__all__ = ["HttpServer"]


class HttpServer(Provider):
    """Source of links to components that export ``wasi:http/incoming-handler``."""

    def __init__(self) -> None:
        self._server = ServerSettings()
        self._shared: Listener | None = None
        self._by_link: list[tuple[ResolvedLink, Listener]] = []

    @property
    def addresses(self) -> dict[str, str]:
        """Where each component is reached: real ports, keyed by component id.

        A link that is not named ``default`` is keyed ``ID (NAME)``.
        """
        return {_label(link): str(listener.address) for link, listener in self._by_link}

    async def on_start(self, context: ProviderContext) -> None:
        """In path and host mode the one listener opens now, in address mode with the links."""
        self._server = ServerSettings.parse(context.config)
        if self._server.routing_mode != "address":
            settings = parse_settings(context.config, self._server.default_address)
            self._shared = await self._open(settings)
            context.log("info", f"listening on {self._shared.address}")

    async def on_link_put(self, link: ResolvedLink) -> None:
        """Route to the link's target, on its own address or under its path or host."""
        if not self.context.is_source(link):
            raise ProviderFailed(
                f"the http-server is the source of its links, {link.source_id} can't call it",
                hint=f"link {self.context.provider_id} to {link.source_id}",
            )
        if self._shared is not None:
            mode = self._server.routing_mode
            key = link.source_config.get(mode)
            if key is None:
                raise ProviderFailed(
                    f"the link's source config lacks {mode!r}",
                    hint=f"routing_mode is {mode}: each link names its {mode}",
                )
            self._shared.routes.add(link, key)
            self._by_link.append((link, self._shared))
        else:
            listener = await self._listener_for(link)
            self._by_link.append((link, listener))
        self.context.log("info", f"{_label(link)} is served on {self.addresses[_label(link)]}")

    async def on_link_del(self, link: ResolvedLink) -> None:
        """Stop routing; a listener of its own closes with its last link."""
        for entry in list(self._by_link):
            if entry[0] == link:
                self._by_link.remove(entry)
                entry[1].routes.remove(link)
                if entry[1].routes.is_empty and entry[1] is not self._shared:
                    await entry[1].stop()

    async def on_shutdown(self) -> None:
        """Close every listener."""
        listeners = {id(listener): listener for _, listener in self._by_link}
        if self._shared is not None:
            listeners[id(self._shared)] = self._shared
        self._by_link, self._shared = [], None
        for listener in listeners.values():
            await listener.stop()

    async def health(self) -> Health:
        """Healthy while it runs; the addresses are in the detail."""
        return Health(detail=self.addresses)

    async def _listener_for(self, link: ResolvedLink) -> Listener:
        settings = parse_settings(link.source_config, self._server.default_address)
        for _, listener in self._by_link:
            # The first link on an address is served, the others stand by (interfaces.md §8.1).
            if settings.address.port and listener.settings.address == settings.address:
                listener.routes.add(link)
                self.context.log("warn", f"{_label(link)} stands by: {settings.address} is taken")
                return listener
        listener = await self._open(settings)
        listener.routes.add(link)
        return listener

    async def _open(self, settings: Settings) -> Listener:
        routes = Routes(self._server.routing_mode, self._server.host_header)
        listener = Listener(Components(self.context), settings, routes)
        await listener.start()
        return listener


def _label(link: ResolvedLink) -> str:
    return link.target if link.name == "default" else f"{link.target} ({link.name})"
