"""The VLM's trainer on a miniature encoder, drawn easy-VQA pictures and drawn NLVR boxes."""

from __future__ import annotations

import json
import random
from itertools import product
from pathlib import Path

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from conftest import CROP, VIT
from PIL import Image
from safetensors.torch import load_file
from tokenizers import Tokenizer
from transformers.models.internvl.modeling_internvl import InternVLModel
from vlm_runs import HEX, draw, small_vlm, thing, tower, train

from vqrae_training.__main__ import main
from vqrae_training.errors import UserError
from vqrae_training.language.gguf_file import read_gguf
from vqrae_training.models.encoder import Encoder
from vqrae_training.vlm import train as trainer
from vqrae_training.vlm.batches import Picture, make_batch
from vqrae_training.vlm.config import DataSection
from vqrae_training.vlm.data import Corpus
from vqrae_training.vlm.features import build_features, picture_tiles
from vqrae_training.vlm.model import Vlm, pixel_shuffle, right_answers
from vqrae_training.vlm.nlvr import read_nlvr, split
from vqrae_training.vlm.photo_corpus import conversations
from vqrae_training.vlm.questions import describe, nlvr_question
from vqrae_training.vlm.scene import SIZES, read_scene
from vqrae_training.vlm.statements import ITEMS, TOWERS, telling_apart
from vqrae_training.vlm.variants import BACKGROUND, PIXELS, VARIANTS, Variant

SIDE = {name: pixels for pixels, name in SIZES.items()}


@pytest.fixture
def data(vlm_data: dict[str, Path]) -> dict[str, Path]:
    return vlm_data


def test_a_killed_run_goes_on_to_the_same_weights(data, tmp_path, monkeypatch):
    whole = train(data, tmp_path / "whole")
    for killed_at in (3, 6, 11):  # in each of the three phases, after a saved step
        calls = iter(range(1000))

        def once(*arguments, killed_at=killed_at, calls=calls):
            if next(calls) == killed_at:
                raise KeyboardInterrupt
            return make_batch(*arguments)

        out = tmp_path / f"killed-{killed_at}"
        with monkeypatch.context() as patch:
            # Progress makes batches too: only the training's are counted.
            patch.setattr(trainer, "evaluate", lambda *_: {})
            patch.setattr(trainer, "make_batch", once)
            with pytest.raises(KeyboardInterrupt):
                train(data, out)
        again = train(data, out)
        assert again["done"] == whole["done"] == 14
        assert all(torch.equal(tensor, again["model"][name]) for name, tensor in whole["model"].items())
    with pytest.raises(UserError, match=r"both\.lr: 0\.002 -> 0\.001"):
        train(data, out, "both.lr=0.001")


def test_phases_move_only_their_own_part(data, tmp_path):
    start = train(data, tmp_path / "run", "projector.steps=0", "both.steps=0")["model"]
    after = train(data, tmp_path / "run", "both.steps=0", "--allow-changes")["model"]
    moved = {name.split(".")[0] for name, tensor in start.items() if not torch.equal(tensor, after[name])}
    assert moved == {"projector"}


def test_the_exported_folder_holds_the_run(data, tmp_path):
    state = train(data, tmp_path / "run")
    main(["vlm", "export", str(tmp_path / "run"), "--out", str(tmp_path / "vlm"), "--name", "small"])
    llm, _ = read_gguf(tmp_path / "vlm/llm.gguf")
    config = json.loads((tmp_path / "vlm/config.json").read_text())
    assert [config[k] for k in ("hidden_size", "text_hidden_size", "features")] == [32, 32, {"layer": 2, "postNorm": False}]
    for name, tensor in state["model"].items():
        half = tensor.half().float() if tensor.ndim == 2 else tensor
        if name.startswith("projector."):
            assert torch.equal(load_file(tmp_path / "vlm/model.safetensors")[name.removeprefix("projector.")].float(), half)
        else:
            assert torch.equal(llm.state_dict()[name.removeprefix("llm.")], half)


def test_a_run_starts_from_an_exported_model(data, tmp_path):
    train(data, tmp_path / "run")
    main(["vlm", "export", str(tmp_path / "run"), "--out", str(tmp_path / "vlm"), "--name", "small"])
    still = [f"run.init={json.dumps(str(tmp_path / 'vlm'))}", "text.steps=0", "projector.steps=0", "both.steps=1", "both.lr=0.0"]
    state = train(data, tmp_path / "next", *still, "both.end_lr=0.0")
    llm, _ = read_gguf(tmp_path / "vlm/llm.gguf")
    for name, tensor in llm.state_dict().items():
        assert torch.equal(state["model"][f"llm.{name}"], tensor), name
    kept = load_file(tmp_path / "vlm/model.safetensors")
    assert all(torch.equal(state["model"][f"projector.{name}"], tensor.float()) for name, tensor in kept.items())
    assert (tmp_path / "next/tokenizer.json").read_text() != ""
    with pytest.raises(UserError, match="num_hidden_layers 1 for the language model .* but received 2"):
        train(data, tmp_path / "other", *still, "language.layers=1")


def test_no_sentence_and_no_picture_is_on_both_sides(data):
    examples = read_nlvr(data["nlvr"])
    train_part, held = split(examples)
    assert len(train_part) + len(held) == len(examples) == 40
    assert train_part and held
    plain = lambda of: {e.sentence.lower().strip(" .") for e in of}
    presentation = lambda of: {e.name.rpartition("-")[0] for e in of}
    assert not plain(train_part) & plain(held)
    assert not presentation(train_part) & presentation(held)
    # Order of files does not matter.
    assert {e.name for e in split(examples[::-1])[1]} == {e.name for e in held}


@pytest.fixture
def model() -> tuple[Vlm, Tokenizer]:
    return small_vlm()


@torch.no_grad()
def test_packed_conversations_are_those_of_each_alone(model):
    vlm, tokenizer = model
    seen = [torch.randn(1, 16, 16).half(), torch.randn(3, 16, 16).half()]
    talks = [[[("what is it?", "a circle"), ("blue?", "yes")], [("is it blue?", "no")]], [[("a?", "b")], [("what?", "no no")]]]
    batch = make_batch([Picture(s, t) for s, t in zip(seen, talks, strict=True)], tokenizer)
    packed = vlm(batch)
    alone, targets = [], []
    for s, talk in zip(seen, talks, strict=True):
        for conversation in talk:
            # What llama.cpp sees: one sequence, positions in a row, every token sees those before it.
            text = "<|im_start|>user\n<|vision_start|>§<|vision_end|>"
            for k, (question, answer) in enumerate(conversation):
                text += f"{chr(10) + '<|im_start|>user' + chr(10) if k else ''}{question}<|im_end|>\n<|im_start|>assistant\n"
                text += f"{answer}<|im_end|>"
            before, after = (tokenizer.encode(part).ids for part in text.split("§"))
            embed = vlm.llm.get_input_embeddings()
            image = vlm.projector(s.float()).flatten(0, 1)
            x = torch.cat([embed(torch.tensor(before)), image, embed(torch.tensor(after))])[None]
            logits = vlm.llm(inputs_embeds=x).logits[0, len(before) + len(image) :]
            end, assistant = (tokenizer.encode(t).ids for t in ("<|im_end|>", "assistant\n"))
            for place in range(len(after) - 1):
                said = tokenizer.decode(after[: place + 1], skip_special_tokens=False).rpartition("<|im_start|>")[2]
                if said.startswith("assistant\n") and "<|im_end|>" not in said:
                    alone.append(logits[place])
                    targets.append(after[place + 1])
    # Only answers and their ends are learnt.
    assert batch.targets.tolist() == targets
    assert tokenizer.decode(targets, skip_special_tokens=False) == (
        "a circle<|im_end|>yes<|im_end|>no<|im_end|>b<|im_end|>no no<|im_end|>"
    )
    assert torch.allclose(packed, torch.stack(alone), atol=1e-5)
    assert batch.turns == 5
    assert batch.turn_of.unique().tolist() == [0, 1, 2, 3, 4]


def test_an_answer_is_right_only_to_its_end(model, monkeypatch):
    vlm, tokenizer = model
    batch = make_batch([Picture(torch.randn(1, 16, 16).half(), [[("a?", "yes")], [("b?", "no no")]])], tokenizer)
    logits = torch.nn.functional.one_hot(batch.targets, tokenizer.get_vocab_size()).float()
    monkeypatch.setattr(Vlm, "forward", lambda *_: logits)
    assert right_answers(vlm, batch) == [True, True]
    logits[-1].fill_(0)[0] = 1  # goes on where it should end
    assert right_answers(vlm, batch) == [True, False]


def test_every_turn_weighs_the_same_in_the_loss(model):
    vlm, tokenizer = model
    talks = [[("how many?", "3"), ("what is it?", "a tower of blue, black, yellow")], [("is it?", "yes")]]
    together = make_batch([Picture("a picture", talks), Picture("another", [[("is it?", "no")]])], tokenizer)
    logits = torch.randn(len(together.targets), tokenizer.get_vocab_size())
    turns = [F.cross_entropy(logits[together.turn_of == t], together.targets[together.turn_of == t]) for t in range(4)]
    assert trainer.turn_loss(logits, together).item() == pytest.approx(torch.stack(turns).mean().item(), rel=1e-5)


def test_pixel_shuffle_is_internvls():
    x = torch.randn(2, 16, 5)
    wanted = InternVLModel.pixel_shuffle(None, x.view(2, 4, 4, 5), 0.5).reshape(2, 4, 20)
    assert torch.equal(pixel_shuffle(x), wanted)


def test_equal_tiles_are_encoded_once(data, tmp_path):
    example = read_nlvr(data["nlvr"])[0]
    torch.manual_seed(0)
    encoder = Encoder(VIT, CROP).eval()
    features = build_features(encoder, (2,), 3, list(example.pictures), tmp_path)
    assert [features.of(p.name).shape for p in example.pictures] == [(3, 16, 32)] * 6
    assert len(features.tokens) <= 9
    # Box 0 is in the left place of the first two orders.
    assert torch.equal(features.of(example.pictures[0].name)[0], features.of(example.pictures[1].name)[0])
    with pytest.raises(UserError, match="layers differ"):
        build_features(encoder, (1,), 3, list(example.pictures), tmp_path)


def test_tiles_follow_the_shape():
    sizes = lambda w, h: [t.size for t in picture_tiles(Image.new("RGB", (w, h)), 32, 3, "bicubic")]
    assert [len(sizes(*s)) for s in ((64, 64), (400, 100), (100, 210), (90, 300), (120, 100))] == [1, 3, 2, 3, 1]
    assert set(sizes(400, 100)) == {(32, 32)}
    # As near to one tile as to two: as many as it fills half of.
    assert [len(sizes(*s)) for s in ((480, 320), (30, 20))] == [2, 1]


def test_scenes_are_read_and_described():
    boxes = [tower("blue", "black"), [thing("yellow", "circle", 10, 0, 5), thing("yellow", "circle", 10, 9, 9)], tower("black")]
    scene = read_scene(boxes)
    assert [describe(box) for box in scene] == ["a tower of blue, black", "2 small yellow circles", "a tower of black"]
    assert [t.walls for t in scene[1]] == [frozenset(), frozenset({"left"})]


@pytest.mark.parametrize("variant", VARIANTS)
def test_a_variant_changes_picture_scene_and_sentence_together(variant):
    boxes = [tower("blue", "black"), [thing("yellow", "square", 30, 0, 5), thing("black", "square", 10, 60, 80)], tower("yellow")]
    scene = tuple(map(variant.box, read_scene(boxes)))
    drawn = [[thing(t.colour, t.shape, SIDE[t.size], t.x, t.y) for t in box] for box in scene]
    assert scene == read_scene(drawn)  # walls follow from places
    assert variant.picture(draw(boxes, (0, 1, 2))).tobytes() == draw(drawn, (0, 1, 2)).tobytes()
    words = variant.sentence("A black item is left of a yellow square at the right wall")
    black, yellow = variant.colour("black"), variant.colour("yellow")
    sides = ("right", "left") if variant.mirrored else ("left", "right")
    assert words == f"A {black} item is {sides[0]} of a {yellow} square at the {sides[1]} wall"


def test_blended_edges_keep_their_share_of_a_colour():
    grey, blue, yellow = (np.array(c, float) for c in (BACKGROUND, PIXELS["blue"], PIXELS["yellow"]))
    image = Image.new("RGB", (400, 100), BACKGROUND)
    image.putpixel((20, 20), tuple(np.rint(grey + 0.4 * (yellow - grey)).astype(int).tolist()))
    turned = np.array(Variant(2).picture(image).getpixel((20, 20)))  # yellow -> blue
    assert np.abs(turned - (grey + 0.4 * (blue - grey))).max() <= 1


def test_training_knows_every_box_at_every_place_in_every_variant(data):
    corpus = Corpus(DataSection(easy_vqa=str(data["easy"]), nlvr=str(data["nlvr"])))
    for example in corpus.nlvr:
        for variant in VARIANTS:
            for place, box in product(range(3), map(variant.box, example.scene)):
                assert (box, place) in corpus.tiles
    assert len({p.name for p in corpus.pictures}) == len(corpus.pictures)


def test_with_fewer_orders_each_box_is_shown_where_it_was_seen(data):
    """In each variant one of the three orders: a third of the tiles, or more where examples share boxes."""
    options = {"easy_vqa": str(data["easy"]), "nlvr": str(data["nlvr"]), "easy_share": 0.0, "mixed": 0.5}
    whole, corpus = (Corpus(DataSection(**options, nlvr_orders=orders)) for orders in (3, 1))
    assert len(corpus.tiles) < 0.7 * len(whole.tiles)
    corpus.seen = lambda scene: [corpus.tiles[box, place] for place, box in enumerate(scene)]
    for step in range(50):
        assert all(len(picture.seen) == 3 for picture in corpus.draw("both", step, 0)[1])


@pytest.mark.parametrize("makers", [ITEMS, TOWERS])
def test_every_kind_of_statement_is_sometimes_true_and_sometimes_false(makers):
    rng = random.Random(0)
    scenes = [read_scene([tower(*rng.choices(list(HEX), k=rng.randint(1, 4))) for _ in range(3)]) for _ in range(300)]
    for maker in set(makers):
        assert {maker(scene, rng)[1] for scene in scenes} == {True, False}, maker.__name__


def test_statements_hold_as_counted_by_hand():
    scene = read_scene([tower("blue", "black"), tower("black"), tower("black", "yellow", "black")])
    rng = random.Random(1)
    known = {text: "true" if holds else "false" for _ in range(12000) for text, holds in (m(scene, rng) for m in TOWERS)}
    expected = {
        "there is a blue block as the top of a tower": "false",
        "there is a tower with a black block at the base": "true",
        "there is a tower with a black block above a blue block": "true",
        "there is a tower with only black blocks": "true",
        "all the towers have the same height": "false",
        "there is a tower with exactly three blocks": "true",
        "there are at least three towers with a black block": "true",
        "there is a tower with a yellow block in the middle": "true",
        "there is at least one blue block on a black block": "false",
        "there is no black block on a blue block": "false",
        "there is exactly one black tower with only one block": "true",
        "there are two towers with a black block at the base": "true",
    }
    assert {sentence: known.get(sentence) for sentence in expected} == expected
    counted = dict(nlvr_question(scene, rng) for _ in range(500))
    assert [counted[f"how many {what}are there?"] for what in ("items ", "black items ", "yellow squares ")] == ["6", "4", "1"]


@pytest.mark.parametrize("makers", [ITEMS, TOWERS])
def test_a_sentence_depends_on_the_seed_alone(makers):
    rng = random.Random(2)
    scenes = [read_scene([tower(*rng.choices(list(HEX), k=rng.randint(1, 4))) for _ in range(3)]) for _ in range(2)]
    for maker in set(makers):
        for seed in range(100):
            assert len({maker(scene, random.Random(seed))[0] for scene in scenes}) == 1, maker.__name__


def test_what_tells_two_pictures_apart_is_true_of_one_alone():
    one, other = (read_scene([tower("blue", *more), tower("black"), tower("black", "yellow")]) for more in ([], ["yellow"]))
    rng = random.Random(3)
    told = [telling_apart(one, other, rng) for _ in range(300)]
    assert {labels for _, *pair in filter(None, told) for labels in [tuple(pair)]} == {("true", "false"), ("false", "true")}
    known = {text.lower().rstrip("."): labels for text, *labels in filter(None, told)}
    assert known["there are two yellow blocks"] == ["false", "true"]
    assert telling_apart(one, one, rng) is None


def test_conversations_keep_every_turn_in_order():
    turns = [(str(i), "") for i in range(50)]
    made = conversations(turns, 0.3, random.Random(0))
    assert [t for talk in made for t in talk] == turns
    assert 1 < max(map(len, made)) and len(made) > 20


def test_what_is_missing_is_named(data, tmp_path):
    with pytest.raises(UserError, match="one of train, export, split, pope, rooms, copies, named for vlm"):
        main(["vlm", "chat"])
    with pytest.raises(UserError, match="Expected --nlvr for 75% of the steps but received none"):
        main(["vlm", "train", "--encoder", str(data["encoder"]), "--easy-vqa", str(data["easy"]), "--out", str(tmp_path / "run")])
    with pytest.raises(UserError, match="dev/dev.json in the folder of NLVR"):
        read_nlvr(tmp_path)
    with pytest.raises(UserError, match="a run's folder with last.pt"):
        main(["vlm", "export", str(tmp_path), "--out", str(tmp_path / "x"), "--name", "x"])
