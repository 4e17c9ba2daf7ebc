# pyright: reportUndefinedVariable=false, reportPossiblyUnboundVariable=false
# ruff: noqa: F821, RUF059 (names of guest_prelude.py; what is unpacked is also kept alive)
"""Guest scripts: sockets and names."""

V4, V6 = network.IpAddressFamily.IPV4, network.IpAddressFamily.IPV6
NET = instance_network.instance_network()
LOCAL = (127, 0, 0, 1)


def v4(port, address=LOCAL):
    return network.IpSocketAddress_Ipv4(network.Ipv4SocketAddress(port, address))


def v6(port, *parts):
    address = (0,) * (8 - len(parts)) + parts
    return network.IpSocketAddress_Ipv6(network.Ipv6SocketAddress(port, 0, address, 0))


def tcp_socket(family=V4):
    return tcp_create_socket.create_tcp_socket(family)


def udp_socket(family=V4):
    return udp_create_socket.create_udp_socket(family)


def wait(resource):
    with resource.subscribe() as ready:
        ready.block()


def connected(port, address=None):
    socket = tcp_socket()
    socket.start_connect(NET, address or v4(port))
    wait(socket)
    return (socket, *socket.finish_connect())


def bound(port=0, address=LOCAL):
    socket = udp_socket()
    socket.start_bind(NET, v4(port, address))
    socket.finish_bind()
    return socket


def greeting(port):
    socket, incoming, _outgoing = connected(port)
    return incoming.blocking_read(9)


def denied():
    """What a guest without grants is told, everywhere."""
    said = [
        attempt(tcp_socket().start_connect, NET, v4(80)),
        attempt(tcp_socket().start_bind, NET, v4(0)),
        attempt(tcp_socket(V6).start_connect, NET, v6(80, 1)),
        attempt(udp_socket().start_bind, NET, v4(0)),
        attempt(udp_socket(V6).start_bind, NET, v6(0)),
    ]
    names = [
        attempt(ip_name_lookup.resolve_addresses, NET, name)
        for name in ("localhost", "127.0.0.1", "example.com")
    ]
    return said, names


def talk(port):
    """A conversation with a server that echoes until we end, and then says bye."""
    socket, incoming, outgoing = connected(port)
    facts = socket.remote_address().value.port == port, socket.local_address().value.address
    outgoing.blocking_write_and_flush(b"hello")
    got = incoming.blocking_read(100)
    early = incoming.read(100)
    outgoing.write(b"x" * outgoing.check_write())
    outgoing.blocking_flush()
    socket.shutdown(tcp.ShutdownType.SEND)
    rest, end = drain(incoming)
    closed = attempt(outgoing.check_write)
    busy = attempt(socket.start_connect, NET, v4(port)), attempt(socket.accept)
    for resource in (incoming, outgoing, socket):
        resource.__exit__(None, None, None)
    return facts, got, early, len(rest), rest[-3:], end, closed, busy


def shut_receiving(port):
    socket, incoming, outgoing = connected(port)
    socket.shutdown(tcp.ShutdownType.RECEIVE)
    first = attempt(incoming.read, 1)
    socket.shutdown(tcp.ShutdownType.BOTH)
    return first, attempt(outgoing.check_write)


def send_much(port, size):
    """More than the system takes at once, to a peer that reads late."""
    socket, incoming, outgoing = connected(port)
    sent, waits = 0, 0
    while sent < size:
        room = outgoing.check_write()
        if not room:
            waits += 1
            wait(outgoing)
            continue
        outgoing.write(b"y" * min(room, size - sent))
        sent += min(room, size - sent)
    outgoing.blocking_flush()
    socket.shutdown(tcp.ShutdownType.SEND)
    return waits > 0, drain(incoming)


def refused(port):
    socket = tcp_socket()
    begun = attempt(socket.start_connect, NET, v4(port))
    wait(socket)
    return begun, attempt(socket.finish_connect), attempt(socket.start_connect, NET, v4(port))


def reset(port):
    """The error of a connection that the peer tears down."""
    socket, incoming, outgoing = connected(port)
    outgoing.blocking_write_and_flush(b"!")
    wait(incoming)
    try:
        incoming.blocking_read(1)
    except Err as error:
        failed = error.value
    return failed.value.to_debug_string(), attempt(incoming.read, 1)


def listen():
    """A server and its client, both here."""
    server = tcp_socket()
    server.set_listen_backlog_size(3)
    server.start_bind(NET, v4(0))
    between = [
        attempt(server.start_listen),
        attempt(server.local_address),
        attempt(server.start_bind, NET, v4(0)),
    ]
    server.finish_bind()
    states = [server.is_listening(), attempt(server.finish_listen), attempt(server.accept)]
    server.start_listen()
    states.append(attempt(server.start_listen))
    server.finish_listen()
    states += [server.is_listening(), attempt(server.accept), server.address_family().name]
    client = tcp_socket()
    client.start_connect(NET, server.local_address())
    wait(server)
    peer, received, sent = server.accept()
    wait(client)
    incoming, outgoing = client.finish_connect()
    outgoing.blocking_write_and_flush(b"ping")
    sent.blocking_write_and_flush(received.blocking_read(9).upper())
    sent.blocking_write_zeroes_and_flush(2)
    same = peer.remote_address() == client.local_address()
    return between, states, incoming.blocking_read(4), incoming.blocking_skip(9), same


def listen_on_ipv6():
    server, client = tcp_socket(V6), tcp_socket(V6)
    server.start_bind(NET, v6(0, 1))
    server.finish_bind()
    server.start_listen()
    server.finish_listen()
    client.start_connect(NET, server.local_address())
    wait(server)
    peer, _received, sent = server.accept()
    wait(client)
    incoming, _outgoing = client.finish_connect()
    sent.blocking_write_and_flush(b"six")
    remote = client.remote_address()
    return incoming.blocking_read(9), remote.value.address, client.address_family().name


def options():
    socket = tcp_socket()
    before = socket.keep_alive_enabled()
    socket.set_keep_alive_enabled(True)
    socket.set_keep_alive_idle_time(1_500_000_000)
    socket.set_keep_alive_interval(2**64 - 1)
    socket.set_keep_alive_count(10**6)
    socket.set_hop_limit(33)
    socket.set_receive_buffer_size(65_536)
    socket.set_send_buffer_size(2**63)
    found = [
        before,
        socket.keep_alive_enabled(),
        socket.keep_alive_idle_time(),
        socket.keep_alive_interval(),
        socket.keep_alive_count(),
        socket.hop_limit(),
        socket.receive_buffer_size(),
        socket.send_buffer_size() >= 65_536,
    ]
    zeroes = {
        attempt(setter, 0)
        for setter in (
            socket.set_keep_alive_idle_time, socket.set_keep_alive_interval,
            socket.set_keep_alive_count, socket.set_hop_limit, socket.set_receive_buffer_size,
            socket.set_send_buffer_size, socket.set_listen_backlog_size,
        )
    }  # fmt: skip
    datagrams = udp_socket()
    datagrams.set_unicast_hop_limit(9)
    datagrams.set_receive_buffer_size(65_536)
    datagrams.set_send_buffer_size(65_536)
    found += [
        datagrams.unicast_hop_limit(),
        datagrams.receive_buffer_size(),
        datagrams.send_buffer_size(),
        datagrams.address_family().name,
        attempt(datagrams.set_unicast_hop_limit, 0),
    ]
    return found, zeroes


def arguments():
    """Addresses that can't be used, and operations that have not begun."""
    socket, datagrams = tcp_socket(), udp_socket()
    return (
        [
            attempt(socket.start_connect, NET, v6(80, 1)),
            attempt(socket.start_connect, NET, v4(0)),
            attempt(socket.start_connect, NET, v4(80, (0, 0, 0, 0))),
            attempt(socket.start_connect, NET, v4(80, (224, 0, 0, 1))),
            attempt(socket.start_connect, NET, v4(80, (255, 255, 255, 255))),
            attempt(tcp_socket(V6).start_connect, NET, v6(80, 0xFFFF, 0x7F00, 1)),
            attempt(socket.start_bind, NET, v6(0)),
        ],
        [
            attempt(socket.finish_bind),
            attempt(socket.finish_connect),
            attempt(socket.finish_listen),
            attempt(datagrams.finish_bind),
        ],
        [
            attempt(socket.start_listen),
            attempt(socket.accept),
            attempt(socket.local_address),
            attempt(socket.remote_address),
            attempt(socket.shutdown, tcp.ShutdownType.BOTH),
            attempt(datagrams.stream, None),
            attempt(datagrams.local_address),
            attempt(datagrams.remote_address),
        ],
    )


def datagrams(port):
    """To a server that answers in capitals, then between two sockets here."""
    socket = bound()
    wait(socket)
    incoming, outgoing = socket.stream(v4(port))
    allowed = outgoing.check_send()
    sent = outgoing.send(
        [udp.OutgoingDatagram(b"one", None), udp.OutgoingDatagram(b"two", v4(port))]
    )
    got = []
    while len(got) < 2:
        wait(incoming)
        got += incoming.receive(1)
    nothing = incoming.receive(0), incoming.receive(5), outgoing.send([])
    wait(outgoing)
    outgoing.check_send()
    errors = [
        attempt(outgoing.send, [udp.OutgoingDatagram(b"x", v4(port + 1))]),
        attempt(outgoing.send, [udp.OutgoingDatagram(b"x" * 70_000, None)]),
    ]
    facts = socket.remote_address() == v4(port), socket.local_address().value.port > 0
    free = socket.stream(None)[1]
    free.check_send()
    errors += [
        attempt(free.send, [udp.OutgoingDatagram(b"x", None)]),
        attempt(free.send, [udp.OutgoingDatagram(b"x", v4(0))]),
        attempt(free.send, [udp.OutgoingDatagram(b"x", v4(9, (10, 0, 0, 1)))]),
        attempt(socket.remote_address),
    ]
    received = sorted((each.data, each.remote_address == v4(port)) for each in got)
    return allowed > 1, sent, received, nothing, errors, facts


def hear_only_whom_we_may(port):
    """A stranger's datagram arrives before that of the server."""
    socket = bound()
    incoming, outgoing = socket.stream(None)
    outgoing.check_send()
    outgoing.send([udp.OutgoingDatagram(b"tell the stranger", v4(port))])
    got = []
    while not got:
        wait(incoming)
        got += incoming.receive(9)
    return [each.data for each in got]


def send_unasked():
    socket = bound()
    incoming, outgoing = socket.stream(None)
    outgoing.send([udp.OutgoingDatagram(b"x", v4(9))])


def look_up(name):
    found, stream = [], attempt(ip_name_lookup.resolve_addresses, NET, name)
    if isinstance(stream, str):
        return stream
    # It may be known at once or not.
    address = attempt(stream.resolve_next_address)
    if address == "WOULD_BLOCK":
        wait(stream)
        address = attempt(stream.resolve_next_address)
    while address is not None and not isinstance(address, str):
        found.append(address.value)
        address = attempt(stream.resolve_next_address)
    wait(stream)
    return found if address is None else address


def connect_by_name(name, port):
    """First without looking it up, then after."""
    before = attempt(tcp_socket().start_connect, NET, v4(port))
    look_up(name)
    socket, incoming, _ = connected(port)
    return before, incoming.blocking_read(9)


def sockets_without_end():
    held = []
    while True:
        try:
            held.append(tcp_socket())
        except Err as error:
            return len(held), error.value.name


def wait_for_ever():
    server = tcp_socket()
    server.start_bind(NET, v4(0))
    server.finish_bind()
    server.start_listen()
    server.finish_listen()
    wait(server)


def drop_socket_first(port):
    socket, incoming, outgoing = connected(port)
    socket.__exit__(None, None, None)


def leave_everything_open(port):
    kept = connected(port), bound(), root() if preopens.get_directories() else None
    return len(kept)


def by_the_library(port):
    with socket.create_connection(("127.0.0.1", port), timeout=5) as found:
        found.sendall(b"hello")
        return found.recv(5)


def wait_for_ages(port):
    """Beside a clock that never strikes, for an echo that comes."""
    socket, incoming, outgoing = connected(port)
    never = monotonic_clock.subscribe_instant(2**64 - 1)
    echoed = incoming.subscribe()
    outgoing.write(b"x")
    return poll.poll([echoed, never])


def poll_sockets_and_clock(port):
    """A silent socket and a short clock: the clock wins; then the socket speaks."""
    socket, incoming, outgoing = connected(port)
    silent, soon = incoming.subscribe(), monotonic_clock.subscribe_duration(2_000_000)
    first = poll.poll([silent, soon])
    outgoing.blocking_write_and_flush(b"speak")
    return first, poll.poll([silent])
