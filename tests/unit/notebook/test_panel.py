"""What the Lattice panel lists."""

from __future__ import annotations

import ast
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from workbench.lattice.state import ComponentState, HostState, LatticeState
from workbench.notebook.panel import panel_groups
from workbench.wire.records import ComponentSpec, Link


def state(component_id: str = "hello", target: str = "greeter") -> LatticeState:
    component = ComponentState(component_id, "cell://hello", max_instances=2)
    host = HostState("NABC", "brave-otter", {}, "1.9.2", components={component_id: component})
    link = Link(
        source_id=component_id,
        target=target,
        wit_namespace="demo",
        wit_package="greet",
        interfaces=("greeter",),
    )
    spec = ComponentSpec("cell://hello", (link,))
    return LatticeState(hosts={"NABC": host}, specs={component_id: spec})


def items(kind: str, of: LatticeState) -> list[dict[str, Any]]:
    return next(group["items"] for group in panel_groups(of) if group["kind"] == kind)


def test_groups_come_in_one_order_even_when_empty() -> None:
    kinds = [group["kind"] for group in panel_groups(LatticeState())]
    assert kinds == ["host", "component", "provider", "link", "app"]


def test_a_click_gives_the_line_that_fits() -> None:
    assert items("host", state())[0]["code"] == "%wasmcloud inventory NABC"
    assert items("component", state())[0]["code"] == 'lattice.component("hello")'
    assert (
        items("link", state())[0]["code"] == "%wasmcloud explain hello greeter demo:greet/greeter"
    )


@given(st.text(min_size=1, max_size=60))
def test_no_id_gets_code_of_its_own_into_the_notebook(hostile: str) -> None:
    for kind in ("component", "link"):
        code = items(kind, state(hostile, hostile))[0]["code"]
        assert code.isascii() and "\n" not in code
        if not code.startswith("%wasmcloud "):
            call = ast.parse(code, mode="eval").body
            assert isinstance(call, ast.Call)
            assert all(isinstance(a, ast.Constant) for a in call.args)
            assert call.args[0].value == hostile  # pyright: ignore[reportAttributeAccessIssue]
