"""Servers on this machine for guests to talk to, each a thread that ends with its ``with`` block."""

from __future__ import annotations

import socket
import struct
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

__all__ = ["answer_datagrams", "closed_port", "echo", "greet", "listen", "read_late", "reset"]

Handler = Callable[[socket.socket], None]


@contextmanager
def listen(handler: Handler) -> Iterator[int]:
    """A TCP server that serves one connection after another; its port."""
    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve() -> None:
            while True:
                try:
                    connection, _ = server.accept()
                except OSError:
                    return  # closed: the test is over
                # A guest that goes away in the middle is what some tests are about.
                with connection, suppress(ConnectionError):
                    handler(connection)

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        try:
            yield server.getsockname()[1]
        finally:
            server.shutdown(socket.SHUT_RDWR)  # ends the accept
            thread.join(10)


def echo(connection: socket.socket) -> None:
    """Sends back what comes; says bye when the other side ends."""
    while data := connection.recv(65_536):
        connection.sendall(data)
    connection.sendall(b"bye")


def greet(connection: socket.socket) -> None:
    connection.sendall(b"hi")


def read_late(connection: socket.socket) -> None:
    """Reads only what fits into small buffers until the sender is stuck; then counts the rest."""
    connection.recv(1, socket.MSG_PEEK)
    before, queued = -1, 0
    while queued != before:
        # The sender is stuck when what has arrived has stopped growing.
        before = queued
        threading.Event().wait(0.1)
        queued = len(connection.recv(1 << 24, socket.MSG_PEEK))
    size = 0
    while data := connection.recv(65_536):
        size += len(data)
    connection.sendall(str(size).encode())


def reset(connection: socket.socket) -> None:
    """Tears the connection down at the first byte."""
    connection.recv(1)
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


def closed_port() -> int:
    """A port that nobody listens on."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        return server.getsockname()[1]


@contextmanager
def answer_datagrams(stranger: socket.socket | None = None) -> Iterator[int]:
    """A UDP server that answers in capitals; its port.

    With a ``stranger`` that one sends a datagram of its own first.
    """
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as server:
        server.bind(("127.0.0.1", 0))

        def serve() -> None:
            while True:
                data, sender = server.recvfrom(65_536)
                if not data:
                    return
                if stranger is not None:
                    stranger.sendto(b"psst", sender)
                server.sendto(data.upper(), sender)

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        try:
            yield server.getsockname()[1]
        finally:
            server.sendto(b"", server.getsockname())
            thread.join(10)
