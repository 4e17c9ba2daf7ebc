"""What people see when something does not work, on a real lattice."""

from __future__ import annotations

import os
import signal
import socket
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import workbench
from workbench.authoring.wat import component_from_wat
from workbench.errors import ControlError, NatsError, NotFound, RequestTimeout, WadmError
from workbench.notebook.display.status import status_card

HTTP = Path(__file__).parents[1] / "unit" / "wasm" / "wat" / "http.wat"


@pytest.fixture
def web(tmp_path: Path) -> Path:
    """An HTTP component."""
    path = tmp_path / "web.wasm"
    path.write_bytes(component_from_wat(HTTP.read_text()))
    return path


@pytest.fixture
def lattice(web: Path) -> Iterator[workbench.Lattice]:
    with workbench.up() as opened:
        opened.cells.put("web", web)
        yield opened


def manifest(address: str) -> dict[str, Any]:
    config = [{"name": "address", "properties": {"address": address}}]
    link = {
        "namespace": "wasi", "package": "http", "interfaces": ["incoming-handler"],
        "target": {"name": "web"}, "source": {"config": config},
    }  # fmt: skip
    web = {
        "name": "web", "type": "component", "properties": {"id": "web", "image": "cell://web"},
        "traits": [{"type": "spreadscaler", "properties": {"instances": 1}}],
    }  # fmt: skip
    httpd = {
        "name": "httpd", "type": "capability", "traits": [{"type": "link", "properties": link}],
        "properties": {"id": "httpd", "image": "wasmcloud+builtin://http-server"},
    }  # fmt: skip
    return {
        "apiVersion": "core.oam.dev/v1beta1", "kind": "Application",
        "metadata": {"name": "site", "annotations": {"description": "d"}},
        "spec": {"components": [web, httpd]},
    }  # fmt: skip


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def test_a_port_in_use_is_told_by_the_deployment_and_another_address_mends_it(
    lattice: workbench.Lattice,
) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        app = lattice.deploy(manifest(f"127.0.0.1:{taken.getsockname()[1]}"))
        with pytest.raises(WadmError) as caught:
            app.wait(patience_s=1.0)
        assert any("is in use already" in note for note in caught.value.__notes__)
        [provider] = lattice.providers
        assert provider.status == "degraded" and "is in use already" in provider.error
        assert "unwell" in status_card(lattice).text
        assert any("in use already" in check.text for check in lattice.doctor() if not check.ok)
        port = free_port()
        lattice.deploy(manifest(f"127.0.0.1:{port}")).wait(patience_s=10.0)
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/") as reply:
        assert reply.status == 200
    [provider] = lattice.providers
    assert provider.status == "running" and provider.error == ""


def test_an_update_that_fails_is_told_at_once_and_the_old_code_answers(
    lattice: workbench.Lattice,
) -> None:
    lattice.start_component("cell://web", "web")
    with pytest.raises(ControlError, match="no cell has built"):
        lattice.update("web", "cell://nothing")
    assert lattice.http("web").status == 200


def test_http_to_what_does_not_run_says_how_to_start_it(lattice: workbench.Lattice) -> None:
    lattice.start_component("cell://web", "web")
    lattice.scale("web", 0)
    with pytest.raises(NotFound, match="no component 'web' runs") as caught:
        lattice.http("web")
    assert "start component cell://web web" in caught.value.hint


def test_a_server_that_was_killed_is_named_and_down_still_ends_everything(web: Path) -> None:
    lattice = workbench.up()
    try:
        lattice.cells.put("web", web)
        lattice.start_component("cell://web", "web")
        gone = lattice._portal.run(_killed(lattice))
        assert gone
        assert not lattice.connected
        assert "cut off" in status_card(lattice).text
        [check] = lattice.doctor()
        assert not check.ok and "away" in check.text
        with pytest.raises((NatsError, RequestTimeout), match="away"):
            lattice.inventory()
        with pytest.raises(NatsError, match="away"):
            lattice.http("web", timeout_s=1)
    finally:
        lattice.close()
    assert lattice.closed and lattice.hosts_running == []


async def _killed(lattice: workbench.Lattice) -> bool:
    import asyncio

    inner = lattice._aio
    cut = asyncio.Event()
    inner.nc.on_state(lambda state: cut.set())
    assert inner._embedded is not None and inner._embedded.server is not None
    pid = inner._embedded.server.pid
    assert pid is not None
    os.kill(pid, signal.SIGKILL)
    async with asyncio.timeout(10):
        await cut.wait()
    return True
