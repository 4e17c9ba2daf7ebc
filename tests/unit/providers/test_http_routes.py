"""Which component answers."""

from __future__ import annotations

import pytest

from workbench.providers.http_routes import Refusal, Routes
from workbench.providers.sdk import ProviderFailed
from workbench.wire.records import ResolvedLink


def link(target: str) -> ResolvedLink:
    return ResolvedLink(
        source_id="h", target=target, wit_namespace="wasi", wit_package="http",
        interfaces=("incoming-handler",),
    )  # fmt: skip


def test_in_address_mode_the_first_link_answers_and_the_next_takes_over():
    routes = Routes("address")
    assert routes.find("/", None) == Refusal(500, "no targets for HTTP request")
    routes.add(link("a"))
    routes.add(link("b"))
    assert routes.find("/x", None) == link("a")
    routes.remove(link("a"))
    assert routes.find("/x", None) == link("b")
    routes.remove(link("b"))
    assert routes.is_empty


def test_a_path_leads_to_one_component():
    routes = Routes("path")
    routes.add(link("a"), "/a")
    with pytest.raises(ProviderFailed, match="already leads to a"):
        routes.add(link("b"), "/a")
    assert routes.find("/a", None) == link("a")
    assert routes.find("/a/", None) == Refusal(404, "path not found")


def test_a_host_is_compared_as_it_is():
    routes = Routes("host")
    routes.add(link("a"), "a.example:80")
    assert routes.find("/", "a.example:80") == link("a")
    assert routes.find("/", "a.example") == Refusal(404, "host not found")
    assert routes.find("/", None) == Refusal(400, "missing host header")
