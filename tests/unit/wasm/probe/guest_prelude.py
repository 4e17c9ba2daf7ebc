# pyright: reportMissingImports=false
# ruff: noqa: F401 (imported for the scripts; the library is only there if it was used here)
# (the bindings exist only while componentize-py builds this)
"""Names that every script for the guest has."""

import encodings.idna
import os
import socket
import sys

from componentize_py_types import Err, Ok
from wit_world.imports import (
    environment,
    exit,
    insecure,
    insecure_seed,
    instance_network,
    ip_name_lookup,
    monotonic_clock,
    network,
    poll,
    preopens,
    random,
    stderr,
    stdin,
    stdout,
    streams,
    tcp,
    tcp_create_socket,
    terminal_stderr,
    terminal_stdin,
    terminal_stdout,
    udp,
    udp_create_socket,
    wall_clock,
)
from wit_world.imports import (
    wasi_filesystem_types as fs,
)

FOLLOW = fs.PathFlags.SYMLINK_FOLLOW
STAY = fs.PathFlags(0)
CREATE, EXCLUSIVE = fs.OpenFlags.CREATE, fs.OpenFlags.EXCLUSIVE
TRUNCATE, DIRECTORY = fs.OpenFlags.TRUNCATE, fs.OpenFlags.DIRECTORY
PLAIN = fs.OpenFlags(0)
READ, WRITE = fs.DescriptorFlags.READ, fs.DescriptorFlags.WRITE


def attempt(function, *args):
    """What a call returns, or the name of its error."""
    try:
        return function(*args)
    except Err as error:
        return getattr(error.value, "name", type(error.value).__name__)


def root(path="/"):
    """The directory that was granted under a path."""
    return next(found for found, name in preopens.get_directories() if name == path)


def write(folder, path, data, flags=READ | WRITE):
    """A new file with these bytes; open."""
    file = folder.open_at(STAY, path, CREATE | TRUNCATE, flags)
    file.write(data, 0)
    return file


def content(folder, path):
    file = folder.open_at(FOLLOW, path, PLAIN, READ)
    return file.read(1 << 20, 0)[0]


def drain(stream, size=1 << 16):
    """Everything up to the end of a stream."""
    found = b""
    while True:
        try:
            found += stream.blocking_read(size)
        except Err as error:
            return found, type(error.value).__name__
