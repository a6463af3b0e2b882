"""The generator's trainer on a miniature tokenizer: data, loss, resuming, export, sampling."""

import json
import random
from collections import Counter

import gguf
import numpy as np
import pytest
import torch
from generator_runs import SMALL, generator, train
from PIL import Image, ImageOps
from runner import run_here

from vqrae_training.config import load_sections
from vqrae_training.data.images import encoder_view
from vqrae_training.data.sources import Item, read_source
from vqrae_training.errors import UserError
from vqrae_training.generator import corpus as corpus_module
from vqrae_training.generator.config import CorpusSection, GeneratorConfig, TrainSection
from vqrae_training.generator.corpus import (
    Photo,
    build_corpus,
    encode,
    largest_classes,
    list_corpus,
    picture_of,
    read_corpus,
    some_places,
)
from vqrae_training.generator.drawn import BACKGROUNDS, COLOURS, SIZES, Drawing, combinations, draw, held_out, placements
from vqrae_training.generator.export import Sampling, load_run
from vqrae_training.generator.model import build_generator, codebook_embeddings, visual_loss
from vqrae_training.generator.prompts import all_prompts, class_prompt, drawn_prompt
from vqrae_training.generator.sample import choose, sample_ids
from vqrae_training.generator.sequences import Sequences, corpus_prompts, make_vocabulary
from vqrae_training.language.gguf_file import read_gguf, write_gguf
from vqrae_training.models.checkpoint import load_checkpoint


@pytest.fixture
def folder(generator_folder):
    return generator_folder


def sequences(folder, **options) -> Sequences:
    corpus = read_corpus(folder / "ids")
    return Sequences(corpus, make_vocabulary(corpus_prompts(corpus), 1024, 64), TrainSection(**options))


# --- data ---


def test_ids_of_photos_are_the_tokenizers_and_a_second_call_adds_nothing(folder, workspace):
    corpus = read_corpus(folder / "ids")
    row = corpus.rows(Photo, "val")[1]
    model = load_checkpoint(folder / "tokenizer").eval()
    photo = next(i for i in read_source(workspace / "photos") if i.name == corpus.items[row].name)
    pixels = torch.from_numpy(np.asarray(encoder_view(photo.open(), model.encoder.image)).copy()).permute(2, 0, 1)[None].float() / 255
    mean, std = (torch.tensor(v).view(1, 3, 1, 1) for v in (model.encoder.mean, model.encoder.std))
    with torch.no_grad():
        ids = model((pixels - mean) / std).quantized.ids[0]
    assert corpus.ids[row].tolist() == ids.tolist()
    before = (folder / "ids" / "ids.npy").stat().st_mtime_ns
    photos = str(workspace / "photos")
    common = ["--tokenizer", str(folder / "tokenizer"), "--train", photos, "--val", photos, "--out", str(folder / "ids")]
    generator("ids", *common, "--set", *SMALL)
    assert read_corpus(folder / "ids").ids.shape == (2 * (2 * 8 + 4) + len(combinations()), 16)
    assert before == (folder / "ids" / "ids.npy").stat().st_mtime_ns
    refused = run_here(["generator", "ids", *common, "--set", *SMALL, "corpus.seed=5"])
    assert refused.returncode == 1 and "but received another's" in refused.stderr


def test_a_corpus_may_have_photos_alone(folder, workspace, tmp_path):
    photos = str(workspace / "photos")
    common = ["--tokenizer", str(folder / "tokenizer"), "--train", photos, "--val", photos, "--out", str(tmp_path / "ids")]
    generator("ids", *common, "--set", *SMALL, "corpus.drawings=0")
    corpus = read_corpus(tmp_path / "ids")
    assert {type(item) for item in corpus.items} == {Photo}
    assert len(corpus.ids) == len(corpus.items)


def test_stopped_encoding_goes_on_to_the_same_ids(folder, workspace, tmp_path, monkeypatch):
    model, photos = load_checkpoint(folder / "tokenizer").eval(), str(workspace / "photos")
    options, calls = load_sections(GeneratorConfig, "generator/tiny", SMALL).corpus, []

    def stopped_at_the_third(*arguments):
        calls.append(arguments)
        if len(calls) == 3:
            raise KeyboardInterrupt
        return encode(*arguments)

    monkeypatch.setattr(corpus_module, "encode", stopped_at_the_third)
    with pytest.raises(KeyboardInterrupt):
        build_corpus(model, photos, photos, options, tmp_path)
    assert json.loads((tmp_path / "encoded.json").read_text()) == 2 * corpus_module.BATCH
    with pytest.raises(UserError, match="run `generator ids` again"):
        read_corpus(tmp_path)
    build_corpus(model, photos, photos, options, tmp_path)
    assert np.array_equal(read_corpus(tmp_path).ids, read_corpus(folder / "ids").ids)
    assert sorted(f.name for f in tmp_path.iterdir()) == sorted(f.name for f in (folder / "ids").iterdir())


def test_equal_patches_of_drawings_have_the_id_of_their_majority(folder):
    corpus, model = read_corpus(folder / "ids"), load_checkpoint(folder / "tokenizer").eval()
    rows = corpus.rows(Drawing, "train") + corpus.rows(Drawing, "val")
    drawings, chosen, votes = [corpus.items[row] for row in rows], {}, {}
    pictures = [draw(drawing, 32, 4) for drawing in drawings]
    own = np.concatenate([encode(model, pictures[i : i + 32])[0] for i in range(0, len(pictures), 32)])
    for row, drawing, picture, ids in zip(rows, drawings, pictures, own, strict=True):
        pixels = np.asarray(picture)
        for place, code in enumerate(ids.tolist()):
            y, x = (8 * i for i in divmod(place, 4))
            patch = pixels[y : y + 8, x : x + 8]
            key, given = patch.tobytes(), int(corpus.ids[row, place])
            if drawing.split == "train":
                votes.setdefault(key, Counter())[code] += 1
                assert chosen.setdefault(key, (given, bool((patch == patch[0, 0]).all())))[0] == given
            else:
                assert given == (chosen[key][0] if key in chosen else code)
    plain = {key for key, (_, is_plain) in chosen.items() if is_plain}
    assert {k: v for k, (v, p) in chosen.items() if not p} == {k: v.most_common(1)[0][0] for k, v in votes.items() if k not in plain}
    assert len(plain) == len(COLOURS | BACKGROUNDS) and all(chosen[key][0] in votes[key] for key in plain)
    # The encoder gives at least one plain colour several ids; one is left, which decodes to the nearest colour.
    assert max(len(votes[key]) for key in plain) > 1
    for key in plain:
        codes = [code for code, _ in votes[key].most_common(16)]
        with torch.no_grad():
            seen = 255 * model.decode(torch.tensor(codes)[:, None].repeat(1, 16)).mean((2, 3)).numpy()
        distances = ((seen - np.frombuffer(key, np.uint8)[:3]) ** 2).sum(1)
        assert chosen[key][0] == codes[int(distances.argmin())]


def test_train_photos_come_mirrored_too(folder, workspace):
    corpus = read_corpus(folder / "ids")
    model = load_checkpoint(folder / "tokenizer").eval()
    rows = corpus.rows(Photo, "train")
    assert [corpus.items[row].mirrored for row in rows] == [False, True] * 16
    assert not any(corpus.items[row].mirrored for row in corpus.rows(Photo, "val"))
    found = {i.name: i for i in read_source(workspace / "photos")}
    image = found[corpus.items[rows[1]].name].open()
    assert corpus.ids[rows[1]].tolist() == encode(model, [ImageOps.mirror(image)])[0][0].tolist()


def test_what_is_missing_from_an_ids_folder_is_said(folder, tmp_path):
    with pytest.raises(UserError, match="Expected a folder that `generator ids` wrote"):
        read_corpus(tmp_path)
    for file in (folder / "ids").iterdir():
        (tmp_path / file.name).write_bytes(file.read_bytes())
    (tmp_path / "encoded.json").write_text("17")
    with pytest.raises(UserError, match="but received 17: run `generator ids` again"):
        read_corpus(tmp_path)


def test_the_classes_are_the_largest_and_no_background():
    count = {"b": 3, "a": 3, "c": 5, "BACKGROUND_Google": 9, "Faces": 9}
    items = [Item(f"{label}/{i}", label, "") for label, n in count.items() for i in range(n)]
    assert largest_classes(items, 2) == ["c", "a"]


def test_a_tenth_of_the_combinations_is_never_trained_on(folder):
    corpus = read_corpus(folder / "ids")
    share = sum(held_out(*c) for c in combinations()) / len(combinations())
    assert 0.05 < share < 0.15
    shown = {corpus.items[r].combination for r in corpus.rows(Drawing, "train")}
    assert shown == {c for c in combinations() if not held_out(*c)}


def test_no_two_drawings_of_a_corpus_are_alike():
    possible = [len(placements((shape, "red", size, "grey"), 14)) for shape in ("circle", "rectangle") for size in SIZES]
    assert possible == [81, 49, 25, 162, 98, 50]
    drawings = [d for d in list_corpus([], [], CorpusSection(drawings=40), 14) if isinstance(d, Drawing)]
    assert len(set(drawings)) == len(drawings)
    count = Counter(d.combination for d in drawings)
    assert {(c[0] == "rectangle", c[2], n) for c, n in count.items()} == {
        (False, "small", 40), (False, "medium", 40), (False, "large", 25),
        (True, "small", 40), (True, "medium", 40), (True, "large", 40)}  # fmt: skip


def test_captions_tell_shape_and_colour_always_and_are_known_to_the_text_tokenizer():
    drawing = placements(("star", "orange", "small", "grey"), 14)[0]
    assert drawn_prompt(drawing) == "a small orange star on a grey background"
    said = {drawn_prompt(drawing, random.Random(i)) for i in range(2000)}
    plain = {f"{a}{b}" for a in ("an orange star", "a small orange star") for b in ("", " on a grey background")}
    assert plain < said and {"Draw an orange star.", "small orange star", "A picture of a small orange star"} < said
    assert all("orange star" in text.lower() for text in said)
    assert drawn_prompt(Drawing("heart", "red", "medium", "orange", 7, 7)) == "a medium red heart on an orange background"
    known = all_prompts(["ewer", "airplanes"])
    assert said <= set(known) and {class_prompt("ewer"), "an airplane", "A jug."} <= set(known)
    assert {class_prompt("ewer", random.Random(i)) for i in range(100)} <= set(known)


# --- sequences and loss ---


def test_a_batch_is_prompt_boi_ids_and_predicts_ids_and_eoi(folder):
    s = sequences(folder, batch=32, drawn_share=0.5, prompt_dropout=0.25)
    v, batch = s.vocabulary, s.batch(7)
    assert all(torch.equal(a, b) for a, b in zip(batch, s.batch(7), strict=True)) and not torch.equal(batch.labels, s.batch(8).labels)
    silent, texts = 0, set(all_prompts(s.corpus.labels))
    for tokens, predicting, labels in zip(*batch, strict=True):
        start = predicting[0].item()
        silent += start == 0
        assert tokens[start] == v.boi and v.tokenizer.decode(tokens[:start].tolist()) in texts | {""}
        assert torch.equal(predicting, torch.arange(start, start + 17))
        assert labels[-1] == v.eoi and torch.equal(tokens[predicting[1:]], labels[:-1])
        assert (labels[:-1] - v.first).tolist() in s.corpus.ids.tolist()
    assert 2 <= silent <= 16


def test_drawings_lie_around_the_middle_as_the_deviation_says():
    combination = next(c for c in combinations() if c[2] == "small" and c[0] != "rectangle")
    places = placements(combination, 14)
    assert len(places) == 81

    def squared_distance(deviation: float) -> float:
        options = CorpusSection(drawings=1, place_deviation=deviation)
        chosen = [some_places(places, 14, options, random.Random(i))[0] for i in range(1000)]
        return np.mean([(d.x - 7) ** 2 + (d.y - 7) ** 2 for d in chosen])

    assert abs(squared_distance(0) - 2 * 20 / 3) < 1  # nine places a side, all alike
    assert abs(squared_distance(1) - 2) < 0.3
    assert squared_distance(0.01) == 0


def test_a_photo_has_the_same_cuts_each_time_and_no_two_alike():
    photo = Image.fromarray(np.random.default_rng(1).integers(0, 255, (40, 60, 3), np.uint8))
    options, items = CorpusSection(classes=1, views=3), [Item("a/1", "a", ""), Item("a/2", "a", "")]
    listed = list_corpus(items[:1], items[1:], options, 14)
    photos = [i for i in listed if isinstance(i, Photo)]
    assert [(p.split, p.mirrored, p.view) for p in photos] == [
        ("train", False, 0), ("train", True, 0), ("train", False, 1), ("train", False, 2), ("train", False, 3), ("val", False, 0)
    ]  # fmt: skip
    shown = [picture_of(p, photo).tobytes() for p in photos[:5]]
    assert shown == [picture_of(p, photo).tobytes() for p in photos[:5]] and len(set(shown)) == 5
    assert shown[0] == photo.tobytes()


def test_the_loss_counts_visual_tokens_only(folder):
    s = sequences(folder, batch=4)
    torch.manual_seed(0)
    model = build_generator(load_sections(GeneratorConfig, "generator/tiny", SMALL).language, s.vocabulary, None)
    batch = s.batch(0)
    labels = torch.full_like(batch.tokens, -100)
    labels.scatter_(1, batch.predicting[:, 1:], batch.labels[:, :-1])  # transformers shifts by itself
    end = torch.tensor([[s.vocabulary.eoi]] * 4)
    tokens, labels = torch.cat([batch.tokens, end], 1), torch.cat([labels, torch.full_like(end, -100)], 1)
    labels.scatter_(1, batch.predicting[:, -1:] + 1, s.vocabulary.eoi)
    theirs = model(tokens, labels=labels).loss
    assert visual_loss(model, batch).item() == pytest.approx(theirs.item(), rel=1e-5)


def test_embeddings_start_from_the_codebook():
    torch.manual_seed(0)
    codes = torch.randn(64, 16) @ torch.diag(torch.logspace(1, -3, 16))
    rows = codebook_embeddings(codes, 32)
    assert rows.shape == (64, 32) and rows.square().sum(1).mean().item() == pytest.approx(1, abs=1e-4)
    near, mine = torch.cdist(codes, codes).fill_diagonal_(9e9).argmin(1), torch.cdist(rows, rows).fill_diagonal_(9e9)
    rank = (mine < mine.gather(1, near[:, None])).sum(1).float()
    assert rank.median() <= 8  # the nearest of 63 stays among the nearest


# --- training ---


def test_a_stopped_run_goes_on_exactly(folder, tmp_path):
    train(folder, tmp_path / "run", "train.steps=3")
    assert "resumed at step 3" in train(folder, tmp_path / "run", "train.steps=6", "--allow-changes")
    first, second = (torch.load(f / "run" / "last.pt", weights_only=False)["model"] for f in (folder, tmp_path))
    assert all(torch.equal(first[name], second[name]) for name in first)
    steps = [json.loads(line)["step"] for line in (tmp_path / "run" / "metrics.jsonl").read_text().splitlines()]
    assert sorted(set(steps)) == [1, 2, 3, 4, 5, 6]
    with pytest.raises(UserError, match="train.lr"):
        from vqrae_training.generator.train import main

        main(["--tokenizer", str(folder / "tokenizer"), "--ids", str(folder / "ids"), "--out", str(tmp_path / "run"),
              "--set", *SMALL, "train.steps=6", "train.lr=9"])  # fmt: skip


@pytest.mark.parametrize("muon", ["false", "true"])
def test_it_learns(folder, tmp_path, muon):
    train(folder, tmp_path, "train.steps=40", f"train.muon={muon}", "train.lr=1e-2", "train.log_every=5", "train.eval_every=40")
    losses = [m["loss"] for m in map(json.loads, (tmp_path / "metrics.jsonl").read_text().splitlines()) if "loss" in m]
    assert losses[-1] < losses[0] - 0.2


# --- export and sampling ---


def test_the_gguf_file_gives_the_same_logits_and_says_how_to_use_it(folder, tmp_path):
    path = tmp_path / "gen" / "llm.gguf"
    generator("export", str(folder / "run"), "--out", str(path), "--guidance-scale", "2", "--top-k", "5",
              "--top-p", "0.5", "--licence", "for research and education", "--about", "noise")  # fmt: skip
    model, s, _ = load_run(folder / "run")
    read, tokenizer = read_gguf(path)
    batch = s.batch(0)
    with torch.no_grad():
        mine, theirs = model(batch.tokens).logits, read(batch.tokens).logits
    assert (mine - theirs).abs().max() < 1e-2 * mine.abs().max()
    assert tokenizer.encode("a photo of a noisy").ids == s.vocabulary.text("a photo of a noisy")
    fields = gguf.GGUFReader(path).fields
    card = [fields[f"general.{key}"].contents() for key in ("license", "license.name", "description")]
    assert card == ["other", "for research and education", "noise"]
    said = {k.removeprefix("vqrae.visual."): f for k, f in fields.items() if k.startswith("vqrae.visual.")}
    u32, f32, text = gguf.GGUFValueType.UINT32, gguf.GGUFValueType.FLOAT32, gguf.GGUFValueType.STRING
    v = s.vocabulary
    assert {k: (f.types[0], f.contents()) for k, f in said.items()} == {
        "codebook_size": (u32, 64), "first_token": (u32, v.first), "boi_token": (u32, v.boi), "eoi_token": (u32, v.eoi),
        "rows": (u32, 4), "columns": (u32, 4), "tokenizer": (text, "tokenizer"), "prompt_format": (text, "{prompt}"),
        "prompt_case": (text, "sentence"), "unconditional_prompt": (text, ""), "guidance_scale": (f32, 2.0), "temperature": (f32, 1.0), "top_p": (f32, 0.5),
        "top_k": (u32, 5),
    }  # fmt: skip
    assert fields["tokenizer.ggml.tokens"].contents()[v.boi :][:3] == ["<|boi|>", "<|eoi|>", "<|visual_0|>"]
    assert set(fields["tokenizer.ggml.token_type"].contents()[v.boi :]) == {3} and v.boi + 1 == v.eoi == v.first - 1


def test_a_run_starts_from_an_exported_model(folder, tmp_path):
    path = tmp_path / "llm.gguf"
    generator("export", str(folder / "run"), "--out", str(path))
    train(folder, tmp_path / "next", "train.steps=1", "train.lr=0.0", "train.embedding_lr=0.0", f"train.init={json.dumps(str(path))}")
    model, sequences, _ = load_run(tmp_path / "next")
    read, tokenizer = read_gguf(path)
    assert all(torch.equal(tensor, model.state_dict()[name]) for name, tensor in read.state_dict().items())
    assert sequences.vocabulary.tokenizer.get_vocab() == tokenizer.get_vocab()
    paths = ["--tokenizer", str(folder / "tokenizer"), "--ids", str(folder / "ids"), "--out", str(tmp_path / "other")]
    result = run_here(["generator", "train", *paths, "--init", str(path), "--set", *SMALL, "language.layers=1"])
    assert "Expected num_hidden_layers 1 for the language model" in result.stderr and "Traceback" not in result.stderr


def test_a_run_keeps_the_vocabulary_it_starts_from(folder, tmp_path):
    own = load_run(folder / "run")[1].vocabulary.tokenizer.get_vocab()
    paths = ["--tokenizer", str(folder / "tokenizer"), "--ids", str(folder / "ids")]
    for codes in (64, 63):
        path, out = tmp_path / f"{codes}.gguf", tmp_path / f"from-{codes}"
        other = make_vocabulary(["other words, other merges"], 2048, codes)
        write_gguf(path, build_generator(load_sections(GeneratorConfig, "generator/tiny", SMALL).language, other, None), other.tokenizer, "")
        result = run_here(["generator", "train", *paths, "--out", str(out), "--init", str(path), "--set", *SMALL, "train.steps=1"])
        if codes == 63:
            assert "Expected 64 visual ids, as the tokenizer has," in result.stderr and "received 63" in result.stderr
            continue
        assert result.returncode == 0, result.stderr
        assert load_run(out)[1].vocabulary.tokenizer.get_vocab() == other.tokenizer.get_vocab() != own


def test_samples_are_what_whole_forward_passes_give(folder):
    model, s, _ = load_run(folder / "run")
    v, prompts = s.vocabulary, ["a red star", "a photo of a plain", "a large blue circle on a grey background"]
    greedy = sample_ids(model, v, prompts, 16, Sampling(guidance_scale=2.0, temperature=0.0))
    for row, prompt in zip(greedy, prompts, strict=True):
        told, untold = [*v.text(prompt), v.boi], [v.boi]
        for id in row.tolist():
            with torch.no_grad():
                c, u = (model(torch.tensor([t])).logits[0, -1, v.first :] for t in (told, untold))
            guided = u + 2 * (c - u)
            assert guided[id] >= guided.max() - 1e-4
            told, untold = [*told, id + v.first], [*untold, id + v.first]


def test_a_seed_fixes_the_samples(folder):
    model, s, _ = load_run(folder / "run")
    draw_with = lambda seed: sample_ids(model, s.vocabulary, ["a red star"] * 3, 16, Sampling(guidance_scale=1.0, top_p=1.0), seed)
    assert torch.equal(draw_with(1), draw_with(1)) and not torch.equal(draw_with(1), draw_with(2))
    assert len({tuple(r) for r in draw_with(1).tolist()}) == 3


def test_the_best_of_several_is_the_likeliest_without_guidance(folder):
    model, s, _ = load_run(folder / "run")
    v, prompts, setting = s.vocabulary, ["a red star", "a large blue circle"], Sampling(guidance_scale=2.0, top_p=1.0)
    each = sample_ids(model, v, [p for p in prompts for _ in range(4)], 16, setting, seed=3).view(2, 4, 16)
    kept = sample_ids(model, v, prompts, 16, setting, seed=3, best_of=4)

    def likelihood(prompt: str, ids: torch.Tensor) -> float:
        text = [*v.text(prompt), v.boi]
        with torch.no_grad():
            logits = model(torch.tensor([text + (ids[:-1] + v.first).tolist()])).logits[0, len(text) - 1 :, v.first :]
        return logits.log_softmax(-1).gather(1, ids[:, None]).sum().item()

    for prompt, drawn, best in zip(prompts, each, kept, strict=True):
        found = [likelihood(prompt, ids) for ids in drawn]
        assert len(set(found)) == 4
        assert torch.equal(best, drawn[found.index(max(found))])


def test_top_k_and_top_p_leave_the_likeliest():
    logits = torch.log(torch.tensor([[0.5, 0.3, 0.15, 0.05]])).repeat(4000, 1)
    drawn = lambda **o: choose(logits, Sampling(**{"top_p": 1.0} | o), torch.Generator().manual_seed(0))
    shares = lambda ids: torch.bincount(ids, minlength=4) / len(ids)
    assert torch.allclose(shares(drawn()), torch.tensor([0.5, 0.3, 0.15, 0.05]), atol=0.03)
    assert torch.allclose(shares(drawn(top_k=2)), torch.tensor([0.625, 0.375, 0, 0]), atol=0.03)
    assert torch.allclose(shares(drawn(top_p=0.7)), torch.tensor([0.625, 0.375, 0, 0]), atol=0.03)
    assert set(drawn(temperature=0.0).tolist()) == {0}
