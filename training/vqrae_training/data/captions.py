"""Tables of captions: a line `image TAB caption` for each caption, several for an image."""

from __future__ import annotations

from pathlib import Path

from ..errors import UserError


def read_captions(table: str | Path) -> dict[str, list[str]]:
    """Return the captions of each image by its name, in the table's order. Raises UserError for a line without a tab."""
    captions: dict[str, list[str]] = {}
    for line in Path(table).read_text().splitlines():
        name, tab, caption = line.partition("\t")
        if not tab:
            raise UserError(f"Expected `image TAB caption` for every line of {table} but received {line[:60]!r}")
        captions.setdefault(name, []).append(caption)
    return captions
