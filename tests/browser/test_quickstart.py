"""The quickstart in a real JupyterLab: what a person sees, step by step.

The tests of this module are one journey and run in order; each looks at the screen after one
step. Components beyond the first are left to the headless run of the same notebook.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from playwright.sync_api import FloatRect, Locator, expect

from tests.browser.lab import ROOT, Lab, free_port

NOTEBOOK = ROOT / "notebooks" / "00-quickstart.ipynb"
GRAPH = "%wasmcloud graph"

# Counts the dots that travel along edges; a dot lives for less than a second.
COUNT_PULSES = """() => {
  window.pulses = 0;
  new MutationObserver(changes => {
    for (const change of changes)
      for (const node of change.addedNodes)
        if (node.classList?.contains('wb-pulse')) window.pulses += 1;
  }).observe(document.body, {childList: true, subtree: true});
}"""


@pytest.fixture(scope="module")
def port() -> int:
    return free_port()


@pytest.fixture(scope="module")
def lab(open_lab: Callable[[str, str], Lab], port: int) -> Iterator[Lab]:
    notebook: dict[str, Any] = json.loads(
        NOTEBOOK.read_text().replace("127.0.0.1:8080", f"127.0.0.1:{port}")
    )
    blocking = (
        "# blocks\n"
        "import threading, time\n"
        f"call = lambda: urlopen('http://127.0.0.1:{port}/while-blocked').read()\n"
        "threading.Thread(target=lambda: [time.sleep(1), call(), call()]).start()\n"
        "time.sleep(7)"
    )
    notebook["cells"].append(
        {
            "cell_type": "code",
            "id": "blocks",
            "metadata": {},
            "source": blocking,
            "outputs": [],
            "execution_count": None,
        }
    )
    opened = open_lab("quickstart.ipynb", json.dumps(notebook))
    yield opened
    opened.close_lattice()


@pytest.fixture(scope="module")
def panel(lab: Lab) -> Locator:
    return lab.open_panel()


def graph(lab: Lab) -> Locator:
    """The graph, scrolled into view."""
    shown = lab.output(lab.cell(GRAPH)).locator(".wb-graph")
    shown.wait_for()
    return shown


def card(lab: Lab, name: str) -> Locator:
    return graph(lab).locator(".wb-card", has=lab.page.get_by_text(name, exact=True))


def box(element: Locator) -> FloatRect:
    found = element.bounding_box()
    assert found is not None
    return found


def test_before_the_extension_the_panel_says_what_to_do(lab: Lab, panel: Locator) -> None:
    expect(panel).to_contain_text("The workbench is not loaded in this kernel.")
    expect(panel.get_by_role("button", name="%load_ext workbench")).to_be_visible()


def test_loading_says_one_line_and_the_panel_hears_of_it(lab: Lab, panel: Locator) -> None:
    assert len(lab.run("%load_ext").inner_text().strip().splitlines()) == 1
    expect(panel).to_contain_text("No lattice yet")


def test_up_shows_a_status_card(lab: Lab, panel: Locator) -> None:
    output = lab.run("%wasmcloud up")
    expect(output.locator('[data-workbench="status"] [data-badge^="up in"]')).to_be_visible()
    expect(output).to_contain_text("nats://127.0.0.1:")
    expect(panel.locator('[data-kind="host"] .wbx-item')).to_have_count(1)


def test_the_graph_shows_the_host(lab: Lab) -> None:
    lab.run(GRAPH)
    expect(graph(lab).locator(".wb-card.wb-host")).to_have_count(1)
    expect(graph(lab).locator(".wb-phase")).to_have_text("live")
    lab.screenshot("1-graph-empty-host")


def test_a_component_is_built_while_its_cell_says_how_far_it_is(lab: Lab) -> None:
    index = lab.cell("%%wasmcloud component hello")
    lab.start(index)
    output = lab.output(index)
    expect(output.locator("[data-workbench]").first).to_be_visible()
    lab.screenshot("2-building")
    lab.finish(index)
    expect(output.locator('[data-workbench="built"]')).to_contain_text("cell://hello")


def test_the_deploy_cell_ends_at_deployed(lab: Lab) -> None:
    output = lab.run("%%wasmcloud deploy")
    expect(output.locator('[data-badge^="Deployed in"]')).to_be_visible()
    states = output.locator("[data-state]")
    expect(states).to_have_count(3)
    assert {s.get_attribute("data-state") for s in states.all()} == {"deployed"}
    lab.screenshot("3-deployed")


def test_the_graph_has_grown_inside_the_host(lab: Lab) -> None:
    for name in ("hello", "httpserver"):
        expect(card(lab, name)).to_have_attribute("data-status", "running")
    host, hello, http = (
        box(graph(lab).locator(".wb-host")),
        box(card(lab, "hello")),
        box(card(lab, "httpserver")),
    )
    for inside in (hello, http):
        assert host["x"] < inside["x"]
        assert inside["x"] + inside["width"] < host["x"] + host["width"]
        assert host["y"] + host["height"] <= inside["y"]
    assert http["x"] + http["width"] < hello["x"], "the caller stands left of the called"
    expect(graph(lab).locator(".wb-edge-label")).to_have_text("wasi:http")
    expect(graph(lab).locator(".wb-app")).to_contain_text("deployed")
    lab.page.wait_for_timeout(400)
    lab.screenshot("4-graph-deployed")


def test_calls_pulse_on_the_edge_and_are_listed(lab: Lab) -> None:
    graph(lab)
    lab.page.evaluate(COUNT_PULSES)
    assert "Hello from /direct" in lab.run("%wasmcloud http").inner_text()
    assert "Hello from /through-the-port" in lab.run("from urllib").inner_text()
    shown = graph(lab)
    lab.page.wait_for_function("() => window.pulses >= 2")
    assert int(shown.get_attribute("data-calls") or 0) >= 2
    expect(card(lab, "this notebook")).to_be_visible()
    traffic = lab.run("%wasmcloud traffic")
    for text in ("httpserver", "GET /through-the-port", "GET /direct", "HTTP 200", "ms"):
        expect(traffic).to_contain_text(text)
    lab.screenshot("5-traffic")


def test_the_graph_lives_on_while_a_cell_blocks(lab: Lab) -> None:
    before = int(graph(lab).get_attribute("data-calls") or 0)
    blocked = lab.cell("# blocks")
    lab.start(blocked)
    graph(lab)
    lab.page.wait_for_function(
        """before => {
          const kernel = window.jupyterapp.shell.currentWidget.sessionContext.session.kernel;
          const graph = document.querySelector('.wb-graph');
          return kernel.status === 'busy' && Number(graph?.dataset.calls) >= before + 2;
        }""",
        arg=before,
        timeout=6_000,
    )
    lab.screenshot("6-pulse-while-blocked")
    lab.finish(blocked)


def test_the_panel_lists_everything_and_a_click_writes_code(lab: Lab, panel: Locator) -> None:
    for kind in ("host", "component", "provider", "link", "app"):
        expect(panel.locator(f'[data-kind="{kind}"] .wbx-item')).to_have_count(1)
    count = len(lab.sources())
    panel.locator('[data-kind="component"] .wbx-item').click()
    lab.page.wait_for_function(
        "count => window.jupyterapp.shell.currentWidget.content.widgets.length === count + 1",
        arg=count,
    )
    assert 'lattice.component("hello")' in lab.sources()


def test_both_themes_are_drawn_in_their_own_colours(lab: Lab) -> None:
    papers: list[str] = []
    for theme in ("JupyterLab Dark", "JupyterLab Light"):
        lab.theme(theme)
        shown = graph(lab)
        lab.page.wait_for_timeout(300)
        papers.append(
            shown.locator(".wb-stage").evaluate("stage => getComputedStyle(stage).backgroundColor")
        )
        lab.screenshot(f"7-graph-{theme.split()[-1].lower()}")
    assert papers == ["rgb(17, 17, 17)", "rgb(255, 255, 255)"]


def test_a_card_takes_the_keyboard_and_shows_its_details(lab: Lab) -> None:
    details, http, hello = (
        graph(lab).locator(".wb-details"),
        card(lab, "httpserver"),
        card(lab, "hello"),
    )
    http.focus()
    expect(details).to_contain_text("httpserver")
    lab.page.keyboard.press("ArrowRight")
    expect(hello).to_be_focused()
    expect(details).to_contain_text("running")


def test_a_second_host_joins_and_the_work_moves_when_the_first_stops(lab: Lab) -> None:
    lab.run("%wasmcloud up --hosts 2")
    expect(graph(lab).locator(".wb-card.wb-host")).to_have_count(2)
    lab.page.wait_for_timeout(500)
    lab.screenshot("8-two-hosts")
    lab.run("first =")
    lab.run("%wasmcloud app status")
    expect(graph(lab).locator(".wb-card.wb-host")).to_have_count(1)
    expect(card(lab, "hello")).to_be_visible()


def test_down_leaves_a_last_picture_and_says_so(lab: Lab, panel: Locator) -> None:
    lab.run("%wasmcloud down")
    expect(graph(lab).locator(".wb-phase")).to_have_text("not live")
    expect(panel).to_contain_text("Lattice is down")
    lab.screenshot("9-down")
    assert lab.problems == []
