"""The report as one HTML file: no network, no script, light and dark, on a phone and on a desk."""

from __future__ import annotations

from html import escape

from PIL import Image

from .pictures import data_url, last_pictures, read_picture, strip
from .plots import panels, style, svg
from .runs import Run
from .summary import Cell, summary

CSS = """
:root { color-scheme: light dark; --ink: #1b1f24; --soft: #59626d; --line: #d5dae0; --page: #fff; --mark: #fff0c2 }
@media (prefers-color-scheme: dark) {
  :root { --ink: #e4e7eb; --soft: #9aa4b0; --line: #3a424c; --page: #14171b; --mark: #4a3b0c }
}
body { font: 15px/1.5 system-ui, sans-serif; color: var(--ink); background: var(--page);
  max-width: 1280px; margin: 0 auto; padding: 16px }
h1 { font-size: 1.5rem; margin: 0 0 .5rem }
h2 { font-size: 1.15rem; margin: 2rem 0 .5rem }
h3 { font-size: 1rem; margin: 1.25rem 0 .25rem }
p { margin: .25rem 0; color: var(--soft) }
.legend { display: flex; flex-wrap: wrap; gap: .1rem 1.25rem; padding: .4rem 0; position: sticky; top: 0;
  background: var(--page); z-index: 1 }
.legend svg { width: 28px; height: 10px; margin-right: .4rem }
.wide { overflow-x: auto }
table { border-collapse: collapse; font-variant-numeric: tabular-nums }
th, td { padding: .3rem .9rem .3rem 0; text-align: left; border-bottom: 1px solid var(--line); vertical-align: top }
th { font-weight: 600 } tbody th { font-weight: 400; color: var(--soft) }
.summary td { white-space: nowrap } .summary tbody th { min-width: 6.5rem } td small { color: var(--soft) }
.differs tbody td { background: var(--mark); color: inherit }
.config td { font-family: ui-monospace, monospace; font-size: .85rem; overflow-wrap: anywhere; min-width: 8rem }
.panels { display: grid; grid-template-columns: repeat(auto-fill, minmax(min(100%, 330px), 1fr)); gap: .75rem }
.panels svg { width: 100%; height: auto; font-family: inherit }
img { display: block; width: 100%; min-width: 560px; height: auto }
figure { margin: 0 } figcaption { color: var(--soft); font-size: .85rem; position: sticky; left: 0; padding-top: .2rem }
@media (max-width: 560px) { table { font-size: .85rem } th, td { padding-right: .7rem } }
details summary { cursor: pointer; padding: .25rem 0 }
"""


def page(runs: list[Run]) -> str:
    """Return the whole document."""
    title = runs[0].name if len(runs) == 1 else f"Comparison of {len(runs)} runs"
    charts = "".join(
        f'<section><h2>{heading}</h2><div class="panels">{"".join(svg(runs, panel) for panel in found)}</div></section>\n'
        for heading, found in panels(runs).items()
    )
    notes = "".join(f"<p>{escape(run.name)}: {escape(note)}</p>" for run in runs for note in run.notes)
    return f"""<!DOCTYPE html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>{escape(title)}</title><style>{CSS}</style></head><body>
<h1>{escape(title)}</h1>{notes}
{summary_table(runs)}
{legend(runs)}
{charts}
<section><h2>Reconstructions</h2><p>Rows of originals, each above the row of their reconstructions.</p>
{pictures(runs)}</section>
<section><h2>Configuration</h2>{configuration(runs)}</section>
</body></html>
"""


def legend(runs: list[Run]) -> str:
    if len(runs) == 1:
        return ""
    dashes = {"-": "none", "--": "7 4", ":": "2 3"}
    entries = []
    for i, run in enumerate(runs):
        s = style(i)
        path = f'<path d="M0 5H28" stroke="{s["color"]}" stroke-width="3" stroke-dasharray="{dashes[s["linestyle"]]}"/>'
        entries.append(f'<span><svg viewBox="0 0 28 10" aria-hidden="true">{path}</svg>{escape(run.name)}</span>')
    return f'<div class="legend">{"".join(entries)}</div>'


def table(head: list[str], rows: list[tuple[str, list[str]]], kind: str) -> str:
    """Return a table. rows: (name, cells of HTML)."""
    top = "".join(f'<th scope="col">{escape(name)}</th>' for name in head)
    lines = (f'<th scope="row">{escape(name)}</th>' + "".join(f"<td>{cell}</td>" for cell in cells) for name, cells in rows)
    body = "".join(f"<tr>{line}</tr>\n" for line in lines)
    rows_html = f'<table class="{kind}"><thead><tr><td></td>{top}</tr></thead><tbody>{body}</tbody></table>'
    return f'<div class="wide">{rows_html}</div>'


def summary_table(runs: list[Run]) -> str:
    def html(cell: Cell) -> str:
        text = f"<b>{cell.text}</b>" if cell.top else cell.text
        return text + (f"<br><small>{cell.note}</small>" if cell.note else "")

    return table([run.name for run in runs], [(name, [html(c) for c in cells]) for name, cells in summary(runs)], "summary")


def pictures(runs: list[Run]) -> str:
    parts = []
    grids = {run.name: [(f"step {step:,}", read_picture(path)) for step, path in run.pictures] for run in runs}
    if compared := strip(last_pictures(runs)):
        parts.append(f'<h3>The same images by run</h3><div class="wide">{figures(compared)}</div>')
    if without := [name for name, shown in grids.items() if not shown]:
        parts.append(f"<p>No validation picture yet: {escape(', '.join(without))}.</p>")
    for name, shown in grids.items():
        if not shown:
            continue
        parts.append(f'<h3>{escape(name)}</h3><div class="wide">{figures(shown[-1:])}</div>')
        if evolved := strip(shown):
            opened = " open" if len(runs) == 1 else ""
            rows = f'<div class="wide">{figures(evolved)}</div>'
            parts.append(f"<details{opened}><summary>The first row over the validations</summary>{rows}</details>")
    return "\n".join(parts)


def figures(rows: list[tuple[str, Image.Image]]) -> str:
    return "".join(
        f'<figure><figcaption>{escape(label)}</figcaption><img alt="{escape(label)}" src="{data_url(image)}"></figure>'
        for label, image in rows
    )


def configuration(runs: list[Run]) -> str:
    """List every key of the runs' configurations. Keys that differ come first and are marked."""
    kept = [run for run in runs if run.config]
    without = ", ".join(run.name for run in runs if not run.config)
    missing = f"<p>No config.json: {escape(without)}.</p>" if without else ""
    if not kept:
        return missing
    keys = dict.fromkeys(key for run in kept for key in run.config)
    rows = {key: [escape(run.config.get(key, "")) for run in kept] for key in keys}
    differing = [(key, values) for key, values in rows.items() if len(set(values)) > 1]
    same = [(key, values[:1]) for key, values in rows.items() if len(set(values)) == 1]
    if len(kept) == 1:
        return missing + table([kept[0].name], same, "config")
    what = f"<h3>What differs</h3>{table([run.name for run in kept], differing, 'config differs')}" if differing else ""
    agree = f"{len(same)} settings that agree" if differing else "The runs have the same configuration"
    return f"{missing}{what}<details><summary>{agree}</summary>{table(['every run'], same, 'config')}</details>"
