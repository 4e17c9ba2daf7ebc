"""From an OSError to the error codes of ``wasi:sockets``."""

from __future__ import annotations

import errno

__all__ = ["network_code"]

# fmt: off
_CODES = {
    "EACCES": "access-denied", "EPERM": "access-denied",
    "ENOTSUP": "not-supported", "EOPNOTSUPP": "not-supported", "EAFNOSUPPORT": "not-supported",
    "EPROTONOSUPPORT": "not-supported", "ENOPROTOOPT": "not-supported", "ENOSYS": "not-supported",
    "EINVAL": "invalid-argument", "EDESTADDRREQ": "invalid-argument",
    "ENOMEM": "out-of-memory", "ENOBUFS": "out-of-memory",
    "ETIMEDOUT": "timeout", "EALREADY": "concurrency-conflict",
    "EAGAIN": "would-block", "EWOULDBLOCK": "would-block", "EINPROGRESS": "would-block",
    "ENOTCONN": "invalid-state", "EISCONN": "invalid-state", "EBADF": "invalid-state",
    "EMFILE": "new-socket-limit", "ENFILE": "new-socket-limit",
    "EADDRNOTAVAIL": "address-not-bindable", "EADDRINUSE": "address-in-use",
    "EHOSTUNREACH": "remote-unreachable", "EHOSTDOWN": "remote-unreachable",
    "ENETUNREACH": "remote-unreachable", "ENETDOWN": "remote-unreachable",
    "ECONNREFUSED": "connection-refused", "ECONNRESET": "connection-reset",
    "EPIPE": "connection-reset", "ECONNABORTED": "connection-aborted",
    "EMSGSIZE": "datagram-too-large",
}
# fmt: on
_BY_NUMBER = {getattr(errno, name): code for name, code in _CODES.items() if hasattr(errno, name)}


def network_code(error: OSError) -> str:
    """The WASI error code; ``unknown`` for what WASI has no code for."""
    return _BY_NUMBER.get(error.errno or 0, "unknown")
