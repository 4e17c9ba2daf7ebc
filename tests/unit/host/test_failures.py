from workbench.errors import ArtifactError, UsageError
from workbench.host.failures import error_chain, outermost


def test_the_chain_joins_all_texts_without_hints():
    inner = ArtifactError("failed to read component", hint="look")
    inner.__cause__ = FileNotFoundError(2, "No such file or directory", "/x")
    outer = UsageError("failed to fetch component")
    outer.__cause__ = inner
    assert error_chain(outer) == (
        "failed to fetch component: failed to read component: "
        "No such file or directory (os error 2)"
    )
    assert outermost(outer) == "failed to fetch component"


def test_a_chain_that_bites_its_tail_ends():
    one, two = ValueError("one"), ValueError("two")
    one.__cause__, two.__cause__ = two, one
    assert error_chain(one) == "one: two"


def test_an_error_without_text_is_named():
    assert outermost(KeyError()) == "KeyError"
