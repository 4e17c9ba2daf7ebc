"""Cross-origin headers."""

from __future__ import annotations

from workbench.providers.http_cors import Cors


def test_by_default_every_origin_may_read_the_answer():
    headers = dict(Cors().response_headers("https://a.example"))
    assert headers["access-control-allow-origin"] == "*"
    assert headers["access-control-expose-headers"] == "*"


def test_a_listed_origin_is_named_and_others_are_not():
    cors = Cors(allowed_origins=("https://a.example",), exposed_headers=("x-a", "x-b"))
    headers = dict(cors.response_headers("https://a.example"))
    assert headers["access-control-allow-origin"] == "https://a.example"
    assert headers["access-control-expose-headers"] == "x-a,x-b"
    assert "access-control-allow-origin" not in dict(cors.response_headers("https://b.example"))
    assert "access-control-allow-origin" not in dict(cors.response_headers(None))


def test_a_preflight_lists_methods_and_headers():
    headers = dict(Cors(allowed_headers=()).preflight_headers(None))
    assert headers["access-control-allow-methods"] == "GET,POST,PUT,DELETE,HEAD,OPTIONS"
    assert headers["access-control-allow-headers"] == "*"
    assert headers["access-control-max-age"] == "300"
