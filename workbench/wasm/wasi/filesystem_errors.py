"""From an OSError to the error codes of ``wasi:filesystem``."""

from __future__ import annotations

import errno

__all__ = ["error_code"]

# fmt: off
_CODES = {
    "EACCES": "access", "EAGAIN": "would-block", "EWOULDBLOCK": "would-block",
    "EALREADY": "already", "EBADF": "bad-descriptor", "EBUSY": "busy", "EDEADLK": "deadlock",
    "EDQUOT": "quota", "EEXIST": "exist", "EFBIG": "file-too-large",
    "EILSEQ": "illegal-byte-sequence", "EINPROGRESS": "in-progress", "EINTR": "interrupted",
    "EINVAL": "invalid", "EIO": "io", "EISDIR": "is-directory", "ELOOP": "loop",
    "EMLINK": "too-many-links", "EMSGSIZE": "message-size", "ENAMETOOLONG": "name-too-long",
    "ENODEV": "no-device", "ENOENT": "no-entry", "ENOLCK": "no-lock",
    "ENOMEM": "insufficient-memory", "ENOSPC": "insufficient-space", "ENOTDIR": "not-directory",
    "ENOTEMPTY": "not-empty", "ENOTRECOVERABLE": "not-recoverable", "ENOTSUP": "unsupported",
    "EOPNOTSUPP": "unsupported", "ENOSYS": "unsupported", "ENOTTY": "no-tty",
    "ENXIO": "no-such-device", "EOVERFLOW": "overflow", "EPERM": "not-permitted",
    "EPIPE": "pipe", "EROFS": "read-only", "ESPIPE": "invalid-seek",
    "ETXTBSY": "text-file-busy", "EXDEV": "cross-device",
    # WASI has no code for a table of open files that is full.
    "EMFILE": "insufficient-memory", "ENFILE": "insufficient-memory",
}
# fmt: on
_BY_NUMBER = {getattr(errno, name): code for name, code in _CODES.items() if hasattr(errno, name)}


def error_code(error: OSError) -> str:
    """The WASI error code; ``io`` for what WASI has no code for."""
    return _BY_NUMBER.get(error.errno or 0, "io")
