"""The place holder for what can't be built."""

from __future__ import annotations

from tests.unit.wadm.builders import hosts
from workbench.wadm.scalers import Context, Unfit
from workbench.wire.wadm import StatusType


def test_it_fails_with_its_message_and_does_nothing() -> None:
    unfit = Unfit("app", "SpreadScaler", "c", "no image")
    found = unfit.reconcile(hosts(a="1"), Context())
    assert (found.commands, found.status.type, found.status.message) == (
        (), StatusType.FAILED, "no image")  # fmt: skip
    assert unfit.cleanup(hosts(a="1"), Context()) == ()
    assert len(unfit.id) == 36
    assert unfit.label == "c"
