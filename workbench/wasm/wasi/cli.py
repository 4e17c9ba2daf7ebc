"""``wasi:cli``: what was granted, exit, and stdout and stderr line by line to the log.

Without grants a component gets what a real host gives it (interfaces.md §1.2): one argument, no
environment, an empty stdin.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any

from workbench.wasm.store import CallState, GuestExit
from workbench.wasm.wasi.filesystem_errors import error_code
from workbench.wasm.wasi.io import InputStream, IoError, OutputStream, StreamClosed, StreamFailed
from workbench.wasm.wasi.sockets_errors import network_code
from workbench.wasm.wasi.table import WasiInterface, function
from workbench.wire.wit.values import Err, Ok

__all__ = ["StandardOutput", "StandardStreams"]

log = logging.getLogger(__name__)


class StandardOutput(OutputStream):
    """stdout or stderr: whole lines go to the log, a long line in pieces."""

    def __init__(self, call: CallState, stream: str) -> None:
        self._call = call
        self._stream = stream
        self._partial = bytearray()
        self._left = call.limits.log_bytes

    def write(self, data: bytes) -> None:
        self._partial += data
        *lines, rest = self._partial.split(b"\n")
        for line in lines:
            self._emit(self._pieces(line))
        self._partial = self._pieces(rest)

    def _pieces(self, line: bytearray) -> bytearray:
        """Let the line out in pieces while it is too long; what is left of it."""
        longest = self._call.limits.log_line_bytes
        at = 0
        while len(line) - at > longest:
            end = at + longest
            # Not within a character, if that is one.
            for back in range(4):
                if end - back > at and line[end - back] & 0xC0 != 0x80:
                    end -= back
                    break
            self._emit(line[at:end])
            at = end
        return line[at:]

    def _emit(self, line: bytes | bytearray) -> None:
        text = line.decode("utf-8", "replace").rstrip("\r")
        if self._stream == "stderr":
            self._call.stderr.append(text)
        if self._left < 0:
            return
        self._left -= len(line) + 1
        if self._left < 0:
            text = f"[{self._stream} is longer than {self._call.limits.log_bytes} bytes: the rest is left out]"
        on_log = self._call.instantiator.on_log
        if on_log is None:
            return
        try:
            on_log(self._stream, text, self._call.ctx)
        except Exception:
            # A log that fails is no reason for the guest to fail.
            log.exception("a line of %s could not be logged", self._stream)

    def finish(self) -> None:
        """Let the last line out although no newline came."""
        if self._partial:
            rest, self._partial = self._partial, bytearray()
            self._emit(rest)


class StandardStreams:
    """stdout and stderr of one invocation."""

    def __init__(self, call: CallState) -> None:
        self.stdout = StandardOutput(call, "stdout")
        self.stderr = StandardOutput(call, "stderr")

    def close(self) -> None:
        self.stdout.finish()
        self.stderr.finish()


class GrantedInput(InputStream):
    """stdin as it was granted; every ``get-stdin`` of an invocation reads on in the same one."""

    def __init__(self, source: GrantedSource) -> None:
        self._source = source

    def read(self, size: int) -> bytes:
        data = self._source.take(size)
        if not data and size:
            raise StreamClosed
        return data


class GrantedSource:
    """The bytes of stdin: given whole, in parts, or by a function."""

    def __init__(self, call: CallState) -> None:
        granted = call.grants.stdin
        self._rest = memoryview(b"")
        if callable(granted):
            self._next: Callable[[int], bytes] = granted
        else:
            parts = iter((granted,) if isinstance(granted, bytes | bytearray) else granted)
            self._next = lambda size: next((part for part in parts if part), b"")

    def take(self, size: int) -> bytes:
        """Up to ``size`` bytes, none at the end."""
        if not self._rest and size:
            try:
                self._rest = memoryview(bytes(self._next(size)))
            except OSError as error:
                raise StreamFailed(
                    IoError(
                        error.strerror or str(error),
                        file_code=error_code(error),
                        network_code=network_code(error),
                    )
                ) from error
        data, self._rest = self._rest[:size], self._rest[size:]
        return bytes(data)

    def close(self) -> None:
        """What is not read stays with whoever granted it."""


class Environment(WasiInterface):
    id = "wasi:cli/environment"

    @function("get-environment")
    @staticmethod
    def get_environment(call: CallState) -> list[tuple[str, str]]:
        return list(call.grants.environment.items())

    @function("get-arguments")
    @staticmethod
    def get_arguments(call: CallState) -> list[str]:
        return list(call.grants.arguments)

    @function("initial-cwd")
    @staticmethod
    def initial_cwd(call: CallState) -> str | None:
        return call.grants.working_directory


class Exit(WasiInterface):
    id = "wasi:cli/exit"

    @function("exit")
    @staticmethod
    def exit(call: CallState, status: Ok | Err) -> None:
        raise GuestExit(0 if isinstance(status, Ok) else 1)

    @function("exit-with-code")
    @staticmethod
    def exit_with_code(call: CallState, code: int) -> None:
        raise GuestExit(code)


class Stdin(WasiInterface):
    id = "wasi:cli/stdin"

    @function("get-stdin")
    @staticmethod
    def get_stdin(call: CallState) -> InputStream:
        return GrantedInput(call.service(GrantedSource))


class Stdout(WasiInterface):
    id = "wasi:cli/stdout"

    @function("get-stdout")
    @staticmethod
    def get_stdout(call: CallState) -> OutputStream:
        return call.service(StandardStreams).stdout


class Stderr(WasiInterface):
    id = "wasi:cli/stderr"

    @function("get-stderr")
    @staticmethod
    def get_stderr(call: CallState) -> OutputStream:
        return call.service(StandardStreams).stderr


def _no_terminal(call: CallState) -> Any:
    return None


class TerminalInput(WasiInterface):
    id = "wasi:cli/terminal-input"


class TerminalOutput(WasiInterface):
    id = "wasi:cli/terminal-output"


class TerminalStdin(WasiInterface):
    id = "wasi:cli/terminal-stdin"
    get = function("get-terminal-stdin")(_no_terminal)


class TerminalStdout(WasiInterface):
    id = "wasi:cli/terminal-stdout"
    get = function("get-terminal-stdout")(_no_terminal)


class TerminalStderr(WasiInterface):
    id = "wasi:cli/terminal-stderr"
    get = function("get-terminal-stderr")(_no_terminal)
