"""Sockets and names from inside of a real Python component, to peers on this machine."""

from __future__ import annotations

import asyncio
import os
import socket
import time
from typing import Any

import pytest

from tests.unit.wasm.local_peers import (
    answer_datagrams,
    closed_port,
    echo,
    greet,
    listen,
    read_late,
    reset,
)
from tests.unit.wasm.wasi_probe import Guest, script
from workbench.errors import LimitHit, Trap
from workbench.wasm import Grants, NetworkGrants
from workbench.wasm.network_grants import Where

# The first test builds and compiles the probe, which takes minutes on a busy machine.
pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]


def reaching(*tcp: Where, udp: tuple[Where, ...] = (), listening: bool = False) -> Grants:
    local: tuple[Where, ...] = ("127.0.0.1:0",) if listening else ()
    return Grants(network=NetworkGrants(tcp=tcp, udp=udp, tcp_listen=local, udp_listen=local))


def _has_ipv6() -> bool:
    try:
        with socket.create_server(("::1", 0), family=socket.AF_INET6):
            return True
    except OSError:
        return False


def test_without_grants_nothing_can_be_reached_and_no_name_be_found(guest: Guest) -> None:
    said, names = guest.run("network", "denied()")
    assert set(said) == {"ACCESS_DENIED"}
    assert set(names) == {"PERMANENT_RESOLVER_FAILURE"}


def test_only_the_granted_address_can_be_reached(guest: Guest) -> None:
    with listen(greet) as port, listen(greet) as other:
        grants = reaching(("127.0.0.1", port))
        assert guest.run("network", f"greeting({port})", grants) == b"hi"
        denied = f"attempt(tcp_socket().start_connect, NET, v4({other}))"
        assert guest.run("network", denied, grants) == "ACCESS_DENIED"
        denied = f"attempt(tcp_socket().start_bind, NET, v4({closed_port()}))"
        assert guest.run("network", denied, grants) == "ACCESS_DENIED", "no port of its own choice"


def test_a_conversation_and_its_end(guest: Guest) -> None:
    with listen(echo) as port:
        facts, got, early, size, last, end, closed, busy = guest.run(
            "network", f"talk({port})", reaching(("127.0.0.1", port))
        )
    assert facts == (True, (127, 0, 0, 1))
    assert (got, early) == (b"hello", b"")
    assert size > 4096 and last == b"bye"
    assert end == closed == "StreamError_Closed"
    assert busy == ("INVALID_STATE", "INVALID_STATE")


def test_receiving_and_sending_are_shut_separately(guest: Guest) -> None:
    with listen(echo) as port:
        found = guest.run("network", f"shut_receiving({port})", reaching(("127.0.0.1", port)))
    assert found == ("StreamError_Closed", "StreamError_Closed")


def test_a_sender_waits_for_a_slow_reader_and_loses_nothing(guest: Guest) -> None:
    size = 20_000_000
    with listen(read_late) as port:
        waited, (got, _) = guest.run(
            "network", f"send_much({port}, {size})", reaching(("127.0.0.1", port))
        )
    assert waited and got == str(size).encode()


def test_refused_and_reset_connections_are_told_apart(guest: Guest) -> None:
    port = closed_port()
    assert guest.run("network", f"refused({port})", reaching(("127.0.0.1", port))) == (
        None, "CONNECTION_REFUSED", "INVALID_STATE"
    )  # fmt: skip
    with listen(reset) as port:
        found = guest.run("network", f"reset({port})", reaching(("127.0.0.1", port)))
    assert found == ("Connection reset by peer", "StreamError_Closed")


def test_a_server_and_its_client_in_one_guest(guest: Guest) -> None:
    between, states, answer, zeroes, same = guest.run(
        "network", "listen()", reaching("127.0.0.1:*", listening=True)
    )
    assert between == ["CONCURRENCY_CONFLICT"] * 3
    assert states == [
        False, "NOT_IN_PROGRESS", "INVALID_STATE", "CONCURRENCY_CONFLICT", True, "WOULD_BLOCK",
        "IPV4",
    ]  # fmt: skip
    assert (answer, zeroes, same) == (b"PING", 2, True)


@pytest.mark.skipif(not _has_ipv6(), reason="this machine has no IPv6")
def test_ipv6_works_alike(guest: Guest) -> None:
    network = NetworkGrants(tcp=["[::1]:*"], tcp_listen=["[::1]:0"])
    found = guest.run("network", "listen_on_ipv6()", Grants(network=network))
    assert found == (b"six", (0, 0, 0, 0, 0, 0, 0, 1), "IPV6")


def test_who_may_only_connect_may_not_listen(guest: Guest) -> None:
    with pytest.raises(Trap, match="ACCESS_DENIED"):
        guest.run("network", "wait_for_ever()", reaching("127.0.0.1:*"))


def test_options_are_set_and_kept_within_what_the_system_knows(guest: Guest) -> None:
    found, zeroes = guest.run("network", "options()")
    assert found == [
        False, True, 2_000_000_000, 32_767_000_000_000, 127, 33, 65_536, True,
        9, 65_536, 65_536, "IPV4", "INVALID_ARGUMENT",
    ]  # fmt: skip
    assert zeroes == {"INVALID_ARGUMENT"}


def test_unusable_addresses_and_operations_out_of_turn(guest: Guest) -> None:
    addresses, not_begun, states = guest.run("network", "arguments()", reaching("*:*"))
    assert set(addresses) == {"INVALID_ARGUMENT"}
    assert set(not_begun) == {"NOT_IN_PROGRESS"}
    assert set(states) == {"INVALID_STATE"}


def test_datagrams_go_and_come(guest: Guest) -> None:
    with answer_datagrams() as port:
        grants = reaching(udp=("127.0.0.1:*",))
        allowed, sent, received, nothing, errors, facts = guest.run(
            "network", f"datagrams({port})", grants
        )
    assert allowed and sent == 2 and facts == (True, True)
    assert received == [(b"ONE", True), (b"TWO", True)]
    assert nothing == ([], [], 0)
    assert errors == [
        "INVALID_ARGUMENT", "DATAGRAM_TOO_LARGE", "INVALID_ARGUMENT", "INVALID_ARGUMENT",
        "ACCESS_DENIED", "INVALID_STATE",
    ]  # fmt: skip


def test_datagrams_of_strangers_are_not_heard(guest: Guest) -> None:
    with (
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as stranger,
        answer_datagrams(stranger) as port,
    ):
        grants = reaching(udp=(("127.0.0.1", port),))
        found = guest.run("network", f"hear_only_whom_we_may({port})", grants)
        assert found == [b"TELL THE STRANGER"]
        everybody = Grants(
            network=NetworkGrants(udp=[("127.0.0.1", port)], udp_listen=["127.0.0.1:0"])
        )
        found = guest.run("network", f"hear_only_whom_we_may({port})", everybody)
        assert found[0] == b"psst"


def test_names_are_looked_up_if_granted(guest: Guest) -> None:
    grants = Grants(network=NetworkGrants(names=["localhost", "*.invalid"]))
    found = guest.run("network", "look_up('localhost')", grants)
    assert {(127, 0, 0, 1), (0, 0, 0, 0, 0, 0, 0, 1)} & set(found)
    assert guest.run("network", "look_up('127.0.0.1')", grants) == [(127, 0, 0, 1)]
    for name, said in {
        "other.test": "PERMANENT_RESOLVER_FAILURE", "": "INVALID_ARGUMENT",
        "a" * 300: "INVALID_ARGUMENT", "a..b": "INVALID_ARGUMENT", "a b": "INVALID_ARGUMENT",
        "ü" * 250: "INVALID_ARGUMENT",
    }.items():  # fmt: skip
        assert guest.run("network", f"look_up({name!r})", grants) == said, name
    assert guest.run("network", "look_up('no-such.invalid')", grants) in (
        "NAME_UNRESOLVABLE", "TEMPORARY_RESOLVER_FAILURE"
    )  # fmt: skip


def test_an_address_granted_by_name_is_reachable_once_looked_up(guest: Guest) -> None:
    with listen(greet) as port:
        grants = reaching(("localhost", port))
        found = guest.run("network", f"connect_by_name('localhost', {port})", grants)
    assert found == ("ACCESS_DENIED", b"hi")


@pytest.mark.parametrize(
    ("call", "reason"),
    [
        ("send_unasked()", "sent 1 datagrams where check-send allowed 0"),
        ("drop_socket_first({port})", "dropped a tcp-socket before what was made from it"),
    ],
)
def test_what_a_real_host_traps_on_traps_here(guest: Guest, call: str, reason: str) -> None:
    with listen(echo) as port:
        grants = reaching("127.0.0.1:*", udp=("127.0.0.1:*",))
        with pytest.raises(Trap, match=reason):
            guest.run("network", call.format(port=port), grants)


def test_an_invocation_holds_a_bounded_number_of_sockets_and_all_are_closed(
    guest: Guest,
) -> None:
    assert guest.run("network", "sockets_without_end()") == (128, "NEW_SOCKET_LIMIT")
    before = len(os.listdir("/proc/self/fd"))
    with listen(echo) as port:
        grants = reaching("127.0.0.1:*", udp=("127.0.0.1:*",))
        inside = len(os.listdir("/proc/self/fd"))
        for _ in range(3):
            assert guest.run("network", f"leave_everything_open({port})", grants) == 3
        assert len(os.listdir("/proc/self/fd")) <= inside + 1  # the server's own, perhaps
    assert guest.run("network", "sockets_without_end()") == (128, "NEW_SOCKET_LIMIT")
    assert len(os.listdir("/proc/self/fd")) == before


def test_a_poll_of_sockets_and_clocks_tells_which_came_first(guest: Guest) -> None:
    with listen(echo) as port:
        found = guest.run("network", f"poll_sockets_and_clock({port})", reaching("127.0.0.1:*"))
    assert found == ([1], [0])


def test_pythons_own_library_finds_ordinary_sockets(guest: Guest) -> None:
    with listen(echo) as port:
        found = guest.run("network", f"by_the_library({port})", reaching("127.0.0.1:*"))
    assert found == b"hello"


async def test_a_guest_that_waits_for_a_connection_is_stopped_within_50_ms(guest: Guest) -> None:
    instantiator = guest.instantiator(grants=reaching(listening=True))
    waiting = asyncio.Event()
    loop = asyncio.get_running_loop()
    said = script("network", "print('waiting') or wait_for_ever()")

    def on_log(stream: str, line: str, ctx: Any) -> None:
        loop.call_soon_threadsafe(waiting.set)

    instantiator.on_log = on_log
    call = asyncio.ensure_future(instantiator.call("", "check", (said,), timeout_s=60))
    await waiting.wait()
    begun = time.monotonic()
    call.cancel()
    with pytest.raises(asyncio.CancelledError):
        await call
    stopped_s = time.monotonic() - begun
    await instantiator.close()
    assert stopped_s < 0.5, "50 ms on a quiet machine"


def test_a_wait_may_be_longer_than_the_system_can_count(guest: Guest) -> None:
    with listen(echo) as port:
        found = guest.run(
            "network", f"wait_for_ages({port})", reaching("127.0.0.1:*"), timeout_s=float("inf")
        )
    assert found == [0]


async def test_a_guest_that_waits_for_a_connection_runs_into_its_deadline(guest: Guest) -> None:
    with pytest.raises(LimitHit, match="limit on execution time"):
        await guest.run_on_worker(
            "network", "wait_for_ever()", reaching(listening=True), timeout_s=0.3
        )
