"""What a host gives the imports of a component (interfaces.md §1-§5).

Configuration, logging and link names are answered here, on the worker thread; everything else
goes over wRPC to the target that a link names. Key-value calls are translated, custom interfaces
travel as they are. A call without a link raises `LinkMissing`, which traps the caller.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Protocol

from workbench.errors import Trap
from workbench.host import keyvalue
from workbench.host.keys import checked_name
from workbench.host.links import Routes, interface_key
from workbench.host.options import LogLine, OnLog
from workbench.wasm import ImportsBase, wasi
from workbench.wire.http import HttpRequest, HttpResponse, RequestOptions
from workbench.wire.http_wrpc import (
    OUTGOING_HANDLE,
    OUTGOING_HANDLER,
    options_to_wrpc,
    request_to_wrpc,
    result_from_wrpc,
)
from workbench.wire.wit.types import Function
from workbench.wire.wit.values import Err, Ok

if TYPE_CHECKING:
    from workbench.lattice.rpc import InvocationContext

__all__ = ["ComponentImports", "Invoker", "needs_link"]

_CONFIG = frozenset({"wasi:config/store@0.2.0-draft", "wasi:config/runtime@0.2.0-draft"})
_LOGGING = frozenset({"wasi:logging/logging@0.1.0-draft", "wasi:logging/logging"})
_BUS = frozenset({"wasmcloud:bus/lattice@1.0.0", "wasmcloud:bus/lattice@2.0.0"})
_HTTP_KEY = "wasi:http/outgoing-handler"

# Interfaces that real hosts answer themselves or translate, and this one does not: polyfilling
# them over wRPC would reach nobody, so a component that needs one is told so at its start.
_NOT_OFFERED = (
    "wasi:blobstore/",
    "wasmcloud:secrets/",
    "wasmcloud:identity/",
    "wrpc:rpc/",
    "wasi:http/incoming-handler@",
    "wasmcloud:messaging/producer@0.3",
    "wasmcloud:messaging/request-reply@0.3",
    "wasmcloud:messaging/types@0.3",
)


def needs_link(instance: str) -> bool:
    """Whether calls to an imported interface go over a link, as far as its name tells.

    ``wasi:http/outgoing-handler`` does and is not counted: JavaScript engines import it always.
    """
    answered_here = instance in _CONFIG or instance in _LOGGING or instance in _BUS
    return ":" in instance and not answered_here and wasi.find(instance) is None


@dataclass(frozen=True, slots=True)
class _CallTarget:
    """The `call-target-interface` resource: an interface without version."""

    key: str


class Invoker(Protocol):
    """The part of `RpcClient` that imports need."""

    async def invoke(
        self,
        target: str,
        instance: str,
        function: Function,
        args: Sequence[Any] = (),
        *,
        link_name: str,
        source_id: str,
        timeout_s: float,
        handshake_timeout_s: float,
        traceparent: str,
    ) -> Any: ...


class ComponentImports(ImportsBase):
    """The imports of one component on one host.

    ``config`` gives the current configuration, so that a change is seen by the next read, also
    inside a running call (events-and-lattice-data.md §B.6).
    """

    def __init__(
        self,
        component_id: str,
        *,
        rpc: Invoker,
        routes: Routes,
        config: Callable[[], Mapping[str, str]],
        on_log: OnLog,
        timeout_s: float,
    ) -> None:
        self._component_id = component_id
        self._rpc = rpc
        self._routes = routes
        self._config = config
        self._on_log = on_log
        self._timeout_s = timeout_s

    def provides(self, instance: str, name: str) -> bool:
        if instance.startswith(_NOT_OFFERED):
            return False
        if instance.startswith("wasi:keyvalue/"):
            return keyvalue.wire_function(instance, name) is not None or keyvalue.is_local(name)
        return True

    def advice(self, instance: str, names: Sequence[str]) -> str:
        known = {name.partition("/")[0] for name in _NOT_OFFERED} | {"wasi:keyvalue"}
        package = instance.partition("/")[0]
        what = instance or ", ".join(names)
        if package in known:
            return f"this host does not offer {what}: a component of it needs another host"
        return f"link a component or provider that exports {what}"

    def is_sync(self, instance: str) -> bool:
        return instance in _CONFIG or instance in _LOGGING or instance in _BUS

    # -- answered here -----------------------------------------------------------------------------

    def call_sync(
        self, ctx: InvocationContext | None, instance: str, function: Function, args: Sequence[Any]
    ) -> Any:
        if instance in _CONFIG:
            values = self._config()
            return Ok(values.get(args[0]) if function.name == "get" else list(values.items()))
        if instance in _LOGGING:
            level, context, message = args
            trace = ctx.traceparent if ctx is not None else ""
            self._on_log(
                LogLine(self._component_id, level, message, context=context, traceparent=trace)
            )
            return None
        return self._bus(instance, function, args)

    def _bus(self, instance: str, function: Function, args: Sequence[Any]) -> Any:
        """`wasmcloud:bus/lattice`: 1.0.0 swallows the error, 2.0.0 returns it (§2.3)."""
        if function.name == "[constructor]call-target-interface":
            namespace, package, interface = args
            return _CallTarget(f"{namespace}:{package}/{interface}")
        name, targets = args
        problem = self._routes.select(name, [target.key for target in targets])
        if instance.endswith("@1.0.0"):
            return None
        return Ok() if problem is None else Err(problem)

    # -- over wRPC ---------------------------------------------------------------------------------

    async def call(
        self, ctx: InvocationContext | None, instance: str, function: Function, args: Sequence[Any]
    ) -> Any:
        if instance.startswith("wasi:keyvalue/"):
            if keyvalue.is_local(function.name):
                return Ok(keyvalue.Bucket(args[0]))
            wire = keyvalue.wire_function(instance, function.name)
            if wire is None:
                raise Trap(f"{instance} has no function {function.name}", reason="import")
            return await self._invoke(
                ctx, instance, wire.instance, wire.function, keyvalue.wire_args(args)
            )
        return await self._invoke(ctx, instance, instance, function, args)

    async def http(
        self, ctx: InvocationContext | None, request: HttpRequest, options: RequestOptions
    ) -> HttpResponse:
        if request.scheme is None:
            request = replace(request, scheme="https")
        args = (request_to_wrpc(request), options_to_wrpc(options))
        answer = await self._invoke(ctx, _HTTP_KEY, OUTGOING_HANDLER, OUTGOING_HANDLE, args)
        return result_from_wrpc(answer)

    async def _invoke(
        self,
        ctx: InvocationContext | None,
        called: str,
        instance: str,
        function: Function,
        args: Sequence[Any],
    ) -> Any:
        """One call to the linked target; ``called`` is what the component's own WIT names."""
        target, link_name = self._routes.target(interface_key(called), called, function.name)
        checked_name(target)
        checked_name(f"{instance}.{function.name}")
        return await self._rpc.invoke(
            target,
            instance,
            function,
            args,
            link_name=link_name,
            source_id=self._component_id,
            timeout_s=self._timeout_s,
            # A target that is busy gives no handshake; real hosts wait for both alike.
            handshake_timeout_s=self._timeout_s,
            traceparent=ctx.traceparent if ctx is not None else "",
        )
