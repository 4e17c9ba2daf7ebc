"""Names from strangers, in everything a person sees: shown as text, and nothing else.

Any peer of a lattice may announce any id, label or name. Here a stranger announces a host, a
component, a provider, links and a configuration whose names are markup, scripts, ten thousand
characters, line breaks and bidirectional controls.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import Locator, expect

from tests.browser.lab import Lab

MARKUP = "<img src=x onerror=window.pwned=1>"
SCRIPT = "</script><script>window.pwned=2</script>"
LONG = "x" * 10_000
REORDERED = "abc\\u202edcba\\nline two\\u0007"

STRANGER = f"""# a stranger
from workbench.wire import events, subjects
from workbench.wire.control import ComponentEntry, Inventory, ProviderEntry
from workbench.wire.records import ComponentSpec, Link, component_key, encode

markup, script, long, reordered = {MARKUP!r}, {SCRIPT!r}, {LONG!r}, "{REORDERED}"
inventory = Inventory(
    host_id="NSTRANGER", friendly_name=markup, labels={{markup: script}}, version=markup,
    components=(
        ComponentEntry(id=markup, image_ref=script, max_instances=3),
        ComponentEntry(id=long, image_ref=long, max_instances=1),
        ComponentEntry(id=reordered, image_ref=reordered, max_instances=1),
    ),
    providers=(ProviderEntry(id=script, image_ref=markup),),
)
beat = events.host_heartbeat("NSTRANGER", inventory)
inner = lattice._aio
run = lattice._portal.run
run(inner.nc.publish(subjects.events("default", "host_heartbeat"), beat))
link = Link(source_id=script, target=markup, name=markup, wit_namespace="wasi",
            wit_package=markup, interfaces=(script,))
bucket = run(inner.nc.js.bucket("LATTICEDATA_default"))
run(bucket.put(component_key("stranger"), encode(ComponentSpec(markup, (link,)))))
run(inner.observer.wait_for(lambda state: "NSTRANGER" in state.hosts and state.links,
                            timeout_s=10))
"""

CELLS = [
    "%load_ext workbench",
    "%wasmcloud up",
    "%wasmcloud graph",
    STRANGER,
    "%wasmcloud status",
    "%wasmcloud get hosts",
    "%wasmcloud get components",
    "%wasmcloud get providers",
    "%wasmcloud get links",
    "%wasmcloud events",
    "%wasmcloud doctor",
    f"%wasmcloud explain '{MARKUP}' '{SCRIPT}' wasi:http/types",
    f"%wasmcloud scale '{MARKUP}' many",
    "lattice",
]


@pytest.fixture(scope="module")
def lab(open_lab: Callable[[str, str], Lab]) -> Iterator[Lab]:
    cells = [
        {
            "cell_type": "code",
            "id": f"c{number}",
            "metadata": {},
            "source": source,
            "outputs": [],
            "execution_count": None,
        }
        for number, source in enumerate(CELLS)
    ]
    kernel = {"name": "python3", "display_name": "Python 3", "language": "python"}
    notebook = {
        "cells": cells,
        "metadata": {"kernelspec": kernel},
        "nbformat": 4,
        "nbformat_minor": 5,
    }
    opened = open_lab("hostile.ipynb", json.dumps(notebook))
    opened.open_panel()
    for index in range(len(CELLS)):
        opened.start(index)
        opened.finish(index)
    yield opened
    opened.close_lattice()


@pytest.fixture(scope="module")
def graph(lab: Lab) -> Locator:
    shown = lab.output(2).locator(".wb-graph")
    shown.wait_for()
    return shown


def test_nothing_of_a_name_is_run_or_becomes_an_element(lab: Lab) -> None:
    for index in range(len(CELLS)):
        output = lab.output(index)
        assert output.locator("img, script, iframe").count() == 0, CELLS[index]
    assert lab.page.locator("#workbench-lattice img, #workbench-lattice script").count() == 0
    assert lab.page.evaluate("() => window.pwned") is None
    assert lab.problems == []


def test_markup_is_shown_as_the_text_it_is(lab: Lab, graph: Locator) -> None:
    expect(graph.locator(".wb-component .wb-name", has_text=MARKUP)).to_be_visible()
    expect(graph.locator(".wb-provider .wb-name", has_text=SCRIPT)).to_be_visible()
    expect(lab.output(CELLS.index("%wasmcloud get components"))).to_contain_text(MARKUP)
    expect(lab.page.locator("#workbench-lattice")).to_contain_text(MARKUP)


def test_ten_thousand_characters_stay_in_their_card(lab: Lab, graph: Locator) -> None:
    for card in graph.locator(".wb-card").all():
        assert card.evaluate("card => card.scrollWidth <= card.clientWidth + 1")
    text = lab.output(CELLS.index("%wasmcloud get components")).inner_text()
    assert "x" * 1000 not in text and "more)" in text
    panel = lab.page.locator("#workbench-lattice")
    assert panel.evaluate("panel => panel.scrollWidth <= panel.clientWidth + 1")


def test_what_reorders_or_breaks_lines_is_made_visible(lab: Lab, graph: Locator) -> None:
    expect(graph.locator(".wb-name", has_text="abc\\u202edcba\\u000aline two")).to_be_visible()
    shown = lab.output(CELLS.index("%wasmcloud get components")).inner_text()
    assert "\u202e" not in shown and "abc\\u202edcba\\nline two" in shown


def test_a_click_on_a_hostile_name_writes_one_harmless_line(lab: Lab) -> None:
    for item in lab.page.locator("#workbench-lattice .wbx-item").all():
        item.click()
    written = [source for source in lab.sources() if source not in CELLS]
    assert written
    for source in written:
        assert "\n" not in source and source.isascii()
    lab.screenshot("hostile-names")


def test_the_picture_of_it(lab: Lab, graph: Locator) -> None:
    lab.output(2)
    lab.page.wait_for_timeout(300)
    lab.screenshot("hostile-graph")
