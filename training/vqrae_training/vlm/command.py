"""Run `python -m vqrae_training vlm <command>`: a small language model that sees by a frozen encoder. Each command has --help."""

from __future__ import annotations

import sys

from ..errors import UserError
from . import export, nlvr, pope, rooms, train
from .prepare import copies, named

COMMANDS = {
    "train": train.main,
    "export": export.main,
    "split": nlvr.main,
    "pope": pope.main,
    "rooms": rooms.main,
    "copies": copies.main,
    "named": named.main,
}


def main(argv: list[str]) -> None:
    if not argv or argv[0] in ("-h", "--help"):
        print(f"{__doc__}\n\n    {', '.join(COMMANDS)}")
        return
    if argv[0] not in COMMANDS:
        raise UserError(f"Expected one of {', '.join(COMMANDS)} for vlm but received {argv[0]!r}")
    sys.argv[0] += f" {argv[0]}"
    COMMANDS[argv[0]](argv[1:])
