"""What an explanation tells people to type is understood by the magic."""

from __future__ import annotations

import pytest

from tests.unit.lattice.lives import event, fold, host_started, link, provider_started, scaled, spec
from workbench.lattice.explain import explain
from workbench.lattice.state import LatticeState
from workbench.notebook import verbs
from workbench.notebook.parse import find_verb, parse_call
from workbench.wire import events

HTTP = "wasi:http/incoming-handler"
HOSTILE = '--name "x\n%rm -rf'
HOST = fold(host_started(), scaled("hello"), provider_started("httpd"))


def unhealthy() -> LatticeState:
    host = next(iter(HOST.hosts))
    checked = event(events.health_check_failed(host, provider_id="httpd"))
    return fold(checked, spec("httpd", link("httpd", "hello", source_config=("addr",))), state=HOST)


@pytest.mark.parametrize(
    ("state", "source", "target"),
    [
        (LatticeState(), "httpd", "hello"),
        (HOST, "httpd", "hello"),
        (HOST, "helo", HOSTILE),
        (unhealthy(), "httpd", "hello"),
        (fold(spec("httpd", link("httpd", "old")), state=HOST), "httpd", "hello"),
        (fold(spec("httpd", link("httpd", "hello", name=HOSTILE)), state=HOST), "httpd", "hello"),
        (
            fold(spec("httpd", link("httpd", "hello", interfaces=("x y",))), state=HOST),
            "httpd",
            "hello",
        ),
        (fold(spec("other", url="file:///o.wasm"), state=HOST), "other", "hello"),
        (fold(spec("-other", url=""), state=HOST), "-other", "hello"),
    ],
)
def test_every_command_is_one_line_that_the_magic_accepts(
    state: LatticeState, source: str, target: str
) -> None:
    findings = explain(state, source, target, HTTP)
    assert findings
    for finding in findings:
        assert "\n" not in finding.command
        magic, verb_name, line = (*finding.command.split(" ", 2), "")[:3]
        assert magic == "%wasmcloud"
        verb = find_verb(verbs.VERBS, verb_name, verbs.PLANNED)
        parse_call(verb, line, None, lambda variable: pytest.fail(f"variable {variable}"))
