"""A contact sheet: samples in rows of eight under their prompts."""

from __future__ import annotations

import textwrap

from PIL import Image, ImageDraw

COLUMNS = 8
LINE, LETTER = 12, 6  # pixels of a line's height and of a letter's width in Pillow's own font, about


def contact_sheet(pictures: list[Image.Image], prompts: list[str]) -> Image.Image:
    """Lay out pictures of one size. Neighbours that share a prompt have it once above them."""
    side, rows = pictures[0].width, -(-len(pictures) // COLUMNS)
    lines = {i: textwrap.wrap(prompts[i], _width(prompts, i) * side // LETTER) for i in range(len(prompts)) if _first(prompts, i)}
    caption = 3 + LINE * max(map(len, lines.values()))
    sheet = Image.new("RGB", (COLUMNS * side, rows * (side + caption)), "white")
    pen = ImageDraw.Draw(sheet)
    for i, picture in enumerate(pictures):
        x, y = i % COLUMNS * side, i // COLUMNS * (side + caption)
        if i in lines:
            pen.text((x + 2, y + 1), "\n".join(lines[i]), fill="black", spacing=1)
        sheet.paste(picture, (x, y + caption))
    return sheet


def _first(prompts: list[str], i: int) -> bool:
    return i % COLUMNS == 0 or prompts[i - 1] != prompts[i]


def _width(prompts: list[str], i: int) -> int:
    """Count the pictures from `i` on, in its row, that share its prompt."""
    row = prompts[i : i - i % COLUMNS + COLUMNS]
    return next((n for n, prompt in enumerate(row) if prompt != prompts[i]), len(row))
