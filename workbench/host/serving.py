"""Serves the exports of one component over wRPC (interfaces.md §6).

Each call has its handshake, takes a permit (``max_instances`` of them), gets a fresh instance and
answers; while one waits for a permit no further call is taken up. What runs behind the subjects,
a `Code`, can be exchanged while calls run: they end on the code and the permits they began with.
"""

from __future__ import annotations

import asyncio
import logging
import math
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from workbench.errors import DecodeError
from workbench.host.failures import error_chain
from workbench.host.keys import checked_name
from workbench.host.options import LogLine, OnLog
from workbench.lattice.rpc import Eager
from workbench.wire.control import UNLIMITED
from workbench.wire.http import HttpError, HttpRequest, HttpResponse
from workbench.wire.http_wrpc import (
    HANDLE,
    INCOMING_HANDLER,
    error_to_wrpc,
    request_from_wrpc,
    response_to_wrpc,
)
from workbench.wire.wit.types import Borrow, Function, Interface, Own, Type
from workbench.wire.wit.values import Err, Ok

if TYPE_CHECKING:
    from workbench.lattice.http_neighbours import HttpNeighbours
    from workbench.lattice.rpc import Handler, InvocationContext, RpcServer, Served
    from workbench.wasm import Instantiator

__all__ = ["Code", "ComponentServing", "Permits", "served_functions"]

_log = logging.getLogger(__name__)

_HTTP_EXPORT = "wasi:http/incoming-handler@0.2"
_HTTP_FUNCTION = "wasi:http/incoming-handler.handle"
# componentize-py's own plumbing: an instance of this name holds `init`, which is nobody's to call.
_NOT_SERVED = frozenset({"exports"})

Exports = dict[str, dict[str, tuple[Function, "Handler | Eager"]]]


class Permits:
    """``max_instances`` permits; the largest count means no limit (control-interface.md §8.3).

    Given in the order of asking.
    """

    __slots__ = ("_free", "_idle", "_users", "_waiting", "limit")

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self._free: float = math.inf if limit >= UNLIMITED else limit
        self._waiting: deque[asyncio.Future[bool]] = deque()
        self._users = 0
        self._idle = asyncio.Event()
        self._idle.set()

    def take_now(self) -> bool:
        """Take a permit if one is free."""
        if self._free < 1:
            return False
        self._free -= 1
        self._join()
        return True

    async def take(self) -> bool:
        """Wait for a permit; False if `turn_away` ended the wait. Whoever waits is a user already."""
        if self.take_now():
            return True
        waiter = asyncio.get_running_loop().create_future()
        self._waiting.append(waiter)
        self._join()
        try:
            taken = await waiter
        except BaseException:
            if waiter.done() and not waiter.cancelled() and waiter.result():
                self.give_back()
            else:
                self._waiting.remove(waiter)
                self._leave()
            raise
        if not taken:
            self._leave()
        return taken

    def turn_away(self) -> None:
        """Let nobody wait here any more."""
        while self._waiting:
            waiter = self._waiting.popleft()
            if not waiter.done():
                waiter.set_result(False)

    def give_back(self) -> None:
        self._leave()
        while self._waiting:
            waiter = self._waiting.popleft()
            if not waiter.done():
                waiter.set_result(True)
                return
        self._free += 1

    async def idle(self) -> None:
        """Until nobody holds or awaits a permit."""
        await self._idle.wait()

    def _join(self) -> None:
        self._users += 1
        self._idle.clear()

    def _leave(self) -> None:
        self._users -= 1
        if self._users == 0:
            self._idle.set()


@dataclass(frozen=True, slots=True)
class Code:
    """What answers calls at a moment."""

    instantiator: Instantiator
    permits: Permits
    time_limit_s: float


class ComponentServing:
    """The subscriptions of one component and the code behind them. It is their gate, too.

    Providers of the same host find it among the ``neighbours`` if it answers HTTP requests.
    """

    def __init__(
        self, component_id: str, code: Code, on_log: OnLog, neighbours: HttpNeighbours
    ) -> None:
        self.component_id = component_id
        self._code = code
        self._on_log = on_log
        self._functions: Exports = {}
        self._served: Served | None = None
        self._neighbours = neighbours

    @property
    def code(self) -> Code:
        """What answers from now on. Whoever waits for the old one's permits waits for the new."""
        return self._code

    @code.setter
    def code(self, code: Code) -> None:
        old, self._code = self._code, code
        old.permits.turn_away()

    def enter(self) -> Permit | None:
        """A permit that is free now."""
        code = self._code
        return Permit(code) if code.permits.take_now() else None

    async def wait(self, context: InvocationContext) -> Permit:
        """A permit of the code that serves when one is free."""
        while True:
            code = self._code
            if await code.permits.take():
                return Permit(code)

    async def start(self, server: RpcServer, exports: Mapping[str, Interface | Function]) -> None:
        """Subscribe to every export; calls are answered when this returns."""
        self._functions = served_functions(exports, self._handler, self._http_handler)
        for instance, functions in self._functions.items():
            for name in functions:
                checked_name(f"{instance}.{name}")
        self._served = await server.serve(self.component_id, self._functions, gate=self)
        if INCOMING_HANDLER in self._functions:
            self._neighbours.add(self.component_id, self)

    def fits(self, exports: Mapping[str, Interface | Function]) -> bool:
        """Whether other code with these exports can answer on the same subscriptions."""
        other = served_functions(exports, self._handler, self._http_handler)
        return _signatures(other) == _signatures(self._functions)

    async def stop_accepting(self) -> None:
        """End the subscriptions; calls that run or are under way go on to their end (§C.2)."""
        self._neighbours.remove(self.component_id, self)
        if self._served is not None:
            await self._served.stop_accepting()

    async def drained(self) -> None:
        """Until the calls that were running have been answered."""
        if self._served is not None:
            await self._served.drain(self.code.time_limit_s)

    async def close(self) -> None:
        """Cut off what still runs."""
        self._neighbours.remove(self.component_id, self)
        if self._served is not None:
            await self._served.stop()
            self._served = None

    def _handler(self, instance: str, name: str) -> Eager:
        path = f"{instance}.{name}" if instance else name

        async def handle(context: InvocationContext, *args: Any) -> Any:
            permit = _permit_of(context)
            code = permit.code
            try:
                return await code.instantiator.call(
                    instance, name, args, ctx=context, timeout_s=code.time_limit_s
                )
            except Exception as error:
                self._failed(path, context, error)
                raise
            finally:
                permit.release()

        return Eager(handle)

    async def _http_handler(self, context: InvocationContext, value: Any) -> Any:
        try:
            request = request_from_wrpc(value)
        except DecodeError as error:
            _permit_of(context).release()
            self._failed(_HTTP_FUNCTION, context, error)
            raise
        try:
            return Ok(response_to_wrpc(await self.answer_http(context, request)))
        except HttpError as error:
            return Err(error_to_wrpc(error))

    async def answer_http(self, context: InvocationContext, request: HttpRequest) -> HttpResponse:
        """`wasi:http/incoming-handler`: the permit is held until the guest is through, which may
        be after its answer has gone out (§4.3)."""
        permit = _permit_of(context)
        code = permit.code
        try:
            return await code.instantiator.handle_http(
                request,
                ctx=context,
                timeout_s=code.time_limit_s,
                on_end=lambda outcome: permit.release(),
            )
        except HttpError:
            raise
        except BaseException as error:
            # Raised before the guest began, or because it ended: either way it runs no more.
            permit.release()
            if isinstance(error, Exception):
                self._failed(_HTTP_FUNCTION, context, error)
            raise

    def _failed(self, function: str, context: InvocationContext, error: Exception) -> None:
        self._on_log(
            LogLine(
                self.component_id,
                "error",
                error_chain(error),
                context=function,
                stream="host",
                traceparent=context.traceparent,
                error=error,
            )
        )


class Permit:
    """One taken permit, given back exactly once, and the code that it was taken for."""

    __slots__ = ("_taken", "code")

    def __init__(self, code: Code) -> None:
        self.code = code
        self._taken = True

    def release(self) -> None:
        if self._taken:
            self._taken = False
            self.code.permits.give_back()


def _permit_of(context: InvocationContext) -> Permit:
    assert isinstance(context.place, Permit), "calls come through the gate"
    return context.place


def served_functions(
    component: Mapping[str, Interface | Function],
    handler: Callable[[str, str], Handler | Eager],
    http_handler: Handler,
) -> Exports:
    """What a component's exports are called on the wire (interfaces.md §1)."""
    exports: Exports = {}
    for name, export in component.items():
        if isinstance(export, Function):
            exports.setdefault("", {})[export.name] = (export, handler("", export.name))
        elif name.startswith(_HTTP_EXPORT):
            exports[INCOMING_HANDLER] = {"handle": (HANDLE, http_handler)}
        elif name not in _NOT_SERVED:
            functions = _plain_functions(export)
            if functions:
                exports[name] = {f.name: (f, handler(name, f.name)) for f in functions}
    return exports


def _signatures(exports: Exports) -> dict[str, dict[str, Function]]:
    return {
        instance: {name: function for name, (function, _) in functions.items()}
        for instance, functions in exports.items()
    }


def _plain_functions(interface: Interface) -> list[Function]:
    """The functions that can be served; those around resources can't (interfaces.md §5.2)."""
    plain: list[Function] = []
    for function in interface.functions.values():
        types = [kind for _, kind in function.params]
        if function.result is not None:
            types.append(function.result)
        if any(_is_handle(kind) for kind in types):
            _log.warning(
                "%s of %s is not served: it exports resources", function.name, interface.id
            )
        else:
            plain.append(function)
    return plain


def _is_handle(kind: Type) -> bool:
    return isinstance(kind, Own | Borrow)
