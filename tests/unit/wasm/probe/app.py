# pyright: reportMissingImports=false
# (the bindings exist only while componentize-py builds this)
"""A guest that tries out what WASI gives it; each check returns what it found as text."""

import os
import random
import socket
import sys
import time

import wit_world
from componentize_py_types import Err, Ok
from wit_world import exports
from wit_world.imports import (
    insecure,
    insecure_seed,
    ip_name_lookup,
    monotonic_clock,
    poll,
    tcp_create_socket,
    terminal_stdout,
)
from wit_world.imports.instance_network import instance_network
from wit_world.imports.network import IpAddressFamily, IpSocketAddress_Ipv4, Ipv4SocketAddress
from wit_world.imports.outgoing_handler import handle
from wit_world.imports.types import (
    Fields,
    Method_Post,
    OutgoingBody,
    OutgoingRequest,
    OutgoingResponse,
    RequestOptions,
    ResponseOutparam,
    Scheme_Http,
)


def environment():
    return f"{sys.argv} {dict(os.environ)}"


def clocks():
    begun = time.monotonic()
    time.sleep(0.02)
    return f"{time.monotonic() - begun >= 0.02} {abs(time.time()) > 1.7e9}"


def randomness():
    seeds = {insecure_seed.insecure_seed(), insecure_seed.insecure_seed()}
    sizes = (len(os.urandom(40)), len(insecure.get_insecure_random_bytes(7)))
    return f"{sizes} {len(seeds)} {random.random() != random.random()}"


def output():
    print("one\ntwo")
    print("three", end="")
    print("oops", file=sys.stderr)
    return "done"


def files():
    try:
        os.stat("/etc/passwd")
    except OSError as error:
        return type(error).__name__
    return "opened"


def sockets():
    found = []
    try:
        socket.socket().connect(("127.0.0.1", 1))
    except OSError as error:
        found.append(type(error).__name__)
    tcp = tcp_create_socket.create_tcp_socket(IpAddressFamily.IPV4)
    address = IpSocketAddress_Ipv4(Ipv4SocketAddress(80, (127, 0, 0, 1)))
    for attempt in (
        lambda: tcp.start_connect(instance_network(), address),
        tcp.finish_connect,
        tcp.accept,
        lambda: ip_name_lookup.resolve_addresses(instance_network(), "example.com"),
    ):
        try:
            attempt()
        except Err as error:
            found.append(error.value.name)
    return " ".join(found)


def polling():
    late = monotonic_clock.subscribe_duration(60_000_000_000)
    soon = monotonic_clock.subscribe_duration(5_000_000)
    first = poll.poll([late, soon])
    return f"{first} {soon.ready()} {late.ready()} {terminal_stdout.get_terminal_stdout()}"


def request(path, body=b"ping"):
    outgoing = OutgoingRequest(Fields.from_list([("x-from", b"probe")]))
    outgoing.set_method(Method_Post())
    outgoing.set_scheme(Scheme_Http())
    outgoing.set_authority("example.test:81")
    outgoing.set_path_with_query(path)
    options = RequestOptions()
    options.set_connect_timeout(5)
    sent = outgoing.body()
    future = handle(outgoing, options)
    with sent.write() as stream:
        for at in range(0, len(body), 4096):
            stream.blocking_write_and_flush(body[at : at + 4096])
    OutgoingBody.finish(sent, None)
    future.subscribe().block()
    try:
        response = future.get().value.value
    except AttributeError:
        return "none"
    if not hasattr(response, "status"):
        return type(response).__name__
    data, stream = b"", response.consume().stream()
    while True:
        try:
            data += stream.blocking_read(65536)
        except Err:
            break
    return f"{response.status()} {response.headers().get('x-to')} {len(data)} {data[:20]}"


def leave():
    sys.exit(3)


class WitWorld(wit_world.WitWorld):
    def check(self, what):
        name, _, argument = what.partition(" ")
        checks = {
            "environment": environment,
            "clocks": clocks,
            "randomness": randomness,
            "output": output,
            "files": files,
            "sockets": sockets,
            "polling": polling,
            "leave": leave,
        }
        if name == "http":
            return request(argument, b"x" * 100_000 if argument == "/long" else b"ping")
        if name not in checks:
            raise Err(f"no check {name}")
        return checks[name]()


class IncomingHandler(exports.IncomingHandler):
    """Answers with the request, as it was seen; the body comes back behind it."""

    def handle(self, request, response_out):
        seen = (
            type(request.method()).__name__,
            request.path_with_query(),
            type(request.scheme()).__name__,
            request.authority(),
            sorted(request.headers().entries()),
        )
        if request.path_with_query() == "/raise":
            raise ValueError("on purpose")
        response = OutgoingResponse(Fields.from_list([("content-type", b"text/plain")]))
        response.set_status_code(202)
        sent = response.body()
        ResponseOutparam.set(response_out, Ok(response))
        incoming = request.consume()
        with sent.write() as out, incoming.stream() as stream:
            out.blocking_write_and_flush(f"{seen}\n".encode())
            while True:
                try:
                    data = stream.blocking_read(4096)
                except Err:
                    break
                out.blocking_write_and_flush(data)
        OutgoingBody.finish(sent, Fields.from_list([("x-last", b"1")]))
