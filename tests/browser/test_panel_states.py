"""What the panel and the graph do when pages and kernels come and go."""

from __future__ import annotations

import json
from collections.abc import Callable

import psutil
import pytest
from playwright.sync_api import Locator, Page, expect

from tests.browser.lab import Lab

CELLS = ["%load_ext workbench", "%wasmcloud up", "%wasmcloud graph", ""]


@pytest.fixture(scope="module")
def lab(open_lab: Callable[[str, str], Lab]) -> Lab:
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
    return open_lab("states.ipynb", json.dumps(notebook))


@pytest.fixture
def panel(lab: Lab) -> Locator:
    return lab.open_panel()


def kernel(page: Page, action: str) -> None:
    page.evaluate(
        """async action => {
          const context = window.jupyterapp.shell.currentWidget.sessionContext;
          if (action === 'shutdown') await context.shutdown();
          else await context.session.kernel.restart();
        }""",
        action,
    )


def test_a_click_on_the_suggestion_goes_into_the_empty_cell(lab: Lab, panel: Locator) -> None:
    lab.page.evaluate(
        "() => { window.jupyterapp.shell.currentWidget.content.activeCellIndex = 3; }"
    )
    panel.get_by_role("button", name="%load_ext workbench").click()
    lab.page.wait_for_function(
        """() => window.jupyterapp.shell.currentWidget.content.widgets[3]
               .model.sharedModel.getSource() === '%load_ext workbench'"""
    )
    assert len(lab.sources()) == len(CELLS)


def test_a_page_that_is_reloaded_finds_the_lattice_again(lab: Lab, panel: Locator) -> None:
    for cell in CELLS[:3]:
        lab.run(cell)
    page = lab.page
    page.evaluate("() => window.jupyterapp.commands.execute('docmanager:save')")
    page.wait_for_timeout(500)
    again = Lab(page, page.url.split("/lab/")[0], "states.ipynb")
    again.problems.clear()
    shown = again.open_panel()
    expect(shown.locator('[data-kind="host"] .wbx-item')).to_have_count(1)
    graph = again.output(2).locator(".wb-graph")
    expect(graph.locator(".wb-card.wb-host")).to_have_count(1)
    expect(graph.locator(".wb-phase")).to_have_text("live")
    again.start(1)
    again.finish(1)
    expect(again.output(1)).to_contain_text("It was up already.")
    assert again.problems == []


def test_a_restarted_kernel_leaves_no_server_and_has_no_extension(lab: Lab, panel: Locator) -> None:
    ours = psutil.Process().children(recursive=True)
    servers = [process for process in ours if process.name() == "nats-server"]
    assert len(servers) == 1
    kernel(lab.page, "restart")
    expect(panel).to_contain_text("The workbench is not loaded in this kernel.")
    _, left = psutil.wait_procs(servers, timeout=10)
    assert left == []


def test_without_a_kernel_the_panel_says_so(lab: Lab, panel: Locator) -> None:
    kernel(lab.page, "shutdown")
    expect(panel).to_contain_text("This notebook has no kernel.")


def test_without_a_notebook_the_panel_says_so(lab: Lab, panel: Locator) -> None:
    # Saved first, or JupyterLab would ask.
    lab.page.evaluate(
        """async () => {
          const panel = window.jupyterapp.shell.currentWidget;
          await panel.context.save();
          panel.close();
        }"""
    )
    expect(panel).to_contain_text("Open a notebook to see the lattice of its kernel.")
