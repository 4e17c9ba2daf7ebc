"""What the user grants: directories in memory, addresses, and what is no grant."""

from __future__ import annotations

import errno
import ipaddress
import threading
from collections.abc import Callable

import pytest

from tests.unit.wasm.conftest import HERE
from workbench.errors import UsageError
from workbench.wasm import Component, Grants, MemoryDirectory, NetworkGrants


def _permits(grants: NetworkGrants, where: str, port: int, *names: str) -> bool:
    return grants.permits("tcp", ipaddress.ip_address(where), port, names)


def test_nothing_is_granted_by_default() -> None:
    grants = Grants()
    assert (grants.environment, grants.directories, grants.stdin) == ({}, {}, b"")
    assert grants.network.nothing and not _permits(grants.network, "127.0.0.1", 80)
    assert not grants.network.permits_name("localhost")


def test_addresses_are_granted_by_network_and_by_ports() -> None:
    grants = NetworkGrants(
        tcp=[("127.0.0.1", 80), "10.0.0.0/8:8000-8999", "[2001:db8::/32]:*", ("::1", (1, 2))]
    )
    assert _permits(grants, "127.0.0.1", 80) and not _permits(grants, "127.0.0.1", 81)
    assert not _permits(grants, "127.0.0.2", 80)
    assert _permits(grants, "10.200.3.4", 8999) and not _permits(grants, "10.200.3.4", 9000)
    assert _permits(grants, "2001:db8::7", 65535) and not _permits(grants, "2001:db9::7", 1)
    assert _permits(grants, "::1", 2) and not _permits(grants, "::1", 3)
    assert not grants.permits("udp", ipaddress.ip_address("127.0.0.1"), 80)
    assert _permits(NetworkGrants(tcp=["*:443"]), "8.8.8.8", 443)


def test_an_address_is_reached_by_the_name_under_which_it_was_found() -> None:
    grants = NetworkGrants(tcp=["*.example.com:443"], names=["other.test"])
    assert _permits(grants, "1.2.3.4", 443, "api.EXAMPLE.com.")
    assert not _permits(grants, "1.2.3.4", 443)
    assert not _permits(grants, "1.2.3.4", 443, "example.com")
    assert not _permits(grants, "1.2.3.4", 443, "badexample.com", "example.com.evil.test")
    assert grants.permits_name("api.example.com") and grants.permits_name("other.test")
    assert not grants.permits_name("evil.test")
    assert NetworkGrants(names=["*"]).permits_name("anything.test")


@pytest.mark.parametrize(
    "where",
    [
        "127.0.0.1", "127.0.0.1:", "127.0.0.1:http", "::1:80", "127.0.0.1:99999", "a b:80",
        ("10.0.0.0/40", 1), ("10.0.0", 1), ("x", (5, 4)), ("x", -1), "", "[::1]", "1.2.3.4:9-8",
    ],
)  # fmt: skip
def test_what_is_no_address_is_told_with_an_example(where: object) -> None:
    with pytest.raises(UsageError, match="is no address that can be granted") as caught:
        NetworkGrants(tcp=[where])  # type: ignore[list-item]  # on purpose
    assert "('127.0.0.1', 80)" in caught.value.hint


def test_a_memory_directory_is_a_mapping_of_its_files() -> None:
    files = MemoryDirectory({"a": "text", "b/c": b"\0"})
    assert dict(files) == {"a": b"text", "b/c": b"\0"} and len(files) == 2
    files["b/d/e"] = b"x" * 10
    assert "b/d/e" in files and "b" not in files and "b/d" not in files
    files["a"] = "shorter"[:2]
    del files["b/c"]
    assert dict(files) == {"a": b"sh", "b/d/e": b"x" * 10}
    assert files.tree.used_bytes == 12
    assert repr(files) == "<MemoryDirectory 2 files, 12 bytes>"
    with pytest.raises(KeyError):
        files["gone"]
    with pytest.raises(UsageError, match="is no folder"):
        files["a/b"] = b""
    for path in ("", "/", "..", "a/../b", "\0"):
        with pytest.raises(UsageError, match="names no file"):
            files[path] = b""


def test_a_file_that_does_not_fit_leaves_the_old_one_as_it_was() -> None:
    files = MemoryDirectory({"a": b"old"}, limit_bytes=10, limit_entries=1)
    with pytest.raises(OSError, match="No space") as caught:
        files["a"] = bytes(11)
    assert caught.value.errno == errno.ENOSPC and files["a"] == b"old"
    with pytest.raises(OSError, match="No space"):
        files["b"] = b""


def test_a_memory_directory_bears_several_threads() -> None:
    files = MemoryDirectory(limit_bytes=2_000_000)

    def work(number: int) -> None:
        for n in range(200):
            files[f"{number}/{n % 7}"] = bytes(n)
            list(files)

    threads = [threading.Thread(target=work, args=(n,)) for n in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(files) == 28
    assert files.tree.used_bytes == sum(map(len, files.values()))


async def test_a_component_is_run_with_grants_of_its_own() -> None:
    component = Component.open(HERE / "wat" / "unstable.wat")

    def gone(size: int) -> bytes:
        raise ConnectionResetError(errno.ECONNRESET, "gone")

    assert await component.arun("code-of-stdin", grants=Grants(stdin=gone)) == 15
    assert await component.arun("code-of-stdin", grants=Grants(stdin=b"x")) == 98


def test_secrets_do_not_show_in_what_is_printed() -> None:
    grants = Grants(environment={"TOKEN": "s3cret"}, stdin=b"s3cret", http=["example.com"])
    assert "s3cret" not in repr(grants)
    assert "TOKEN" in repr(grants) and "example.com" in repr(grants)


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        (lambda: Grants(stdin="text"), "stdin is bytes"),  # type: ignore[arg-type]  # on purpose
        (lambda: Grants(arguments="a b"), "is one text"),  # type: ignore[arg-type]  # on purpose
        (lambda: Grants(environment={"A": 1}), "must be texts"),  # type: ignore[dict-item]  # same
        (lambda: Grants(directories={"/": "here"}), "no directory but"),  # type: ignore[dict-item]
        (lambda: NetworkGrants(tcp="127.0.0.1:80"), "tcp='127.0.0.1:80' is one text"),
        (lambda: NetworkGrants(names="example.com"), "is one text"),
    ],
)
def test_a_slip_in_a_grant_is_told_where_it_is_made(wrong: Callable[[], object], said: str) -> None:
    with pytest.raises(UsageError, match=said):
        wrong()
