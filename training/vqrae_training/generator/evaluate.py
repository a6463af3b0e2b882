"""Judge a generator's samples by guidance scale: a probe judges classes, pixels judge shapes and colours.

    python -m vqrae_training generator evaluate models/vqrae-tiny-generator/llm.gguf --ids runs/ids \
        --tokenizer models/vqrae-tiny --judges --scales 1 2 3 5 --json figures.json

A run's folder will do too: it knows its ids and tokenizer. The command prints a Markdown table. With --judges it also prints how
often the judges are right about real pictures and about reconstructions.
"""

from __future__ import annotations

import argparse
import json
import random
from pathlib import Path

import torch
from PIL import Image

from ..data.sources import spread
from ..errors import UserError
from ..language.gguf_file import read_gguf
from ..models.checkpoint import load_checkpoint
from ..models.vqrae import VQRAE
from .corpus import Corpus, Photo, read_corpus
from .drawn import Drawing, combinations, draw, placements
from .export import Sampling, load_run
from .figures import class_accuracy, drawing_accuracy, likeness_figures
from .probe import ClassProbe, embed
from .prompts import class_prompt, drawn_prompt, reworded_prompt
from .sample import pictures, sample_ids
from .sequences import describe_vocabulary
from .shards import Captioned
from .sheet import contact_sheet

BATCH = 40  # pictures of one sampling batch
REWORDED = "drawings_reworded"
JUDGED = 120  # photos, and drawings, that the judges are tried on


def judges(corpus: Corpus, probe: ClassProbe, tokenizer: VQRAE) -> dict:
    """Try the judges on real pictures, and on the same after the tokenizer and back."""
    rows = spread(corpus.rows(Photo, "val"), JUDGED)
    drawn = spread(corpus.rows(Drawing, "train") + corpus.rows(Drawing, "val"), JUDGED)
    labels, shapes = [corpus.items[row].label for row in rows], [corpus.items[row] for row in drawn]
    size, grid = tokenizer.encoder.image_size, tokenizer.encoder.grid
    drawings = [draw(d, size, grid) for d in shapes]
    decode = lambda ids: pictures(tokenizer, torch.from_numpy(ids.astype("int64")))
    return {
        "photos": class_accuracy(probe, corpus.features[rows], labels),
        "photos_reconstructed": class_accuracy(probe, embed(tokenizer, decode(corpus.ids[rows]))[1], labels),
        "photos_memory": likeness_figures(corpus.ids[rows], corpus),
        "drawings": drawing_accuracy(drawings, shapes, grid),
        "drawings_reconstructed": drawing_accuracy(decode(embed(tokenizer, drawings)[0]), shapes, grid),
    }


class Sampler:
    def __init__(self, source: str, ids: str | None, tokenizer: str | None, best_of: int = 1):
        """source: a run's folder, or an exported .gguf file with the folders that it came from. best_of: as of `sample_ids`."""
        self.best_of = best_of
        if source.endswith(".gguf"):
            if not (ids and tokenizer):
                missing = "--tokenizer" if ids else "--ids"
                raise UserError(f"Expected --ids and --tokenizer for {source} but received no {missing}")
            self.model, text = read_gguf(source)
            self.vocabulary, self.corpus = describe_vocabulary(text), read_corpus(ids)
        else:
            self.model, sequences, config = load_run(source)
            self.vocabulary, self.corpus, tokenizer = sequences.vocabulary, sequences.corpus, config.tokenizer
        self.tokenizer = load_checkpoint(tokenizer).eval()

    def __call__(self, prompts: list[str], s: Sampling, seed: int) -> tuple[torch.Tensor, list[Image.Image]]:
        count, parts = self.corpus.ids.shape[1], range(0, len(prompts), BATCH)
        draws = [
            sample_ids(self.model, self.vocabulary, prompts[i : i + BATCH], count, s, seed + i, self.best_of) for i in parts
        ]
        ids = torch.cat(draws)
        return ids, pictures(self.tokenizer, ids)


Shown = list[tuple[Image.Image, str]]  # pictures and their prompts


def measure(
    sampler: Sampler, probe: ClassProbe, s: Sampling, per_class: int, captions: int, drawings: int, reworded: int, seed: int
) -> tuple[dict, Shown]:
    """Sample photos of every class, photos of held-out captions, drawings, half of them of held-out combinations, and drawings in
    other words. Returns the figures and all these pictures."""
    corpus, grid = sampler.corpus, sampler.tokenizer.encoder.grid
    result: dict = {"sampling": vars(s) | {"best_of": sampler.best_of}}
    shown: Shown = []
    if per_class:
        labels = [label for label in corpus.labels for _ in range(per_class)]
        prompts = [class_prompt(label) for label in labels]
        ids, images = sampler(prompts, s, seed)
        shown += zip(images, prompts, strict=True)
        own = embed(sampler.tokenizer, images)[1]
        result["photos"] = class_accuracy(probe, own, labels)
        result["photos_memory"] = likeness_figures(ids.numpy(), corpus)
    if captions:
        rows = spread(corpus.rows(Captioned, "val"), captions)
        prompts = [corpus.captions[corpus.items[row].name][0] for row in rows]
        ids, images = sampler(prompts, s, seed)
        shown += zip(images, prompts, strict=True)
        result["captions_memory"] = likeness_figures(ids.numpy(), corpus)
    parts = [("drawings", "train", drawings // 2), ("drawings_held_out", "val", drawings // 2), (REWORDED, "train", reworded)]
    every = [placements(combination, grid)[0] for combination in sorted(combinations())]
    for name, split, count in parts:
        if not count:
            continue
        one_each = [drawing for drawing in every if drawing.split == split]
        wanted = spread(one_each * -(-count // len(one_each)), count)
        rng = random.Random(seed)
        prompts = [reworded_prompt(d, rng) if name == REWORDED else drawn_prompt(d) for d in wanted]
        images = sampler(prompts, s, seed)[1]
        shown += zip(images, prompts, strict=True)
        result[name] = drawing_accuracy(images, wanted, grid)
    return result, shown


def table(ceiling: dict | None, measured: list[dict]) -> str:
    percent = lambda share: f"{100 * share:.1f} %"
    parts = ["shape", "colour", "shape and colour", "size", "background", "all four"]
    head = ["pictures", "class top-1", "training photos again", *parts]
    keys = ("shape", "colour", "shape_and_colour", "size", "background", "all")
    rows = [head, ["---"] * len(head)]

    def row(name: str, photos: dict | None, memory: dict | None, drawn: dict | None) -> None:
        of = lambda figures, key: f"{percent(figures[key])} of {figures['images']}" if figures else ""
        cells = [of(photos, "top1"), of(memory, "remembered")]
        rows.append([name, *cells, *([percent(drawn[k]) for k in keys] if drawn else [""] * len(keys))])

    if ceiling:
        row("real", ceiling["photos"], ceiling["photos_memory"], ceiling["drawings"])
        row("reconstructed", ceiling["photos_reconstructed"], None, ceiling["drawings_reconstructed"])
    for m in measured:
        s = m["sampling"]
        name = f"guidance {s['guidance_scale']:g}, T {s['temperature']:g}, top-p {s['top_p']:g}, top-k {s['top_k']}"
        name += f", best of {s['best_of']}" if s["best_of"] > 1 else ""
        row(name, m.get("photos"), m.get("photos_memory"), m.get("drawings"))
        if "captions_memory" in m:
            row("the same, held-out captions", None, m["captions_memory"], None)
        if "drawings_held_out" in m:
            row("the same, held-out combinations", None, None, m["drawings_held_out"])
        if REWORDED in m:
            row("the same, in other words", None, None, m[REWORDED])
    return "\n".join(f"| {' | '.join(r)} |" for r in rows)


def main(argv: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    add = parser.add_argument
    add("source", help="an exported .gguf file, or the folder of a run")
    add("--ids", help="for a .gguf file: the folder that `generator ids` wrote")
    add("--tokenizer", help="for a .gguf file: the vision tokenizer's checkpoint folder")
    add("--judges", action="store_true", help="try the judges on real pictures too")
    add("--scales", type=float, nargs="*", default=[], help="of guidance")
    for name in ("temperature", "top_p", "top_k"):
        value = getattr(Sampling(), name)
        add(f"--{name.replace('_', '-')}", type=type(value), default=value)
    add("--best-of", type=int, default=1, help="draw each so often, and keep the likeliest")
    add("--per-class", type=int, default=8, help="samples of each class")
    add("--captions", type=int, default=0, help="samples of captions that training never showed")
    add("--drawings", type=int, default=100, help="samples of drawings, half of them of held-out combinations")
    add("--reworded", type=int, default=0, help='samples of drawings asked for in other words, such as "Draw a red star."')
    add("--seed", type=int, default=0)
    add("--threads", type=int, default=1)
    add("--json", help="file for all figures")
    add("--picture", help="file for a sheet of all samples at the first scale")
    args = parser.parse_args(argv)
    torch.set_num_threads(args.threads)
    sampler = Sampler(args.source, args.ids, args.tokenizer, args.best_of)
    probe = ClassProbe(sampler.corpus)
    settings = [Sampling(scale, args.temperature, args.top_p, args.top_k) for scale in args.scales]
    ceiling, measured = None, []

    def report() -> None:
        print(table(ceiling, measured) + "\n", flush=True)  # so far: this takes long
        if args.json:
            Path(args.json).write_text(json.dumps({"judges": ceiling, "samples": measured}, indent=1) + "\n")

    for i, s in enumerate(settings):
        figures, shown = measure(sampler, probe, s, args.per_class, args.captions, args.drawings, args.reworded, args.seed)
        measured.append(figures)
        report()
        if args.picture and i == 0:
            contact_sheet(*map(list, zip(*shown, strict=True))).quantize().save(args.picture, optimize=True)  # a palette: a third
    if args.judges:
        ceiling = judges(sampler.corpus, probe, sampler.tokenizer)
        report()
