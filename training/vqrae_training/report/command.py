"""Write one HTML file (and, with --png, one picture) about a run, or about several side by side.

    python -m vqrae_training report runs/simvq runs/vq --out report.html --png report.png

A run's folder holds metrics.jsonl and, where the run writes them, config.json and val_*.png. The run may still be in progress.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from .page import page
from .runs import read_runs
from .sheet import write_sheet


def main(argv: list[str]) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("runs", nargs="+", metavar="RUN", help="folder of a run; the first ones get the clearest colours")
    parser.add_argument("--out", required=True, help="the HTML file to write")
    parser.add_argument("--png", help="also write figures, curves and reconstructions as one PNG")
    args = parser.parse_args(argv)
    runs = read_runs(args.runs)
    for path in filter(None, (args.out, args.png)):
        Path(path).parent.mkdir(parents=True, exist_ok=True)
    Path(args.out).write_text(page(runs), encoding="utf-8")
    if args.png:
        write_sheet(runs, Path(args.png))
    print(f"{args.out}: {len(runs)} {'run' if len(runs) == 1 else 'runs'}, {Path(args.out).stat().st_size / 2**20:.1f} MiB")
