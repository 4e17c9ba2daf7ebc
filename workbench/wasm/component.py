"""A component as a local artifact: look at it, and run it without any lattice."""

from __future__ import annotations

import os
import threading
from collections.abc import Coroutine, Mapping
from pathlib import Path
from typing import Any

from workbench.errors import ArtifactError, Trap
from workbench.wasm.arguments import canonical_args, unwrapped
from workbench.wasm.blocking import run_blocking
from workbench.wasm.compiled import CompiledComponent
from workbench.wasm.engine import Engine, Progress
from workbench.wasm.grants import NOTHING, Grants
from workbench.wasm.imports import OUTGOING_HANDLER, ImportsBase, ObjectImports
from workbench.wasm.instantiator import Instantiator, OnLog
from workbench.wasm.interrupts import interruptible
from workbench.wasm.limits import StoreLimits
from workbench.wasm.live import LiveInstance
from workbench.wasm.output import Printed
from workbench.wasm.signatures import Interfaces, WitText, wit_of
from workbench.wasm.text import wat_to_bytes
from workbench.wire.claims import SignedComponent, extract
from workbench.wire.http import HttpRequest, HttpResponse, collect
from workbench.wire.http_reply import HttpReply
from workbench.wire.wit.lookup import find_function, function_paths
from workbench.wire.wit.types import Function, World

__all__ = ["Component"]

_shared: list[Engine] = []
_lock = threading.Lock()

GivenImports = Mapping[str, Any] | ImportsBase | None


def _shared_engine() -> Engine:
    """One engine for all artifacts opened without one; its threads end with the process."""
    with _lock:
        if not _shared or _shared[0].closed:
            _shared[:] = [Engine()]
        return _shared[0]


class Component:
    """A component file.

    ``Component.open("greeter.wasm").run("greeter.describe", {...})`` calls it with a fresh
    instance. Imports are given as Python objects, see `ObjectImports`; an import that nobody
    provides is reported before the call. What the guest writes is printed, or goes line by line
    to ``on_log(stream, line, ctx)``.
    """

    def __init__(
        self,
        compiled: CompiledComponent,
        data: bytes,
        on_log: OnLog | None,
        limits: StoreLimits | None = None,
        name: str = "",
    ) -> None:
        self.name = name  # code is shared by all who opened the same bytes, a name is not
        self._compiled = compiled
        self._on_log = on_log
        self._limits = limits
        self.data = data
        self.imports = Interfaces(compiled.imports)
        self.exports = Interfaces(compiled.exports)

    @classmethod
    def open(
        cls,
        source: str | os.PathLike[str] | bytes,
        *,
        name: str = "",
        engine: Engine | None = None,
        on_log: OnLog | None = None,
        limits: StoreLimits | None = None,
        progress: Progress | None = None,
    ) -> Component:
        """Open a ``.wasm`` or ``.wat`` file, or its bytes, or what `build_component` returned.

        ``progress`` hears what is done, for compiling a large one takes seconds.
        Raises `ArtifactError` for a file that can't be read, and `InvalidComponent`; a core
        module is refused with an explanation.
        """
        if isinstance(source, bytes):
            data = source
        else:
            path = Path(os.fspath(source).removeprefix("file://")).expanduser()
            data = _read(path)
            # A built component's file has the name of the cache's, not its own.
            named = "" if isinstance(source, (str, Path)) else getattr(source, "name", "")
            name = name or named or path.stem
        if data.lstrip()[:1] in (b"(", b";"):  # a text may begin with a comment
            data = wat_to_bytes(data.decode("utf-8", "replace"))
        compiled = (engine or _shared_engine()).load_blocking(data, name=name, progress=progress)
        return cls(compiled, data, on_log, limits, name)

    def __repr__(self) -> str:
        exports = ", ".join(self.exports) or "nothing"
        size = f"{self.size / 1e6:.1f} MB" if self.size >= 1e5 else f"{self.size / 1e3:.1f} kB"
        return f"<Component {self.name or self.digest[:12]}, {size}, exports {exports}>"

    @property
    def digest(self) -> str:
        """SHA-256 of the file, in hex."""
        return self._compiled.digest

    @property
    def size(self) -> int:
        return self._compiled.size

    @property
    def world(self) -> World:
        return self._compiled.world

    @property
    def wit(self) -> WitText:
        """The world and every interface in it, as WIT text."""
        return wit_of(self.world)

    @property
    def claims(self) -> SignedComponent | None:
        """Who signed it and as what, ``None`` if nobody did. `DecodeError` for a forged hash.

        ``claims.problem(time.time())`` says whether a host would take it.
        """
        return extract(self.data)

    @property
    def functions(self) -> list[str]:
        """What can be called, as one would type it."""
        return function_paths(self.exports)

    def missing(self, imports: GivenImports = None) -> list[str]:
        """The imports that neither WASI nor ``imports`` has."""
        return self._compiled.missing(_imports(imports))

    # -- running -------------------------------------------------------------------------------

    def run(
        self,
        function: str,
        *args: Any,
        imports: GivenImports = None,
        timeout_s: float | None = None,
        grants: Grants = NOTHING,
        **named: Any,
    ) -> Any:
        """Call an export: ``"ns:pkg/iface.func"``, ``"iface.func"`` or ``"func"``.

        Works also where an event loop runs, as in Jupyter. Arguments may be any Python values
        that fit. The error side of a result is raised as `WitError`, its ok side returned.
        Raises `NotFound`, `AmbiguousName`, `ValueMismatch`, `MissingImport`, `Trap` and
        `LimitHit`, and what an import raised.
        """
        provide = _imports(imports)
        if provide.provides(OUTGOING_HANDLER, "handle"):
            # Requests go out on a loop, and this thread has none to lend while the guest runs.
            return run_blocking(
                lambda: self.arun(
                    function, *args, imports=provide, timeout_s=timeout_s, grants=grants, **named
                )
            )
        instance, target = self.find(function)
        values = canonical_args(target, args, named)
        with _Running(self, provide, grants) as instantiator, interruptible():
            value = instantiator.call_inline(instance, target.name, values, timeout_s=timeout_s)
        return unwrapped(value)

    async def arun(
        self,
        function: str,
        *args: Any,
        imports: GivenImports = None,
        timeout_s: float | None = None,
        grants: Grants = NOTHING,
        **named: Any,
    ) -> Any:
        """`run` for event loops: the guest runs on a worker thread, async imports on the loop."""
        instance, target = self.find(function)
        values = canonical_args(target, args, named)
        async with _Running(self, _imports(imports), grants) as instantiator:
            value = await instantiator.call(instance, target.name, values, timeout_s=timeout_s)
        return unwrapped(value)

    def http(
        self,
        method: str = "GET",
        path: str = "/",
        *,
        headers: Mapping[str, str] | None = None,
        body: bytes | str = b"",
        imports: GivenImports = None,
        timeout_s: float | None = None,
        grants: Grants = NOTHING,
    ) -> HttpReply:
        """Send a request to the component's HTTP handler and read the answer to its end.

        Raises `HttpError` where the guest answers with an error code instead of a response.
        """
        request = HttpRequest(
            method.upper(),
            path if path.startswith("/") else f"/{path}",
            headers=[(key.lower(), value.encode()) for key, value in (headers or {}).items()],
            body=body.encode() if isinstance(body, str) else body,
        )

        def ask() -> Coroutine[Any, Any, HttpResponse]:
            return self.ahttp(request, imports=imports, timeout_s=timeout_s, grants=grants)

        response = run_blocking(ask)
        assert isinstance(response.body, bytes)
        return HttpReply(response.status, response.headers, response.body)

    async def ahttp(
        self,
        request: HttpRequest,
        *,
        imports: GivenImports = None,
        timeout_s: float | None = None,
        grants: Grants = NOTHING,
    ) -> HttpResponse:
        """Hand a request to the component's HTTP handler; body and trailers are read to the end."""
        async with _Running(self, _imports(imports), grants) as instantiator:
            response = await instantiator.handle_http(request, timeout_s=timeout_s)
            body = await collect(response.body)
            trailers = await response.trailers if response.trailers is not None else None
        return HttpResponse(response.status, response.headers, body, _Known(trailers))

    def instance(
        self,
        *,
        imports: GivenImports = None,
        timeout_s: float | None = None,
        grants: Grants = NOTHING,
    ) -> LiveInstance:
        """One instance that keeps its state from call to call, as a context manager.

        ``with component.instance() as counter: counter.run("next")``; ``timeout_s`` holds for
        each call. Raises `MissingImport`.
        """
        printed = Printed()
        instantiator = self.instantiator(_imports(imports), self._on_log or printed, grants)
        return LiveInstance(instantiator, timeout_s, lambda trapped: printed.close(trapped=trapped))

    def find(self, function: str) -> tuple[str, Function]:
        """The exported function that a name means. Raises `NotFound` or `AmbiguousName`."""
        return find_function(self.exports, function, owner=self.name)

    def instantiator(self, imports: ImportsBase, on_log: OnLog, grants: Grants) -> Instantiator:
        """What calls its exports with these imports; close it. Raises `MissingImport`."""
        return self._compiled.instantiator(
            imports, name=self.name, limits=self._limits, on_log=on_log, grants=grants
        )


class _Running:
    """An instantiator for one call, and what the guest prints meanwhile."""

    def __init__(self, component: Component, imports: ImportsBase, grants: Grants) -> None:
        self._printed = Printed()
        on_log = component._on_log or self._printed
        self._instantiator = component.instantiator(imports, on_log, grants)

    def __enter__(self) -> Instantiator:
        return self._instantiator

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        self._instantiator.close_blocking()
        self._printed.close(trapped=kind is not None and issubclass(kind, Trap))

    async def __aenter__(self) -> Instantiator:
        return self._instantiator

    async def __aexit__(self, kind: type[BaseException] | None, *_: object) -> None:
        await self._instantiator.close()
        self._printed.close(trapped=kind is not None and issubclass(kind, Trap))


class _Known:
    """Trailers that are there already, to be awaited as often as one likes, on any loop."""

    def __init__(self, trailers: Any) -> None:
        self._trailers = trailers

    def __await__(self) -> Any:
        return self._trailers
        yield  # what makes this a generator


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise ArtifactError(
            f"the component {path} can't be read: {error.strerror}",
            hint=f"paths start at {Path.cwd()}; give the path of a .wasm or .wat file",
            reference=str(path),
        ) from error


def _imports(given: GivenImports) -> ImportsBase:
    return given if isinstance(given, ImportsBase) else ObjectImports(given)
