"""Every exception that the workbench raises on purpose.

    WorkbenchError
    ├── LocalError                  something on this side must change
    │   ├── UsageError              a magic, option or argument is not understood
    │   ├── NotFound                a name fits nothing (``matches`` lists near ones)
    │   ├── AmbiguousName           a prefix fits several things
    │   ├── NotRunning              no lattice is up, or the thing asked is closed
    │   ├── Interrupted             a person stopped the cell
    │   ├── ReadOnly                the lattice was joined without ``writable``
    │   ├── WitSyntaxError          WIT or WAVE text does not parse (line, column)
    │   ├── WitResolveError         WIT names something that is not there
    │   ├── ValueMismatch           a Python value does not fit a WIT type (path)
    │   ├── ManifestError           a manifest has findings
    │   ├── ArtifactError           a reference can't be fetched
    │   ├── BuildError              source did not become a component
    │   └── ComponentError          a component can't be loaded or run
    │       ├── InvalidComponent    the bytes are no component
    │       ├── MissingImport       nobody provides an import
    │       └── Trap                the guest trapped (reason, backtrace, stderr)
    │           └── LimitHit        the trap was one of our limits
    ├── RemoteError                 a peer sent what can't be accepted
    │   ├── DecodeError             bytes do not decode (offset)
    │   │   └── LimitExceeded       a decoder's limit on depth, count or size
    │   ├── ControlError            a host refused a control request
    │   └── WadmError               the deployment manager refused a request
    ├── CallError                   an invocation got no answer
    │   ├── NoResponders            nobody serves the subject
    │   ├── LinkMissing             the caller has no link for the interface
    │   ├── HandshakeTimeout        the request was not taken up in time
    │   ├── CallTimeout             taken up, not answered in time
    │   └── IncompleteResults       the callee failed: fewer bytes than the type needs
    ├── NatsError                   the NATS connection or server
    │   ├── ConnectFailed           no connection
    │   ├── RequestTimeout          a plain request got no reply in time
    │   ├── WrongRevision           compare-and-set lost
    │   └── ServerFailed            the embedded server did not start or died
    └── WitError                    the callee answered with the error of its WIT type

A message is one line in the user's words; ``hint`` says what to do next;
``fields`` is for programs. ``str(error)`` shows message and hint.
"""

from __future__ import annotations

from typing import Any

__all__ = [
    "AmbiguousName",
    "ArtifactError",
    "BuildError",
    "CallError",
    "CallTimeout",
    "ComponentError",
    "ConnectFailed",
    "ControlError",
    "DecodeError",
    "HandshakeTimeout",
    "IncompleteResults",
    "Interrupted",
    "InvalidComponent",
    "LimitExceeded",
    "LimitHit",
    "LinkMissing",
    "LocalError",
    "ManifestError",
    "MissingImport",
    "NatsError",
    "NoResponders",
    "NotFound",
    "NotRunning",
    "ReadOnly",
    "RemoteError",
    "RequestTimeout",
    "ServerFailed",
    "Trap",
    "UsageError",
    "ValueMismatch",
    "WadmError",
    "WitError",
    "WitResolveError",
    "WitSyntaxError",
    "WorkbenchError",
    "WrongRevision",
]


class WorkbenchError(Exception):
    """Root of the tree. Keyword fields become attributes and ``fields``."""

    def __init__(self, message: str, *, hint: str = "", **fields: Any) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint
        self.fields = fields

    def __getattr__(self, name: str) -> Any:
        # Only reached when normal lookup fails; copy/pickle probe dunders before __init__ ran.
        if not name.startswith("_"):
            fields = self.__dict__.get("fields", {})
            if name in fields:
                return fields[name]
        raise AttributeError(f"{type(self).__name__!r} has no attribute {name!r}")

    def __str__(self) -> str:
        return f"{self.message}\n{self.hint}" if self.hint else self.message

    def __reduce__(self) -> tuple[Any, ...]:
        return (_rebuild, (type(self), self.message, self.hint, self.fields))


def _rebuild(
    kind: type[WorkbenchError], message: str, hint: str, fields: dict[str, Any]
) -> WorkbenchError:
    return kind(message, hint=hint, **fields)


class LocalError(WorkbenchError):
    """Something on this side must change before it can work."""


class UsageError(LocalError):
    """A magic, an option or an argument is not understood."""


class NotFound(LocalError):
    """A name fits nothing that is known."""


class AmbiguousName(LocalError):
    """A prefix or friendly name fits more than one thing."""


class NotRunning(LocalError):
    """No lattice is up, or the thing that was asked is closed."""


class Interrupted(LocalError):
    """A person stopped the cell while it waited."""


class ReadOnly(LocalError):
    """The lattice was joined without ``writable=True``."""


class WitSyntaxError(LocalError):
    """WIT or WAVE text does not parse; ``line`` and ``column`` count from 1."""


class WitResolveError(LocalError):
    """WIT text names a package, interface or type that is not there."""


class ValueMismatch(LocalError):
    """A Python value does not fit a WIT type; ``path``, ``expected``, ``got`` tell where and what."""


class ManifestError(LocalError):
    """An application manifest is not acceptable; ``findings`` lists everything found."""


class ArtifactError(LocalError):
    """The bytes behind a component or provider reference can't be had; ``reference`` names it."""


class BuildError(LocalError):
    """Source code did not become a component; ``output`` holds what the tool said."""


class ComponentError(LocalError):
    """A component can't be loaded or run."""


class InvalidComponent(ComponentError):
    """The bytes are not a WebAssembly component that runs here."""


class MissingImport(ComponentError):
    """An import of the component is provided by nobody; ``imports`` lists them."""


class Trap(ComponentError):
    """The guest trapped; ``reason``, ``backtrace`` and ``stderr`` tell how.

    ``function`` is what was called; ``said`` and ``trace`` hold the error as the guest's own
    language reported it, where it did.
    """


class LimitHit(Trap):
    """The guest was stopped by one of our limits, named in ``limit``."""


class RemoteError(WorkbenchError):
    """A peer sent something that can't be accepted. Every decoder raises only this family."""


class DecodeError(RemoteError):
    """Bytes do not decode; ``offset`` counts bytes from the start where it is known."""


class LimitExceeded(DecodeError):
    """A decoder's limit on depth, count or size, named in ``limit``, was passed."""


class ControlError(RemoteError):
    """A host answered a control request with ``success: false``."""


class WadmError(RemoteError):
    """The deployment manager answered with an error."""


class CallError(WorkbenchError):
    """An invocation got no answer; ``target``, ``instance`` and ``function`` name it."""


class NoResponders(CallError):
    """Nobody serves the subject."""


class LinkMissing(CallError):
    """The calling component has no link for the interface."""


class HandshakeTimeout(CallError):
    """Somebody listens on the subject, but nobody took up the call in time."""


class CallTimeout(CallError):
    """The call was taken up and not answered in time."""


class IncompleteResults(CallError):
    """The callee ended its answer early: it trapped, refused or ran out of time."""


class NatsError(WorkbenchError):
    """The NATS connection or server."""


class ConnectFailed(NatsError):
    """No connection to the NATS server."""


class RequestTimeout(NatsError):
    """A plain request got no reply in time."""


class WrongRevision(NatsError):
    """A compare-and-set write lost against another writer."""


class ServerFailed(NatsError):
    """The embedded nats-server did not start, or died."""


class WitError(WorkbenchError):
    """The callee answered with the error case of its WIT result; ``payload`` holds it."""

    def __init__(self, payload: Any, *, hint: str = "") -> None:
        super().__init__(f"the callee answered with an error: {payload!r}", hint=hint)
        self.payload = payload

    def __reduce__(self) -> tuple[Any, ...]:
        return (WitError, (self.payload,))
