"""The public API on a whole embedded lattice: real server, host, manager and components."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

import workbench
from tests.leaks import Footprint
from workbench import aio
from workbench.authoring.wat import component_from_wat
from workbench.errors import (
    LinkMissing,
    ManifestError,
    NotFound,
    NotRunning,
    ReadOnly,
    Trap,
    UsageError,
    ValueMismatch,
    WadmError,
)

HERE = Path(__file__).parent
TINY = HERE.parent / "golden" / "tiny.wat"
CALLER = HERE / "host" / "components" / "caller.wat"
HTTP = HERE.parent / "unit" / "wasm" / "wat" / "http.wat"


@pytest.fixture(scope="module")
def artifacts(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """The WAT components of the tests, assembled."""
    folder = tmp_path_factory.mktemp("artifacts")
    paths = {}
    for name, source in (("tiny", TINY), ("caller", CALLER)):
        paths[name] = folder / f"{name}.wasm"
        paths[name].write_bytes(component_from_wat(source.read_text()))
    return paths


@pytest.fixture
def lattice(artifacts: dict[str, Path]) -> Iterator[workbench.Lattice]:
    with workbench.up() as running:
        for name, path in artifacts.items():
            running.cells.put(name, path)
        yield running


def manifest(name: str, instances: int, image: str = "cell://tiny") -> dict[str, object]:
    return {
        "apiVersion": "core.oam.dev/v1beta1",
        "kind": "Application",
        "metadata": {"name": name, "annotations": {"description": "a test"}},
        "spec": {
            "components": [
                {
                    "name": "tiny",
                    "type": "component",
                    "properties": {"image": image, "id": "tiny"},
                    "traits": [{"type": "spreadscaler", "properties": {"instances": instances}}],
                }
            ]
        },
    }


def test_up_and_down_leave_nothing_behind(artifacts: dict[str, Path]) -> None:
    with workbench.up() as warm:  # the first time imports and starts what stays for ever
        assert warm.hosts
    before = Footprint.now()
    lattice = workbench.up(hosts=2)
    assert len(lattice.hosts) == 2
    lattice.cells.put("tiny", artifacts["tiny"])
    lattice.start_component("cell://tiny", "tiny")
    assert lattice.invoke("tiny", "lab:tiny/api.hello") == "hello"
    lattice.close()
    lattice.close()
    assert before.grown() == ""
    with pytest.raises(NotRunning):
        lattice.start_component("cell://tiny", "tiny")
    assert workbench.current() is not lattice


def test_a_store_that_was_given_stays_and_is_used_again(tmp_path: Path) -> None:
    with workbench.up(store=tmp_path, wadm=False) as first:
        first.put_config("greeting", {"text": "hi"})
    with workbench.up(store=tmp_path, wadm=False) as second:
        assert second.get_config("greeting") == {"text": "hi"}


def test_a_preview_tells_what_a_deployment_does_and_does_nothing(
    lattice: workbench.Lattice,
) -> None:
    first = lattice.preview(manifest("app", 2))
    assert [change.what.partition(" on ")[0] for change in first.changes] == [
        "run component tiny with 2 instance(s)"
    ]
    assert (first.replaces, str(first.status.type)) == (None, "deployed")
    assert (lattice.apps, list(lattice.components)) == ([], [])
    lattice.deploy(manifest("app", 2), wait=True)
    assert not lattice.preview(manifest("app", 2))
    clash = lattice.preview(manifest("other", 1))
    assert (str(clash.status.type), clash.status.message) == (
        "failed",
        "Component id tiny is already run by application app.",
    )
    with pytest.raises(ManifestError):
        lattice.preview({**manifest("app", 2), "spec": {}})


def test_a_preview_of_a_version_that_is_stored_with_other_content_is_refused(
    lattice: workbench.Lattice,
) -> None:
    stored, changed = manifest("app", 1), manifest("app", 2)
    for one in (stored, changed):
        one["metadata"]["annotations"]["version"] = "v1"  # type: ignore[index] # a plain mapping
    lattice.deploy(stored, wait=True)
    with pytest.raises(WadmError, match="stored already, with other content"):
        lattice.preview(changed)


def test_two_lattices_in_one_process_do_not_see_each_other() -> None:
    with workbench.up(wadm=False) as one, workbench.up(lattice="other", wadm=False) as other:
        assert {h.id for h in one.hosts}.isdisjoint({h.id for h in other.hosts})
        assert workbench.current() is other


def test_typed_calls_from_python(lattice: workbench.Lattice) -> None:
    lattice.start_component("cell://tiny", "tiny")
    api = lattice.component("tiny")["lab:tiny/api"]
    assert api.add(2, 3) == 5
    assert api.echo(data=b"\x00\xff") == b"\x00\xff"
    assert {"add", "echo", "hello"} <= set(dir(api))
    assert "add: func(a: u32, b: u32) -> u32" in repr(api)


def test_a_wrong_argument_names_parameter_type_and_value(lattice: workbench.Lattice) -> None:
    lattice.start_component("cell://tiny", "tiny")
    with pytest.raises(ValueMismatch, match=r"b: expected u32.*'three'"):
        lattice.invoke("tiny", "lab:tiny/api.add", 2, "three")
    with pytest.raises(ValueMismatch):
        lattice.invoke("tiny", "lab:tiny/api.add", 2)


def test_names_that_fit_nothing_suggest_what_is_near(lattice: workbench.Lattice) -> None:
    lattice.start_component("cell://tiny", "tiny")
    with pytest.raises(NotFound, match="tiny"):
        lattice.invoke("tyni", "lab:tiny/api.add", 1, 2)
    with pytest.raises(NotFound, match="hello"):
        lattice.invoke("tiny", "lab:tiny/api.helo")
    with pytest.raises(NotFound, match="lab:tiny/api"):
        lattice.component("tiny")["lab:tiny/other"]
    with pytest.raises(AttributeError, match="it has add"):
        _ = lattice.component("tiny")["lab:tiny/api"].subtract


def test_a_trap_in_the_callee_reaches_the_caller_with_its_reason(
    lattice: workbench.Lattice,
) -> None:
    lattice.start_component("cell://tiny", "tiny")
    with pytest.raises(Trap, match="unreachable"):
        lattice.invoke("tiny", "lab:tiny/api.trap")
    assert lattice.invoke("tiny", "lab:tiny/api.hello") == "hello"


def test_a_missing_link_is_the_error_and_its_command_mends_it(lattice: workbench.Lattice) -> None:
    lattice.start_component("cell://tiny", "tiny")
    lattice.start_component("cell://caller", "caller")
    path = "lab:caller/run.go"
    with pytest.raises(LinkMissing) as caught:
        lattice.invoke("caller", path)
    assert "lab:tiny/api" in caught.value.message
    assert "%wasmcloud link put caller tiny lab:tiny/api" in caught.value.hint
    lattice.put_link("caller", "tiny", "lab:tiny/api")
    assert lattice.invoke("caller", path) == 42
    lattice.delete_link("caller", "lab:tiny/api")
    with pytest.raises(LinkMissing):
        lattice.invoke("caller", path)
    with pytest.raises(NotFound, match="no link"):
        lattice.delete_link("caller", "lab:tiny/api")


def test_traffic_holds_the_call_decoded_and_timed_once(lattice: workbench.Lattice) -> None:
    lattice.start_component("cell://tiny", "tiny")
    lattice.invoke("tiny", "lab:tiny/api.add", 2, 3)
    (call,) = lattice.traffic()
    assert (call.source, call.target, call.function) == ("workbench", "tiny", "add")
    assert call.params == (2, 3) and call.result == 5
    assert call.duration_ms is not None and 0 < call.duration_ms < 5000


def test_an_application_is_deployed_upgraded_and_taken_away(lattice: workbench.Lattice) -> None:
    seen: list[str] = []
    app = lattice.deploy(manifest("demo", 2))
    app.wait(on_status=lambda status: seen.append(status.type))
    assert seen[-1] == "deployed"
    assert lattice.components[0].max_instances == 2
    lattice.deploy(manifest("demo", 5), wait=True)
    assert lattice.components[0].max_instances == 5
    assert len(app.versions) == 2
    assert [one.name for one in lattice.apps] == ["demo"]
    assert app.story
    app.undeploy()
    lattice._run(lattice._aio.observer.wait_for(lambda state: not list(state.components())))
    assert app.delete() and not app.delete()


def test_a_manifest_with_faults_lists_all_of_them_before_anything_is_sent(
    lattice: workbench.Lattice,
) -> None:
    broken = manifest("demo", 1)
    broken["kind"] = "Sandwich"
    broken["spec"]["components"][0]["type"] = "spaceship"  # type: ignore[index]
    with pytest.raises(ManifestError) as caught:
        lattice.deploy(broken)
    assert len(caught.value.findings) >= 1
    assert lattice.apps == []
    with pytest.raises(UsageError, match="can't be read"):
        lattice.deploy(Path("/nowhere/app.yaml"))


def test_an_image_that_is_not_there_fails_the_deployment_with_its_reason(
    lattice: workbench.Lattice,
) -> None:
    app = lattice.deploy(manifest("demo", 1, image="cell://nothing"))
    with pytest.raises(WadmError, match="nothing"):
        app.wait(timeout_s=20)


def test_work_moves_when_its_host_stops(lattice: workbench.Lattice) -> None:
    app = lattice.deploy(manifest("demo", 3), wait=True)
    first = lattice.hosts[0]
    lattice._run(lattice._aio.add_host())
    lattice.stop("host", first.friendly_name)
    app.wait()
    lattice._run(
        lattice._aio.observer.wait_for(
            lambda state: [h.id for h, c in state.components() if h.id != first.id]
        )
    )
    assert lattice.invoke("tiny", "lab:tiny/api.hello") == "hello"
    assert [host.id for host in lattice.hosts] != [first.id] and len(lattice.hosts) == 1


def test_a_rebuilt_cell_replaces_the_running_code(
    lattice: workbench.Lattice, tmp_path: Path
) -> None:
    lattice.start_component("cell://tiny", "tiny")
    assert lattice.reload_cell("tiny") == []
    changed = tmp_path / "changed.wasm"
    changed.write_bytes(
        component_from_wat(TINY.read_text().replace('"hello")\n    (func', '"HELLO")\n    (func'))
    )
    lattice.cells.put("tiny", changed)
    assert lattice.reload_cell("tiny") == ["tiny"]
    assert lattice.invoke("tiny", "lab:tiny/api.hello") == "HELLO"


def test_http_through_the_provider_and_directly(lattice: workbench.Lattice, tmp_path: Path) -> None:
    path = tmp_path / "http.wasm"
    path.write_bytes(component_from_wat(HTTP.read_text()))
    lattice.cells.put("web", path)
    lattice.start_component("cell://web", "web")
    lattice.start_provider("wasmcloud+builtin://http-server", "httpd")
    lattice.put_config("address", {"address": "127.0.0.1:0"})
    lattice.put_link("httpd", "web", "wasi:http/incoming-handler", source_config=["address"])
    direct = lattice.http("web", "GET", "/")
    assert direct.status == 200


def test_a_joined_lattice_is_read_only_unless_it_is_asked_for(lattice: workbench.Lattice) -> None:
    server = lattice._aio._embedded.server  # type: ignore[union-attr]
    assert server is not None
    access = {"user": server.user, "password": server.password}
    with workbench.connect(lattice.nats_url, **access) as guest:
        assert [h.id for h in guest.hosts] == [h.id for h in lattice.hosts]
        assert not guest.embedded
        with pytest.raises(ReadOnly, match="writable"):
            guest.put_config("a", {"b": "c"})
    with workbench.connect(lattice.nats_url, writable=True, **access) as guest:
        guest.put_config("a", {"b": "c"})
    assert lattice.get_config("a") == {"b": "c"}


def test_the_doctor_finds_nothing_on_a_fresh_lattice_and_names_a_dangling_link(
    lattice: workbench.Lattice,
) -> None:
    assert all(check.ok for check in lattice.doctor())
    lattice.put_link("nobody", "nowhere", "a:b/c")
    bad = [check for check in lattice.doctor() if not check.ok]
    assert any("nobody" in check.text for check in bad)


async def test_the_awaitable_twin_lives_on_the_callers_own_loop(
    artifacts: dict[str, Path],
) -> None:
    async with await aio.up(wadm=False) as lattice:
        lattice.cells.put("tiny", artifacts["tiny"])
        async with lattice.events() as events:
            await lattice.start_component("cell://tiny", "tiny")
            async with asyncio.timeout(5):
                while (await anext(events)).name != "component_scaled":
                    pass
        assert await lattice.invoke("tiny", "lab:tiny/api.add", 1, 2) == 3
    assert not any(t.name == "workbench-loop" for t in threading.enumerate())


def test_scaling_spreads_over_all_hosts_and_keeps_the_configuration(
    lattice: workbench.Lattice,
) -> None:
    lattice.put_config("settings", {"a": "b"})
    lattice.start_component("cell://tiny", "tiny", config=["settings"])
    first = lattice.hosts_running[0][0]
    lattice._run(lattice._aio.add_host())
    shares = lattice.scale("tiny", 5)
    assert sorted(shares.values()) == [2, 3] and shares[first] == 3
    assert lattice.components[0].max_instances == 5 and len(lattice.components[0].hosts) == 2
    assert all(host.config_of("tiny") == ("settings",) for host in lattice._aio.hosts_running)
    assert lattice.scale("tiny", 1) == {first: 1, lattice.hosts_running[1][0]: 0}
    assert lattice.components[0].max_instances == 1
    with pytest.raises(NotFound, match="tiny"):
        lattice.scale("tinny", 2)
    with pytest.raises(UsageError):
        lattice.scale("tiny", -1)


LEFT_UP = """
import workbench
lattice = workbench.up()
print(lattice._aio._embedded.server.pid, lattice._aio._embedded.server._home, flush=True)
"""


def test_a_program_that_ends_with_a_lattice_up_takes_it_down() -> None:
    done = subprocess.run(
        [sys.executable, "-c", LEFT_UP], capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 0 and done.stderr == ""
    pid, home = done.stdout.split()
    assert not psutil.pid_exists(int(pid)) and not Path(home).exists()


async def test_closing_on_the_callers_loop_leaves_no_task(artifacts: dict[str, Path]) -> None:
    before = asyncio.all_tasks()
    async with await aio.up() as lattice:
        lattice.cells.put("tiny", artifacts["tiny"])
        await lattice.start_component("cell://tiny", "tiny")
        assert await lattice.invoke("tiny", "lab:tiny/api.hello") == "hello"
    assert {task.get_name() for task in asyncio.all_tasks() - before} == set()
