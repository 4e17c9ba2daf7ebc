"""What scalers share: configs first, stable choices."""

from __future__ import annotations

from tests.unit.wadm.builders import hosts
from workbench.wadm.commands import DeleteConfig, PutConfig, ReadConfig
from workbench.wadm.observed import with_config
from workbench.wadm.scalers.base import (
    Context,
    Need,
    prepare,
    remove_needs,
)


def test_a_config_is_read_then_put_when_it_differs() -> None:
    need = Need("c", {"b": "2", "a": "1"})
    seen = hosts(h="1")
    assert [s.command for s in prepare([need], seen, Context())[0]] == [ReadConfig("c")]
    put = [PutConfig("c", (("a", "1"), ("b", "2")))]
    for content in (None, {"a": "1"}):
        state, _ = with_config(seen, "c", content)
        assert [s.command for s in prepare([need], state, Context())[0]] == put
    state, _ = with_config(seen, "c", {"a": "1", "b": "2"})
    assert prepare([need], state, Context()) == ([], "")


def test_a_config_of_somebody_else_is_never_written() -> None:
    need = Need("theirs", None)
    absent, _ = with_config(hosts(h="1"), "theirs", None)
    assert prepare([need], absent, Context()) == (
        [], "Specified configuration theirs does not exist")  # fmt: skip
    there, _ = with_config(hosts(h="1"), "theirs", {})
    assert prepare([need], there, Context()) == ([], "")
    assert remove_needs([need], Context()) == ()


def test_of_two_contents_for_one_name_the_first_declared_wins() -> None:
    state, _ = with_config(hosts(h="1"), "c", {"a": "1"})
    context = Context(configs={"c": {"a": "1"}})
    assert prepare([Need("c", {"a": "2"})], state, context) == ([], "")


def test_a_config_that_is_still_declared_is_not_deleted() -> None:
    need = Need("c", {})
    assert [s.command for s in remove_needs([need, need], Context())] == [DeleteConfig("c")]
    assert remove_needs([need], Context(configs={"c": {}})) == ()


def test_config_values_stay_out_of_a_repr() -> None:
    assert "hush" not in repr(PutConfig("c", (("password", "hush"),)))
