"""What the manager makes of foreign bytes: manifests become commands, events become state."""

from __future__ import annotations

from collections.abc import Iterator

from tests.fuzz.target import Target
from tests.golden.wadm import SHOP, recorded, recorded_manifest
from workbench.errors import ManifestError, RemoteError
from workbench.nats import JsMessage
from workbench.wadm.desired import desired
from workbench.wadm.election import read_notice
from workbench.wadm.engine import Engine
from workbench.wadm.feed import Announcement, read_event
from workbench.wadm.observed import HostState, Observed, with_host
from workbench.wadm.reconcile import reconcile
from workbench.wadm.store import state_records
from workbench.wire import manifest
from workbench.wire.jsontext import encode

__all__ = ["TARGETS"]

LATTICE, _ = with_host(Observed(), HostState("H1", {"zone": "a"}))


def _planned(data: bytes) -> None:
    """Whatever reads as a manifest can be planned for, valid or not; the plan is a function."""
    wanted = desired(manifest.parse(data))
    found = reconcile(LATTICE, wanted)
    assert found == reconcile(LATTICE, wanted)


def _observed(data: bytes) -> None:
    """Whatever reads as an event can be folded in, decided on and written down."""
    message = JsMessage("s", data, {}, 1, 1, 1, 0, "", None)  # type: ignore[arg-type] # only read
    news = read_event(message)
    engine = Engine()
    engine.deploy(desired(manifest.parse(SHOP)), 1.0)
    if isinstance(news, Announcement):
        if news.manifest is not None:
            engine.deploy(desired(news.manifest), 1.0)
        else:
            engine.undeploy(news.name, 1.0)
    else:
        engine.observe(news, 1.0)
    engine.run(1.0)
    encode(state_records(engine.observed, engine.heard))


def _manifests() -> Iterator[bytes]:
    yield SHOP.encode()
    for version in ("v1", "v3"):
        yield recorded_manifest(version).encode()


def _events() -> Iterator[bytes]:
    return (line["text"].encode() for line in recorded("event"))


def _notices() -> Iterator[bytes]:
    for kind in ("claim", "active", "goodbye"):
        yield b'{"kind":"%s","id":"x","lattice":"a","since":5,"where":"h"}' % kind.encode()


TARGETS = [
    Target("plan", _planned, _manifests, allowed=(RemoteError, ManifestError), memory_factor=8192),
    Target("lattice-event", _observed, _events, allowed=(RemoteError, ManifestError), memory_factor=8192),
    Target("notice", read_notice, _notices),
]  # fmt: skip
