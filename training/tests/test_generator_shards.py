"""The generator's trainer on shards that `vqrae tokenize` wrote."""

import io
import shutil
import subprocess
import tarfile
from pathlib import Path

import numpy as np
import pytest
from generator_runs import SMALL, generator, train
from PIL import Image
from runner import run_here

from vqrae_training.errors import UserError
from vqrae_training.generator.config import TrainSection
from vqrae_training.generator.corpus import encode, read_corpus
from vqrae_training.generator.sequences import Sequences, corpus_prompts, make_vocabulary
from vqrae_training.generator.shards import Captioned, key_of, read_captioned_shards
from vqrae_training.models.checkpoint import load_checkpoint

ROOT = Path(__file__).parents[2]
NODE = ROOT / "node_modules" / ".bin" / "node"
SAID = {"noisy/00.png": ["a grey storm", "snow on a screen"], "plain/00.png": ["one calm colour"]}


def shard(folder: Path, arrays: dict[str, np.ndarray]) -> Path:
    (folder / "shards").mkdir(parents=True)
    with tarfile.open(folder / "shards" / "a.ids.tar", "w") as tar:
        for key, array in arrays.items():
            buffer = io.BytesIO()
            np.save(buffer, array)
            member = tarfile.TarInfo(f"{key}.ids.npy")
            member.size = buffer.tell()
            buffer.seek(0)
            tar.addfile(member, buffer)
    return folder


def table(path: Path, said: dict[str, list[str]]) -> Path:
    path.write_text("".join(f"{name}\t{caption}\n" for name, captions in said.items() for caption in captions))
    return path


def test_a_key_is_webdatasets():
    assert [key_of(name) for name in ("a/b.tar/c.x.jpg", "cat.jpg", "cat")] == ["a/b.tar/c", "cat", "cat"]


def test_views_and_captions_are_read_and_lost_images_passed_over(tmp_path):
    views = np.arange(32, dtype=np.uint16).reshape(2, 16)
    folder = shard(tmp_path / "tokens", {"a": views, "b": np.zeros(0, np.uint16), "uncaptioned": views[0]})
    read = read_captioned_shards(folder, table(tmp_path / "c.tsv", {"a.jpg": ["one", "two"], "b.jpg": ["lost"]}), "train", 16, 64)
    assert read.items == [Captioned("a", "train", 0), Captioned("a", "train", 1)]
    assert read.ids.tolist() == views.tolist() and read.captions == {"a": ["one", "two"]}


@pytest.mark.parametrize(("array", "message"), [(np.zeros(15, np.uint16), "15 ids"), (np.full(16, 64, np.uint16), "ids up to 64")])
def test_shards_of_another_tokenizer_are_refused(tmp_path, array, message):
    folder = shard(tmp_path / "tokens", {"a": array})
    with pytest.raises(UserError, match=message):
        read_captioned_shards(folder, table(tmp_path / "c.tsv", {"a.jpg": ["one"]}), "train", 16, 64)


def test_what_is_missing_is_said(tmp_path):
    with pytest.raises(UserError, match="vqrae tokenize ... --tar"):
        read_captioned_shards(tmp_path, tmp_path / "c.tsv", "train", 16, 64)
    folder = shard(tmp_path / "tokens", {"a": np.zeros(16, np.uint16)})
    with pytest.raises(UserError, match="but received none of them"):
        read_captioned_shards(folder, table(tmp_path / "c.tsv", {"z.jpg": ["one"]}), "train", 16, 64)
    (tmp_path / "bad.tsv").write_text("a.jpg one\n")
    with pytest.raises(UserError, match="image TAB caption"):
        read_captioned_shards(folder, tmp_path / "bad.tsv", "train", 16, 64)


@pytest.mark.skipif(not NODE.exists(), reason="node_modules is absent: run `npm install` in the repository's root")
def test_the_generator_learns_from_what_vqrae_tokenize_wrote(generator_folder, workspace, tmp_path):
    photos = str(workspace / "photos")
    made = [NODE, ROOT / "cli/main.ts", "tokenize", photos, "--out", tmp_path / "tokens", "--tar",
            "--model", generator_folder / "tokenizer"]  # fmt: skip
    result = subprocess.run(made, capture_output=True, text=True)
    assert result.returncode == 0, result.stderr
    captions = str(table(tmp_path / "captions.tsv", SAID))
    folder = tmp_path / "root"
    shutil.copytree(generator_folder / "tokenizer", folder / "tokenizer")
    generator("ids", "--tokenizer", str(folder / "tokenizer"), "--train", photos, "--val", photos, "--out", str(folder / "ids"),
              "--captioned", str(tmp_path / "tokens"), captions, "--captioned-val", str(tmp_path / "tokens"), captions,
              "--set", *SMALL)  # fmt: skip
    corpus = read_corpus(folder / "ids")
    rows = corpus.rows(Captioned, "train")
    assert [corpus.items[row] for row in rows] == [Captioned(name, "train") for name in SAID]
    model = load_checkpoint(folder / "tokenizer").eval()
    wanted = encode(model, [Image.open(workspace / "photos" / name).convert("RGB") for name in SAID])[0]
    assert (corpus.ids[rows] == wanted).mean() > 0.95  # float32 in two libraries: a near tie may go the other way

    s = Sequences(corpus, make_vocabulary(corpus_prompts(corpus), 1024, 64),
                  TrainSection(batch=300, drawn_share=0.3, captioned_share=0.4, prompt_dropout=0))  # fmt: skip
    words = [s.vocabulary.tokenizer.decode(t[: p[0]].tolist()) for t, p in zip(s.batch(0).tokens, s.batch(0).predicting, strict=True)]
    said = [w for w in words if w in {c for captions in SAID.values() for c in captions}]
    assert 90 < len(said) < 150 and len(set(said)) == 3

    train(folder, folder / "run", "train.steps=3", "train.captioned_share=0.5")
    assert "val_captioned_without_words" in (folder / "run" / "metrics.jsonl").read_text()


def test_an_ids_folder_of_other_shards_is_refused(generator_folder, workspace, tmp_path):
    tokens = shard(tmp_path / "tokens", {"noisy/00": np.zeros(16, np.uint16)})
    shutil.copytree(generator_folder / "ids", tmp_path / "ids")
    photos = str(workspace / "photos")
    refused = run_here(["generator", "ids", "--tokenizer", str(generator_folder / "tokenizer"), "--train", photos, "--val", photos,
                        "--out", str(tmp_path / "ids"), "--captioned", str(tokens), str(table(tmp_path / "c.tsv", SAID)),
                        "--set", *SMALL])  # fmt: skip
    assert refused.returncode == 1 and "but received another's" in refused.stderr
