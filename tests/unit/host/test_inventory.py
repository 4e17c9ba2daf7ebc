import pytest

from workbench.host.components import limits_view
from workbench.host.inventory import without_credentials


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("nats://user:pass@127.0.0.1:4222", "nats://127.0.0.1:4222"),
        ("nats://127.0.0.1:4222", "nats://127.0.0.1:4222"),
        ("tok@host:4222", "nats://host:4222"),
    ],
)
def test_a_ping_never_tells_credentials(url, shown):
    assert without_credentials(url) == shown


@pytest.mark.parametrize(
    ("given", "shown"),
    [
        (None, None),
        ({}, {}),
        ({"max_memory_limit": "x"}, {}),
        ({"max_memory_limit": "1024", "other": "1"}, {"max_memory_limit": "1024"}),
        ({"max_execution_time": "\u00b2"}, {}),
    ],
)
def test_limits_show_what_is_usable(given, shown):
    assert limits_view(given) == shown
