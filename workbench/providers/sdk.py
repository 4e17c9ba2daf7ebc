"""What a provider author writes against: a provider is a Python class.

    class Counter(Provider):
        wit = "package demo:count@0.1.0; interface counter { next: func(by: u32) -> u64; }"

        async def on_link_put(self, link): ...
        async def next(self, ctx, by): ...

WIT decides the methods: each function of each interface in ``wit`` is served by the method of
the same name in snake case. The first argument tells who calls; the result is what the WIT type
wants. For a ``result`` type a plain value is the ok side and ``raise WitError(payload)`` the error
side. The hooks ``on_…`` are called one after another, never two at once.
"""

from __future__ import annotations

import inspect
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import TYPE_CHECKING, Any, ClassVar

from workbench.errors import WitError, WorkbenchError
from workbench.lattice.http_neighbours import HttpNeighbours
from workbench.lattice.python_functions import python_name
from workbench.lattice.rpc import InvocationContext, RpcClient
from workbench.lattice.trace import Tracer
from workbench.nats import Connection
from workbench.wire.records import ResolvedLink
from workbench.wire.wit.bundled import new_resolver
from workbench.wire.wit.types import Function, Interface, Result
from workbench.wire.wit.values import Err, Ok, attribute_name

if TYPE_CHECKING:
    from workbench.lattice.rpc import Handler

__all__ = ["Health", "Provider", "ProviderContext", "ProviderFailed", "exported_handlers"]


class ProviderFailed(WorkbenchError):
    """A provider can't start, or can't take a link; the message is for the user."""


@dataclass(frozen=True, slots=True)
class Health:
    """The answer to a health check. ``detail`` is for people and tests, it stays in-process."""

    healthy: bool = True
    message: str = ""
    detail: Mapping[str, str] = field(default_factory=dict)


@dataclass(slots=True)
class ProviderContext:
    """What a running provider knows and may use.

    ``config`` is the merged named config, replaced as a whole before `Provider.on_config`.
    ``links`` are the links that `Provider.on_link_put` took. ``log(level, text)`` reaches the host.
    ``neighbours`` are the components of a host in the same process.
    """

    nc: Connection
    lattice: str
    host_id: str
    provider_id: str
    tracer: Tracer
    rpc: RpcClient
    log: Callable[[str, str], None]
    config: Mapping[str, str] = field(default_factory=dict)
    links: list[ResolvedLink] = field(default_factory=list)
    neighbours: HttpNeighbours | None = None

    def is_source(self, link: ResolvedLink) -> bool:
        """Whether this provider calls the other end, instead of being called."""
        return link.source_id == self.provider_id

    def config_of(self, link: ResolvedLink) -> Mapping[str, str]:
        """The link's config for this provider's side."""
        return link.source_config if self.is_source(link) else link.target_config

    def link_of(self, call: InvocationContext) -> ResolvedLink | None:
        """The link that an incoming call came over: by caller and link name (providers.md §13)."""
        for link in self.links:
            if link.source_id == call.source_id and link.name == call.link_name:
                return link
        return None


class Provider:
    """Base class of every provider."""

    wit: ClassVar[str] = ""
    """WIT text whose interfaces this provider serves."""

    context: ProviderContext

    def interfaces(self) -> Iterable[Interface]:
        """The interfaces to serve."""
        return _interfaces(self.wit) if self.wit else ()

    async def on_start(self, context: ProviderContext) -> None:
        """Before anything else; ``self.context`` is set. `ProviderFailed` refuses the start."""

    async def on_link_put(self, link: ResolvedLink) -> None:
        """A new link. `ProviderFailed` refuses it; it may be put again later."""

    async def on_link_del(self, link: ResolvedLink) -> None:
        """A link that `on_link_put` took is gone."""

    async def on_link_change(self, old: ResolvedLink, new: ResolvedLink) -> None:
        """A link was put again with other config."""
        await self.on_link_del(old)
        await self.on_link_put(new)

    async def on_config(self, config: Mapping[str, str]) -> None:
        """The named config changed."""

    async def on_shutdown(self) -> None:
        """Release everything; links are not deleted one by one before."""

    async def health(self) -> Health:
        """How the provider is."""
        return Health()


@lru_cache(maxsize=64)
def _interfaces(wit: str) -> tuple[Interface, ...]:
    resolver = new_resolver()
    package = resolver.add_text(wit)
    return tuple(resolver.packages[package].interfaces.values())


def exported_handlers(provider: Provider) -> dict[str, dict[str, tuple[Function, Handler]]]:
    """The provider's methods by interface and function; `ProviderFailed` if one is missing."""
    exports: dict[str, dict[str, tuple[Function, Handler]]] = {}
    missing: list[str] = []
    for interface in provider.interfaces():
        for function in interface.functions.values():
            method = getattr(provider, python_name(function), None)
            if not callable(method):
                missing.append(f"{python_name(function)}({_parameters(function)})")
                continue
            _check_parameters(function, method)
            handler = _handler(function, method)
            exports.setdefault(interface.id, {})[function.name] = (function, handler)
    if missing:
        raise ProviderFailed(
            f"{type(provider).__name__} lacks {', '.join(missing)}",
            hint="each function of the WIT needs a method of its name",
            missing=tuple(missing),
        )
    return exports


def _parameters(function: Function) -> str:
    return ", ".join(["self", "ctx", *(attribute_name(name) for name, _ in function.params)])


def _check_parameters(function: Function, method: Callable[..., Any]) -> None:
    try:
        inspect.signature(method).bind(None, *(None for _ in function.params))
    except TypeError:
        raise ProviderFailed(
            f"{python_name(function)} does not take what {function.name} passes",
            hint=f"write it as {python_name(function)}({_parameters(function)})",
        ) from None


def _handler(function: Function, method: Callable[..., Any]) -> Handler:
    wants_result = isinstance(function.result, Result)

    async def handle(ctx: InvocationContext, *args: Any) -> Any:
        try:
            value = method(ctx, *args)
            if isinstance(value, Awaitable):
                value = await value
        except WitError as error:
            if wants_result:
                return Err(error.payload)
            raise
        if wants_result and not isinstance(value, Ok | Err):
            return Ok(value)
        return value

    return handle
