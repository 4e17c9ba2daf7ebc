"""Named inline styles.

Inline, because a saved notebook that is opened untrusted loses ``<style>`` elements but keeps
these. Colours are JupyterLab's variables; their fallbacks read well on light and on dark paper.
"""

from __future__ import annotations

__all__ = ["STYLES", "TONES"]

_LINE = "var(--jp-border-color2,rgba(128,128,128,.3))"
_QUIET = "var(--jp-ui-font-color2,#6e7781)"
_CODE = "font-family:var(--jp-code-font-family,ui-monospace,monospace);font-size:12px"

# What a state says: text colour, used with a faint background of the same hue.
TONES: dict[str, str] = {
    "good": "var(--jp-success-color1,#2e7d32)",
    "busy": "var(--jp-info-color1,#0277bd)",
    "warn": "var(--jp-warn-color1,#c75100)",
    "bad": "var(--jp-error-color1,#c62828)",
    "quiet": _QUIET,
}

STYLES: dict[str, str] = {
    "card": f"border:1px solid {_LINE};border-radius:6px;padding:12px 16px;margin:2px 0;"
    "max-width:860px;font-family:var(--jp-ui-font-family,system-ui,sans-serif);font-size:13px;"
    "line-height:1.45;color:var(--jp-ui-font-color1,inherit)",
    "gap": "margin-left:18px",
    "slim": "padding:6px 14px 6px 8px",
    "head": "display:flex;align-items:center;gap:10px;margin-bottom:8px",
    "title": "font-weight:600;font-size:14px;overflow-wrap:anywhere",
    "quiet": f"color:{_QUIET}",
    "small": "font-size:12px",
    "mono": _CODE,
    "code": f"{_CODE};background:var(--jp-layout-color2,rgba(128,128,128,.12));"
    "padding:1px 6px;border-radius:3px;overflow-wrap:anywhere",
    "block": f"{_CODE};white-space:pre-wrap;overflow-wrap:anywhere;max-height:320px;overflow:auto;"
    "margin:6px 0 0;padding:8px 10px;border-radius:4px;"
    "background:var(--jp-layout-color2,rgba(128,128,128,.12))",
    "log": f"{_CODE};padding:4px 0 4px 2px;max-width:860px",
    "logline": "white-space:pre-wrap;overflow-wrap:anywhere",
    "section": "margin-top:8px",
    "signatures": f"{_CODE};white-space:pre-wrap;overflow-wrap:anywhere;margin:2px 0 4px;"
    "padding:0 0 0 14px;background:none;border:0;color:inherit",
    "summary": f"cursor:pointer;color:{_QUIET};font-size:12px",
    "facts": "display:grid;grid-template-columns:max-content 1fr;gap:3px 16px;margin:0",
    "fact-name": f"color:{_QUIET};margin:0;font-weight:400;width:auto;float:none;white-space:nowrap",
    "fact-value": "margin:0;width:auto;float:none;min-width:0;overflow-wrap:anywhere",
    "table": "border-collapse:collapse;border:0;margin:0;font-size:13px;table-layout:auto",
    "th": f"text-align:left;font-weight:600;padding:4px 18px 4px 0;border:0;"
    f"border-bottom:1px solid {_LINE};color:{_QUIET};background:none;white-space:nowrap",
    "td": f"text-align:left;vertical-align:top;padding:4px 18px 4px 0;border:0;"
    f"border-bottom:1px solid {_LINE};max-width:360px;overflow-wrap:break-word;"
    "background:none;white-space:normal",
    "scroll": "overflow-x:auto",
    "wide": "max-width:none",
    "number": "text-align:right;font-variant-numeric:tabular-nums;white-space:nowrap",
    "tr": "background:none",
    "badge": "display:inline-block;border-radius:10px;padding:1px 9px;font-size:12px;"
    "font-weight:600;border:1px solid currentColor;white-space:nowrap",
    "note": f"margin-top:8px;color:{_QUIET}",
    "steps": "margin:0;padding:0;list-style:none",
    "step": "display:flex;gap:10px;align-items:baseline;padding:2px 0",
    "mark": "flex:none;width:14px;text-align:center;font-weight:600",
    "grow": "flex:1;min-width:0;overflow-wrap:anywhere",
    "track": "height:4px;border-radius:2px;overflow:hidden;margin-top:8px;"
    "background:var(--jp-layout-color3,rgba(128,128,128,.25))",
    "pre": f"{_CODE};white-space:pre-wrap",
    **{f"tone-{name}": f"color:{colour}" for name, colour in TONES.items()},
    # Widths of a progress bar in twentieths: a number from outside never gets into a style.
    **{
        f"bar-{step}": f"height:100%;width:{step * 5}%;background:var(--jp-brand-color1,#1976d2)"
        for step in range(21)
    },
}
