"""One instance through several calls: its state, its resources, its end."""

from __future__ import annotations

import pytest

from tests.unit.wasm.conftest import wat
from tests.unit.wasm.test_instantiator import COUNTERS
from workbench.errors import MissingImport, NotFound, NotRunning, Trap
from workbench.wasm import Component, Engine


@pytest.fixture
def counter(engine: Engine) -> Component:
    return Component.open(wat("counter"), name="counter", engine=engine)


def test_an_instance_keeps_its_state_where_a_run_begins_anew(counter: Component) -> None:
    assert [counter.run("count"), counter.run("count")] == [1, 1]
    with counter.instance() as live:
        assert [live.run("count"), live.run("count")] == [1, 2]


def test_a_resource_of_the_component_is_an_object_with_its_methods(counter: Component) -> None:
    with counter.instance() as live:
        one, other = live.run("box", 3), live.run("boxes.box", value=4)
        assert one.read() == 3 and dir(one) == ["drop", "read"]
        assert live.run("merge", one, other) == 7
        assert repr(one) == "<box of <instance of counter>>"
        with pytest.raises(AttributeError, match="no method 'write'; it has read"):
            one.write()


def test_a_dropped_resource_is_freed_by_the_guest_once(counter: Component) -> None:
    with counter.instance() as live:
        with live.run("box", 3):
            assert live.run("gone") == 0
        assert live.run("gone") == 1
        other = live.run("box", 4)
        other.drop()
        with pytest.raises(NotFound, match="dropped or given away"):
            other.drop()
        assert live.run("gone") == 2


def test_an_instance_that_trapped_is_finished_and_says_so(counter: Component) -> None:
    with counter.instance() as live:
        with pytest.raises(Trap, match="boom trapped"):
            live.run("boom")
        with pytest.raises(NotRunning, match="trapped and can't go on") as caught:
            live.run("count")
        assert "component.instance()" in caught.value.hint


def test_a_closed_instance_takes_no_calls(counter: Component) -> None:
    live = counter.instance()
    box = live.run("box", 1)
    live.close()
    live.close()
    for use in (lambda: live.run("count"), box.read):
        with pytest.raises(NotRunning, match="is closed"):
            use()
    box.drop()


def test_imports_of_an_instance_are_python_objects_and_missing_ones_are_told(
    engine: Engine,
) -> None:
    component = Component.open(wat("imports"), engine=engine)
    with pytest.raises(MissingImport):
        component.instance()
    with component.instance(imports=COUNTERS) as live:
        assert [live.run("count", 7), live.run("twice-of", 4)] == [212, 8]


def test_a_call_that_its_import_ended_leaves_no_instance_to_go_on_with(engine: Engine) -> None:
    component = Component.open(wat("imports"), engine=engine)

    def refuse(n: int) -> int:
        raise ZeroDivisionError(n)

    with component.instance(imports={**COUNTERS, "twice": refuse}) as live:
        with pytest.raises(ZeroDivisionError):
            live.run("twice-of", 4)
        with pytest.raises(NotRunning, match="stopped in the middle"):
            live.run("count", 1)
