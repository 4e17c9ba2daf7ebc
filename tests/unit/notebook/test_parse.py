"""Words to a call of a verb."""

from __future__ import annotations

from typing import Any

import pytest

from workbench.errors import UsageError
from workbench.notebook.parse import find_verb, parse_call, parse_number
from workbench.notebook.verbs import PLANNED, VERBS
from workbench.notebook.verbs.model import Body, Call

VARIABLES = {"tags": ["x", "y"], "zone": "a"}


def call(line: str, body: str | None = None) -> Call:
    name, _, rest = line.partition(" ")
    return parse_call(find_verb(VERBS, name, PLANNED), rest, body, variable)


def variable(name: str) -> Any:
    if name not in VARIABLES:
        raise UsageError(f"there is no variable {name!r}")
    return VARIABLES[name]


def failure(line: str, body: str | None = None) -> str:
    with pytest.raises(UsageError) as caught:
        call(line, body)
    return str(caught.value)


def test_words_and_options_may_stand_in_any_order() -> None:
    a = call("start component cell://hello hello --count 3 --host h1")
    b = call("start --host=h1 component --count=3 cell://hello hello")
    assert (
        dict(a.words)
        == dict(b.words)
        == {
            "kind": "component",
            "ref": "cell://hello",
            "id": "hello",
        }
    )
    assert (a["count"], a["host"], b["count"]) == (3, "h1", 3)


def test_an_option_that_repeats_collects() -> None:
    assert call("up --label a=1 --label b=2")["label"] == ["a=1", "b=2"]
    assert call("up")["label"] == []


def test_a_switch_is_off_until_given() -> None:
    assert call("up")["no_wadm"] is False
    assert call("up --no-wadm")["no_wadm"] is True


def test_a_negative_number_is_no_option() -> None:
    assert call("invoke calc demo:calc/math.add -3 -.5")["args"] == ["-3", "-.5"]


def test_two_dashes_end_the_options() -> None:
    assert call("invoke a b:c/d.e -- --name")["args"] == ["--name"]


def test_a_variable_is_handed_over_as_the_object_it_is() -> None:
    assert call("invoke g demo:greet/greeter.tag $tags '$tags'")["args"] == [["x", "y"], "$tags"]


def test_braces_name_a_variable_only_where_there_is_one() -> None:
    assert call("stop host {zone}")["id"] == "a"
    assert call("invoke a b:c/d.e {read} {zone,read}")["args"] == ["{read}", "{zone,read}"]


def test_a_misspelt_verb_gets_near_ones() -> None:
    assert "did you mean deploy" in failure("deplooy x.yaml")


def test_a_verb_of_a_later_version_says_so() -> None:
    assert "not available yet" in failure("capture start")
    assert not PLANNED.keys() & VERBS.keys()


def test_a_misspelt_option_gets_near_ones() -> None:
    assert "--hosts" in failure("up --hsts 2")


def test_an_option_without_value_says_what_it_wants() -> None:
    assert "--hosts wants a value" in failure("up --hosts")
    assert "--hosts wants a whole number" in failure("up --hosts two")
    assert "switch" in failure("up --no-wadm=1")


def test_a_wrong_choice_gets_near_ones() -> None:
    assert "did you mean components" in failure("get component")
    assert "it takes hosts" in failure("get zzz")


def test_a_missing_word_is_named_with_the_usage() -> None:
    message = failure("scale greeter")
    assert "COUNT" in message
    assert "%wasmcloud scale ID COUNT" in message


def test_a_word_too_many_is_named() -> None:
    assert "'extra'" in failure("undeploy hello extra")


def test_a_body_goes_only_where_one_is_wanted() -> None:
    assert "takes no body" in failure("status", "x")
    assert call("deploy", "kind: Application").body == "kind: Application"


@pytest.mark.parametrize("name", sorted(VERBS))
def test_every_verb_has_help_and_arguments_that_can_be_told_apart(name: str) -> None:
    verb = VERBS[name]
    assert verb.help and verb.group and verb.usage
    many = [a for a in verb.arguments if a.many.value in ("*", "+")]
    assert len(many) <= 1 and (not many or verb.arguments[-1] is many[0])
    names = [option.name for option in verb.options]
    assert len(set(names)) == len(names)
    assert {o.key for o in verb.options}.isdisjoint({a.name for a in verb.arguments})
    assert verb.body in Body


def test_every_example_parses() -> None:
    for verb in set(VERBS.values()):
        for example in verb.examples:
            head, _, body = example.partition("\n")
            line = head.partition("%wasmcloud")[2].strip()
            parsed: Any = call(line, body or None)
            assert parsed.verb.name == verb.name


@pytest.mark.parametrize("value", ["x", "-1", "0", "nan", "inf"])
def test_a_time_is_a_number_above_zero(value: str) -> None:
    with pytest.raises(UsageError) as caught:
        parse_number(value, float, "--timeout")
    assert caught.value.hint == "such as --timeout 2.5"
