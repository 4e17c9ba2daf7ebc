"""Verbs for applications: deploy, undeploy, app."""

from __future__ import annotations

import difflib
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from workbench._apps import FAILURE_PATIENCE_S, read_manifest
from workbench.errors import NotFound, UsageError
from workbench.notebook.display.applications import diff_card, preview_card, story_card
from workbench.notebook.display.deploy import deploy_card
from workbench.notebook.display.html import element
from workbench.notebook.display.listing import listing
from workbench.notebook.display.live import LiveDisplay, Ticker
from workbench.notebook.display.records import findings_html, findings_text
from workbench.notebook.display.shown import Shown, card, said
from workbench.notebook.display.text import visible
from workbench.notebook.display.unlinked import unlinked_note
from workbench.notebook.session import Session
from workbench.notebook.verbs.model import Argument, Body, Call, Many, Option, Verb
from workbench.wire.manifest import examine
from workbench.wire.wadm import APPSPEC

if TYPE_CHECKING:
    from workbench import App, Lattice
    from workbench.wire.wadm import Status

__all__ = ["VERBS"]

DEPLOY_TIMEOUT_S = 120.0


def _manifest(call: Call, word: str) -> Any:
    """The manifest of a call: the cell's body, a variable's value, or a file."""
    if call.body is not None and call.body.strip():
        return call.body
    given = call[word]
    if given is None:
        raise UsageError(
            f"`{call.verb.name}` wants a manifest",
            hint="name a file, or write the YAML into a %%wasmcloud cell",
        )
    return Path(given).expanduser() if isinstance(given, str) else given


def deploy(session: Session, call: Call) -> Shown | None:
    """Shows the parts becoming ready, in place; a dry run gives back what would change."""
    if call["wait"] and call["no_wait"]:
        raise UsageError("--wait and --no-wait exclude each other", hint="waiting is the rule")
    source = _manifest(call, "file")
    _warn(source)
    if call["dry_run"]:
        return preview_card(session.lattice.preview(source))
    app = session.lattice.deploy(source)
    if call["no_wait"]:
        LiveDisplay().show(deploy_card(app.name, app.status, ended=True))
    else:
        _follow(app, call["timeout"], timed=True)
        _tell_unlinked(session.lattice, app.name)
    return None


def _tell_unlinked(lattice: Lattice, app: str) -> None:
    """What components of the application would call in vain."""
    components = {c.id for _, c in lattice.state.components() if c.annotations.get(APPSPEC) == app}
    found = [one for name in sorted(components) for one in lattice.unlinked(name)]
    if (note := unlinked_note(found)) is not None:
        LiveDisplay().show(note)


def _warn(source: Any) -> None:
    """Show what a manifest says without effect: it deploys, but not as it was meant."""
    examined = examine(read_manifest(source) if isinstance(source, Path) else source)
    rows = [(False, str(f), f.hint) for f in examined.findings if f.level == "warning"]
    if rows and examined.manifest is not None:
        LiveDisplay().show(Shown(findings_html("Manifest", rows), findings_text("Manifest", rows)))


def _follow(app: App, timeout_s: float, *, timed: bool) -> None:
    """Show the application's parts until it is deployed. `WadmError` if that takes too long."""
    live = LiveDisplay()
    seen: list[Status | None] = [None]

    def draw(elapsed_s: float) -> None:
        live.show(deploy_card(app.name, seen[0], elapsed_s))

    with Ticker(draw) as ticker:
        draw(0.0)
        status = app.wait(
            timeout_s=timeout_s,
            # Who asks to wait may be mending the cause meanwhile.
            patience_s=FAILURE_PATIENCE_S if timed else timeout_s,
            on_status=lambda status: seen.__setitem__(0, status),
        )
    if not status.scalers:
        live.show(
            said(
                f"Application {visible(app.name, 80)} is deployed. It has no part that runs, so "
                "there is nothing to wait for."
            )
        )
        return
    took = ticker.elapsed_s if timed else None
    live.show(deploy_card(app.name, status, took, ended=True))


def undeploy(session: Session, call: Call) -> Shown:
    _known(session.lattice, call["name"]).undeploy()
    name = visible(call["name"], 80)
    return said(f"Application {name} is being taken off; its manifest stays stored.")


def _known(lattice: Lattice, name: str) -> App:
    """The stored application of this name; a manager gives any other a status too."""
    names = [stored.name for stored in lattice.apps]
    if name in names:
        return lattice.app(name)
    near = difflib.get_close_matches(name, names, n=3)
    stored = ", ".join(near or names)
    raise NotFound(
        f"there is no application {name!r}",
        hint=f"stored: {stored}" if stored else "none is stored: `%%wasmcloud deploy` brings one",
        matches=near,
    )


def app(session: Session, call: Call) -> Any:
    action, name = call["action"], call["name"]
    lattice = session.lattice
    if action == "list":
        found = listing("apps", lattice.apps)
        found.note = f"managed by {visible(lattice.keeper(), 200)}"
        return found
    if action == "validate":
        return _validate(call)
    if action == "put":
        stored = lattice.put_manifest(_manifest(call, "name"))
        return said(f"Manifest of {visible(stored.name, 80)} is stored, not deployed.")
    if name is None:
        raise UsageError(
            f"`app {action}` wants the NAME of an application",
            hint="`%wasmcloud app list` lists them",
        )
    chosen = lattice.app(name) if action == "delete" else _known(lattice, name)
    match action:
        case "status" if call["wait"]:
            return _follow(chosen, call["timeout"], timed=False)
        case "status":
            return deploy_card(name, chosen.status, ended=True)
        case "get":
            return _show_manifest(name, chosen.manifest(call["to"]))
        case "history":
            return listing("versions", chosen.versions)
        case "diff":
            return _diff(chosen, call["from"], call["to"])
        case "story":
            return _story(session.lattice, chosen)
        case _:
            gone = chosen.delete()
            what = "is deleted with all its versions" if gone else "was not there"
            return said(f"Application {visible(name, 80)} {what}.")


def _validate(call: Call) -> Shown:
    source = _manifest(call, "name")
    examined = examine(read_manifest(source) if isinstance(source, Path) else source)
    rows = [(False, str(finding), finding.hint) for finding in examined.findings]
    if not rows:
        rows = [(True, "the manifest is fine", "")]
    return Shown(findings_html("Manifest", rows), findings_text("Manifest", rows))


def _diff(chosen: App, old: str | None, new: str | None) -> Shown:
    """Two versions of a manifest; without names the deployed one and the newest."""
    versions = chosen.versions
    newest = new or versions[-1].version
    others = [v.version for v in versions if v.version != newest]
    deployed = next((v.version for v in versions if v.deployed and v.version != newest), None)
    older = old or deployed or (others[-1] if others else None)
    if older is None:
        raise UsageError(
            f"{chosen.name} has one version only",
            hint="a deploy of a changed manifest makes another; "
            "`%wasmcloud deploy FILE --dry-run` shows what it would change",
        )
    texts = [(version, _as_yaml(chosen.manifest(version))) for version in (older, newest)]
    return diff_card(chosen.name, *texts)


def _story(lattice: Lattice, chosen: App) -> Shown:
    if not lattice.wadm:
        raise UsageError(
            "the story is known to a manager of ours only",
            hint="the manager of this lattice runs elsewhere; "
            f"`%wasmcloud app status {chosen.name}` asks it",
        )
    return story_card(chosen.name, chosen.story)


def _show_manifest(name: str, manifest: Any) -> Shown:
    text = manifest if isinstance(manifest, str) else _as_yaml(manifest)
    lines = "\n".join(visible(line, 500) for line in text.split("\n")[:2000])
    html = card(f"Manifest of {visible(name, 80)}", element("pre", lines, style="block"))
    return Shown(html, lines)


def _as_yaml(manifest: Any) -> str:
    import yaml

    plain = json.loads(manifest.to_json()) if hasattr(manifest, "to_json") else manifest
    return yaml.safe_dump(plain, sort_keys=False, allow_unicode=True)


_NAME = Argument(
    "name", "the application, or a manifest for put and validate", Many.MAYBE, (), "app"
)

_TIMEOUT = Option("timeout", "seconds to wait", "S", default=DEPLOY_TIMEOUT_S, number=float)

VERBS = (
    Verb(
        "deploy",
        "store and deploy an application, and watch it become true",
        deploy,
        (Argument("file", "a manifest file, or $variable", Many.MAYBE, (), "file"),),
        (
            Option("wait", "watch until it is deployed, which is the rule"),
            Option("no-wait", "return as soon as the manager has it"),
            Option("dry-run", "only show what would change, and why"),
            _TIMEOUT,
        ),
        Body.MAY,
        (
            "%wasmcloud deploy app.yaml",
            "%wasmcloud deploy app.yaml --dry-run",
            "%%wasmcloud deploy\napiVersion: core.oam.dev/v1beta1\n…",
        ),
    ),
    Verb(
        "undeploy",
        "take an application off the lattice",
        undeploy,
        (Argument("name", "the application", complete="app"),),
    ),
    Verb(
        "app",
        "look at stored applications, or change them",
        app,
        (
            Argument(
                "action",
                choices=(
                    "list",
                    "get",
                    "status",
                    "story",
                    "history",
                    "diff",
                    "put",
                    "delete",
                    "validate",
                ),
            ),
            _NAME,
        ),
        (
            Option("wait", "with status: until it is deployed"),
            Option("from", "with diff: the older version; the deployed one", "VERSION"),
            Option("to", "with get and diff: the version; the newest", "VERSION"),
            _TIMEOUT,
        ),
        body=Body.MAY,
        examples=(
            "%wasmcloud app list",
            "%wasmcloud app status hello",
            "%wasmcloud app story hello",
        ),
    ),
)
