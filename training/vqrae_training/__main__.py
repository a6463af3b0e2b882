"""Run `python -m vqrae_training <command>`. `--help` lists the commands, docs/training.md says in which order to use them."""

from __future__ import annotations

import importlib
import os
import sys

from .errors import UserError

COMMANDS = {
    "foundation": ("foundation.distil", "recover a float ViT from the 3-bit DeiT-tiny"),
    "hold-out": ("data.held_out", "take the images of held-out sets out of a training set"),
    "probe-layers": ("probes.layers", "which encoder blocks hold pixels"),
    "probe-output-size": ("probes.output_size", "how many pixels a token should give back"),
    "train": ("train", "stage 1 and stage 2"),
    "transplant": ("transplant", "start on another encoder with the decoder of a trained tokenizer"),
    "export": ("export", "a run as a checkpoint folder that the SDK loads"),
    "import": ("import_weights", "foreign weights under our names"),
    "evaluate": ("evaluate.command", "reconstruction, codebook use and what an encoder knows"),
    "ablate": ("ablations.command", "the paper's findings at small scale"),
    "vlm": ("vlm.command", "a small language model that sees through a frozen tokenizer"),
    "generator": ("generator.command", "a small language model that draws: ids, train, export, evaluate"),
    "report": ("report.command", "one page of a run, or of runs beside one another"),
}


def main(argv: list[str]) -> None:
    name = argv[0] if argv else "--help"
    if name in ("-h", "--help"):
        print("usage: python -m vqrae_training <command> [--help]\n")
        print("\n".join(f"  {name:18} {help}" for name, (_, help) in COMMANDS.items()))
        return
    if name not in COMMANDS:
        raise UserError(f"Expected one of {', '.join(COMMANDS)} for the command but received {name!r}")
    sys.argv[0] = f"python -m vqrae_training {name}"
    importlib.import_module(f".{COMMANDS[name][0]}", __package__).main(argv[1:])


if __name__ == "__main__":
    main(sys.argv[1:])
    if "TORCHELASTIC_RUN_ID" in os.environ:
        # FSDP keeps gloo's threads alive. A thread that asks for the interpreter while it ends would abort a finished rank.
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(0)
