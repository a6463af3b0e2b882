from __future__ import annotations

import json
from collections import Counter
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

pytest.importorskip("matplotlib")

from vqrae_training.engine.monitor import Monitor, pairs_grid  # noqa: E402
from vqrae_training.report.command import main  # noqa: E402
from vqrae_training.report.page import page  # noqa: E402
from vqrae_training.report.pictures import strip  # noqa: E402
from vqrae_training.report.runs import read_runs  # noqa: E402
from vqrae_training.report.summary import summary  # noqa: E402

ORIGINALS = torch.randint(0, 256, (5, 3, 8, 8), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))


def make_run(folder: Path, psnr: float, config: dict | None = None) -> Path:
    """A run as the trainer leaves it, written by the trainer's own monitor; PSNR peaks at step 60."""
    with Monitor(folder, 80, tensorboard=False) as monitor:
        for step in range(10, 81, 10):
            monitor.scalars(step, {"loss": 2 / step, "mse": 4 / step**2, "distill": 0.0, "images_per_s": 20.0 + step})
            if step % 20 == 0:
                best = psnr - abs(step - 60) / 100
                monitor.scalars(step, {"val_psnr": best, "val_ssim": 0.61234, "val_codes": 512, "val_perplexity": 300.4})
                monitor.images(step, "val", pairs_grid(ORIGINALS, ORIGINALS // 2 + step + int(psnr), columns=3))
    if config is not None:
        (folder / "config.json").write_text(json.dumps(config))
    return folder


class Reader(HTMLParser):
    """Collects texts, tags and attributes; fails on tags that are not closed in order."""

    VOID = {"meta", "img", "br"}

    def __init__(self, source: str):
        super().__init__()
        self.open: list[str] = []
        self.texts: list[str] = []
        self.tags: Counter[str] = Counter()
        self.attributes: list[tuple[str, str, str]] = []
        self.feed(source)
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list) -> None:
        self.tags[tag] += 1
        self.attributes += [(tag, name, value) for name, value in attrs]
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list) -> None:
        self.tags[tag] += 1
        self.attributes += [(tag, name, value) for name, value in attrs]

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.texts.append(data.strip())


def test_one_run_as_html_and_png(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run = make_run(tmp_path / "a<b", 21.0, {"codebook": {"size": 1024}, "run": {"steps": 100}})
    main([str(run), "--out", str(tmp_path / "new" / "report.html"), "--png", str(tmp_path / "report.png")])
    assert "1 run," in capsys.readouterr().out
    html = Reader((tmp_path / "new" / "report.html").read_text())
    assert "a<b" in html.texts and "a<b" in html.texts[html.texts.index("a<b") + 1 :]
    for figure in ("20.80", "best 21.00 at step 60", "0.6123", "512", "50 % of 1,024", "300", "80 of 100", "65.0"):
        assert figure in html.texts, figure
    for title in ("PSNR (dB)", "SSIM", "Codes used", "Perplexity of the codes", "MSE, pixels in [-1, 1], log scale"):
        assert title in html.texts, title
    assert "Self-distillation" not in html.texts  # 0 throughout: the run has no such term
    assert html.tags["svg"] == 7 and html.tags["script"] == 0
    assert html.tags["img"] == 1 + 1 + 4  # the last grid; the originals and four validations
    picture = np.asarray(Image.open(tmp_path / "report.png").convert("L"))
    assert picture.shape[1] > 1000 and picture.std() > 10


def test_the_page_needs_no_network(tmp_path: Path) -> None:
    html = Reader(page(read_runs([str(make_run(tmp_path / "run", 20.0))])))
    links = [value for _, name, value in html.attributes if name in ("src", "href", "xlink:href")]
    assert links and all(link.startswith(("data:image/png;base64,", "#")) for link in links)
    ids = [value for _, name, value in html.attributes if name == "id"]
    targets = {link[1:] for link in links if link.startswith("#")}
    assert targets <= set(ids) and len(ids) == len(set(ids))


def test_a_comparison_overlays_runs_and_marks_what_differs(tmp_path: Path) -> None:
    config = {"codebook": {"size": 1024, "dim": 256}, "data": {"train": ["x.tar"]}}
    a = make_run(tmp_path / "simvq", 22.0, config)
    b = make_run(tmp_path / "vq", 20.0, config | {"codebook": {"size": 1024, "dim": 8}})
    source = page(read_runs([str(a), str(b)]))
    html = Reader(source)
    differing = source[source.index("What differs") : source.index("settings that agree")]
    assert "codebook.dim" in differing and ">256<" in differing and ">8<" in differing
    assert "codebook.size" not in differing and "data.train" not in differing
    assert 'class="config differs"' in differing and "2 settings that agree" in source
    assert {"simvq, step 80", "vq, step 80", "The same images by run"} <= set(html.texts)
    assert html.attributes.count(("path", "stroke", "#0082c8")) == 1  # the legend's line of the first run
    psnr = source[source.index('aria-label="PSNR (dB) by step"') :]
    psnr = psnr[: psnr.index("</svg>")]
    assert "#0082c8" in psnr and "#e69f00" in psnr and "currentColor" in psnr and "#010203" not in source


def test_the_best_of_several_runs_is_marked(tmp_path: Path) -> None:
    runs = read_runs([str(make_run(tmp_path / "low", 20.0)), str(make_run(tmp_path / "high", 22.0))])
    cells = dict(summary(runs))["PSNR (dB)"]
    assert [(c.text, c.top) for c in cells] == [("19.80", False), ("21.80", True)]
    assert [c.top for c in dict(summary(runs[:1]))["PSNR (dB)"]] == [False]


def test_a_strip_is_the_first_row_over_steps(tmp_path: Path) -> None:
    run = read_runs([str(make_run(tmp_path / "run", 20.0))])[0]
    grids = [(str(step), Image.open(path)) for step, path in run.pictures]
    (label, originals), *rows = strip(grids)
    assert label == "original" and [label for label, _ in rows] == ["20", "40", "60", "80"]
    wanted = torch.cat(list(ORIGINALS[:3]), 2).permute(1, 2, 0).numpy()
    assert np.array_equal(np.asarray(originals), wanted)
    assert np.array_equal(np.asarray(rows[1][1]), wanted // 2 + 40 + 20)
    assert strip(grids[:1]) == [] and strip([grids[0], ("other", Image.new("RGB", (4, 4)))]) == []
    assert strip([grids[0], ("other originals", Image.new("RGB", grids[0][1].size))]) == []


def test_runs_of_one_name_are_told_apart_by_their_folders(tmp_path: Path) -> None:
    runs = [str(make_run(tmp_path / seed / "vq", 20.0)) for seed in ("seed0", "seed1")]
    assert [run.name for run in read_runs(runs)] == ["seed0/vq", "seed1/vq"]
    with pytest.raises(SystemExit, match="Expected different runs"):
        read_runs([runs[0], runs[0]])


def test_a_run_in_progress_without_config_or_pictures(tmp_path: Path) -> None:
    (tmp_path / "metrics.jsonl").write_text('{"step": 25, "loss": 0.3}\n{"step": 50, "loss": null}\n{"step": 75, "lo')
    html = Reader(page(read_runs([str(tmp_path)])))
    said = " ".join(html.texts)
    assert "last line of metrics.jsonl is cut short" in said and "No config.json" in said
    assert "No validation picture yet" in said and "not logged" in said and "50" in html.texts


@pytest.mark.parametrize(
    ("record", "message"),
    [
        (None, r"Expected metrics.jsonl in a run's folder but received '.*broken' without one"),
        ("", r"Expected at least one line in .*metrics.jsonl but received an empty file"),
        ('{"st', r"Expected .* for line 1 of .*metrics.jsonl but received '\{\"st'"),
        ('{"step": 1}\nnonsense\n{"step": 2}\n', "for line 2 of .*metrics.jsonl but received 'nonsense'"),
        ('{"loss": 1}\n{"step": 2}\n', "for line 1 of .*metrics.jsonl"),
    ],
)
def test_what_is_no_run_is_named(tmp_path: Path, record: str | None, message: str) -> None:
    folder = tmp_path / "broken"
    folder.mkdir()
    if record is not None:
        (folder / "metrics.jsonl").write_text(record)
    with pytest.raises(SystemExit, match=message):
        main([str(folder), "--out", str(tmp_path / "report.html")])
    assert not (tmp_path / "report.html").exists()


def test_other_bad_input_is_named(tmp_path: Path) -> None:
    with pytest.raises(SystemExit, match="nowhere', which is no folder"):
        main([str(tmp_path / "nowhere"), "--out", "report.html"])
    run = make_run(tmp_path / "run", 20.0)
    (run / "config.json").write_text("{")
    with pytest.raises(SystemExit, match="Expected JSON for .*config.json"):
        main([str(run), "--out", str(tmp_path / "report.html")])
    (run / "config.json").unlink()
    (run / "val_000080.png").write_bytes(b"no picture")
    with pytest.raises(SystemExit, match="Expected a picture for .*val_000080.png"):
        main([str(run), "--out", str(tmp_path / "report.html")])
