"""Run `python -m vqrae_training generator <ids|train|export|evaluate>`. Each has a --help; docs/vqrae-tiny-generator.md is the
walk."""

from __future__ import annotations

import importlib
import sys

from ..errors import UserError

COMMANDS = {
    "draw": ("draw", "drawings as images, for a tokenizer"),
    "ids": ("ids", "what the generator learns from, under the tokenizer"),
    "train": ("train", "next-token prediction on visual tokens"),
    "export": ("export", "a run as one GGUF file"),
    "evaluate": ("evaluate", "classes, shapes and colours of samples, by guidance scale"),
}


def main(argv: list[str]) -> None:
    name = argv[0] if argv else "--help"
    if name in ("-h", "--help"):
        print("usage: python -m vqrae_training generator <command> [--help]\n")
        print("\n".join(f"  {name:10} {text}" for name, (_, text) in COMMANDS.items()))
        return
    if name not in COMMANDS:
        raise UserError(f"Expected one of {', '.join(COMMANDS)} for generator but received {name!r}")
    sys.argv[0] = f"python -m vqrae_training generator {name}"
    importlib.import_module(f".{COMMANDS[name][0]}", __package__).main(argv[1:])
