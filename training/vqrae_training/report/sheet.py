"""The report as one PNG for a chat or a slide: the table, every curve, the last reconstructions. Light background."""

from __future__ import annotations

from pathlib import Path

from matplotlib.figure import Figure, SubFigure
from matplotlib.lines import Line2D
from PIL import Image

from .pictures import last_pictures, strip
from .plots import draw, panels, style
from .runs import Run
from .summary import Cell, summary

WIDTH = 12.6  # inches


def write_sheet(runs: list[Run], path: Path) -> None:
    rows = summary(runs)
    shown = [panel for found in panels(runs).values() for panel in found]
    pictures = strip(last_pictures(runs)) or last_pictures(runs)
    heights = [0.5 + 0.3 * (len(rows) + 1), 0.5 + 2.7 * -(-len(shown) // 3)]
    heights += [0.3 + WIDTH * image.height / image.width for _, image in pictures]
    figure = Figure(figsize=(WIDTH, sum(heights)), layout="constrained")
    parts = figure.subfigures(len(heights), 1, height_ratios=heights)
    table(parts[0], runs, rows)
    for i, panel in enumerate(shown):
        draw(parts[1].add_subplot(-(-len(shown) // 3), 3, i + 1), runs, panel)
    lines = [Line2D([], [], label=run.name, linewidth=2, **style(i)) for i, run in enumerate(runs)]
    parts[1].legend(handles=lines, loc="outside upper left", ncols=min(len(runs), 6), frameon=False)
    for part, (label, image) in zip(parts[2:], pictures, strict=True):
        picture(part, label, image)
    figure.savefig(path, dpi=110, format="png")


def table(part: SubFigure, runs: list[Run], rows: list[tuple[str, list[Cell]]]) -> None:
    axes = part.add_subplot()
    axes.axis("off")
    noted = len(runs) <= 3  # there is no room for the notes of more
    cells = [[cell.text + (f"  ({cell.note})" if cell.note and noted else "") for cell in row] for _, row in rows]
    drawn = axes.table(
        cells,
        rowLabels=[name for name, _ in rows],
        colLabels=[run.name for run in runs],
        loc="center",
        cellLoc="left",
        colLoc="left",
        edges="horizontal",
    )
    for square in drawn.get_celld().values():
        square.set(edgecolor="#d5dae0", linewidth=0.6)
    drawn.auto_set_font_size(False)
    drawn.set_fontsize(9)
    drawn.scale(1, 1.25)
    for i, (_, row) in enumerate(rows):
        for j, cell in enumerate(row):
            drawn[i + 1, j].get_text().set_fontweight("bold" if cell.top else "normal")


def picture(part: SubFigure, label: str, image: Image.Image) -> None:
    axes = part.add_subplot()
    axes.imshow(image, interpolation="antialiased")
    axes.set_title(label, loc="left", fontsize=9)
    axes.axis("off")
