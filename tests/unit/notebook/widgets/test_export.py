"""The static page."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

from workbench.notebook.widgets.export import export_html

HOSTILE = "</script><script>alert(1)</script><img src=x onerror=alert(2) href=y>\u202e\n"


def graph(name: str) -> dict[str, Any]:
    host = {"id": "host:N", "kind": "host", "label": name, "parent": None, "status": "running"}
    component = {
        "id": f"component:N/{name}",
        "kind": "component",
        "label": name,
        "parent": "host:N",
    }
    return {
        "seq": 1,
        "lattice": name,
        "nodes": [
            {**host, "detail": {name: name}},
            {**component, "status": "failed", "detail": {"image": name}},
        ],
        "edges": [
            {
                "id": "e",
                "source": f"component:N/{name}",
                "target": f"component:N/{name}",
                "kind": "link",
                "label": name,
                "detail": {},
            }
        ],
    }


def test_the_page_needs_no_network(tmp_path: Path) -> None:
    page = export_html(graph("hello"), tmp_path / "deep" / "graph.html").read_text()
    assert not re.search(r"<(?:script|link|img|iframe)\b[^>]*(?:src|href)\s*=", page)
    assert "default-src 'none'" in page
    assert "brave" not in page and "hello" in page


def test_nothing_in_a_name_gets_out_of_its_text(tmp_path: Path) -> None:
    page = export_html(graph(HOSTILE), tmp_path / "graph.html").read_text()
    assert "<script>alert" not in page
    assert "<img src=x" not in page
    scripts = re.findall(r"<script[^>]*>", page)
    assert len(scripts) == len(
        re.findall(
            "<script[^>]*>", export_html(graph("plain"), tmp_path / "plain.html").read_text()
        )
    )


def test_one_odd_word_does_not_turn_titles_into_html(tmp_path: Path) -> None:
    page = export_html(graph(HOSTILE), tmp_path / "graph.html").read_text()
    assert "popup.innerHTML" not in page


def test_ten_thousand_characters_are_cut(tmp_path: Path) -> None:
    page = export_html(graph("x" * 10_000), tmp_path / "graph.html").read_text()
    assert "x" * 300 not in page


def test_a_host_is_a_frame_around_its_things(tmp_path: Path) -> None:
    page = export_html(graph("hello"), tmp_path / "graph.html").read_text()
    (frames,) = re.findall(r"var frames = (\[.*?\]);", page)
    (frame,) = json.loads(frames)
    (node,) = json.loads(re.findall(r"nodes = new vis.DataSet\((\[.*?\])\);", page)[0])
    assert frame["label"] == "hello" and node["label"] == "hello\ncomponent"
    assert frame["x"] < node["x"] < frame["x"] + frame["width"]
    assert frame["y"] < node["y"] < frame["y"] + frame["height"]
