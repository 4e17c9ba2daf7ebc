"""A deployment as it becomes true."""

from __future__ import annotations

from workbench.notebook.display.deploy import deploy_card
from workbench.wire.wadm import ScalerStatus, Status, StatusInfo, StatusType


def part(name: str, kind: str, state: StatusType, message: str = "") -> ScalerStatus:
    return ScalerStatus(id="0", kind=kind, name=name, status=StatusInfo(state, message))


def test_each_part_is_a_line_with_its_state_and_message() -> None:
    status = Status(
        status=StatusInfo(StatusType.RECONCILING, "busy"),
        scalers=(
            part("hello_app-hello", "SpreadScaler", StatusType.DEPLOYED),
            part("x -(wasi:http)-> y", "LinkScaler", StatusType.FAILED, "no such <b>link</b>"),
        ),
    )
    shown = deploy_card("hello-app", status, 1.2)
    assert "✓ hello" in shown.text
    assert "✗ x → y (wasi:http): no such <b>link</b>" in shown.text
    html = str(shown.html)
    assert 'data-state="failed"' in html and "&lt;b&gt;link" in html
    assert "Reconciling" in html


def test_it_ends_at_a_deployed_badge() -> None:
    status = Status(status=StatusInfo(StatusType.DEPLOYED))
    html = str(deploy_card("hello-app", status, 1.24, ended=True).html)
    assert 'data-badge="Deployed in 1.2 s"' in html


def test_before_the_first_status_it_says_what_it_waits_for() -> None:
    assert "handing it to the manager" in str(deploy_card("a", None, 0.3).html)
