"""What is asked about photos: words for things in captions, yes and no, held rooms, and a run that learns from all of it."""

from __future__ import annotations

import io
import json
import random
import tarfile
from collections import Counter
from pathlib import Path

import pytest
import torch
from PIL import Image
from safetensors.torch import load_file, save_file
from vlm_runs import train, write_data

from vqrae_training.__main__ import main
from vqrae_training.errors import UserError
from vqrae_training.models.encoder import load_encoder
from vqrae_training.vlm import rooms
from vqrae_training.vlm.names import Names
from vqrae_training.vlm.photo_words import THINGS, colour_of, named, number_of, ruled_out, sentence, with_article
from vqrae_training.vlm.photos import photo_turns, read_captioned, read_rooms
from vqrae_training.vlm.talk import UNKNOWN, YesNo, facts, unknown_turn, yes_or_no

CAPTIONS = [
    ["A brown dog runs in the snow .", "The dog is brown .", "It runs ."],
    ["Two men ride mountain bikes .", "Two men and their bikes .", "Men on bikes ."],
    ["A player in red .", "A football player falls .", "A red shirt ."],
    ["A woman at the beach with a black and white dog .", "A woman and her dog near the waves .", "A walk ."],
]


def write_tar(path: Path, names: list[str]) -> None:
    with tarfile.open(path, "w") as tar:
        for i, name in enumerate(names):
            file = io.BytesIO()
            Image.effect_noise((24, 24), 20 + 9 * i).convert("RGB").save(file, "JPEG")
            member = tarfile.TarInfo(name)
            member.size = file.tell()
            file.seek(0)
            tar.addfile(member, file)


@pytest.fixture(scope="module")
def photos(tmp_path_factory) -> dict[str, Path]:
    root = tmp_path_factory.mktemp("photos")
    for part in ("train", "val"):
        names = [f"{part}-{i}.jpg" for i in range(len(CAPTIONS))]
        write_tar(root / f"{part}.tar", names)
        rows = [f"{name}\t{caption}\n" for name, some in zip(names, CAPTIONS, strict=True) for caption in some]
        (root / f"{part}.tsv").write_text("".join(rows))
    (root / "rooms").mkdir()
    write_tar(root / "rooms/train.tar", [f"image{i}.jpg" for i in range(30)])
    rows = [f"what is on the desk,lamp,image{i}\nhow many chairs are there,{i % 4},image{i}\n" for i in range(30)]
    (root / "rooms/train.csv").write_text("question,answer,image_id\n" + "".join(rows))
    (root / "sentences.txt").write_text("A cat sleeps on a bench.\nTwo boys play soccer.\n" * 20)
    write_tar(root / "named.tar", [f"thing{i}.jpg" for i in range(6)])
    return {"root": root, **write_data(root)}


def test_captions_name_things_and_rule_others_out():
    assert [named(some) for some in CAPTIONS] == [
        ["dog", "snow"],
        ["person", "man", "bicycle"],
        ["person"],
        ["dog", "person", "woman", "beach", "ocean"],
    ]
    out = [set(ruled_out(some)) for some in CAPTIONS]
    assert {"cat", "person", "man", "beach"} <= out[0] and not {"dog", "snow", "skis"} & out[0]
    assert "woman" in out[1] and "mountain" in out[1]
    assert not {"person", "man", "woman", "boy"} & out[2]  # a player may be any of them
    assert "man" in out[3] and not {"sand", "surfboard"} & out[3]
    for some, ruled in zip(CAPTIONS, out, strict=True):
        assert not ruled & set(named(some))
    assert all(thing in forms for thing, forms in THINGS.items())


def test_colours_and_numbers_are_those_that_captions_agree_on():
    assert [colour_of(some, "dog") for some in CAPTIONS] == ["brown", None, None, None]
    assert colour_of(["a grey dog", "the gray dog"], "dog") == "gray"
    assert colour_of(["a red car", "a blue car"], "car") is None
    assert number_of(CAPTIONS[1], "man") == "2"
    assert number_of(["two men", "three men"], "man") is None


def test_sentences_begin_with_a_capital_and_end_with_one_full_stop():
    assert sentence("a child 's dog , in red .") == "A child's dog, in red."
    assert sentence(" Two cats") == "Two cats."


def test_one_caption_rules_nothing_out(tmp_path):
    write_tar(tmp_path / "one.tar", ["a.jpg"])
    (tmp_path / "one.tsv").write_text("a.jpg\tA dog .\n")
    (photo,) = read_captioned(tmp_path / "one.tar")
    assert (photo.facts.there, photo.facts.absent) == (("dog",), ())


def test_yes_and_no_are_asked_alike(photos):
    some = read_captioned(photos["root"] / "train.tar")
    yes_no, rng = YesNo([photo.facts for photo in some]), random.Random(0)
    turns = [turn for _ in range(600) for photo in some for turn in yes_no.pair(photo.facts, rng)]
    starts = Counter(answer.split(",")[0] for _, answer in turns)
    assert starts["Yes"] == starts["No"] > 1000
    endings = lambda word: Counter(q.partition("\n")[2] for q, a in turns if a.startswith(word))
    assert endings("Yes").keys() == endings("No").keys()
    for kind in ("random", "popular", "adversarial"):
        assert all(yes_no.absent(p.facts, kind, rng) in p.facts.absent for p in some)
    assert yes_or_no("skis", True, random.Random(3))[1].startswith("Yes")


def test_no_answer_is_longer_than_a_sentence(photos):
    rng = random.Random(1)
    some = read_captioned(photos["root"] / "train.tar")
    yes_no = YesNo([photo.facts for photo in some])
    answers = [a for p in some for _ in range(50) for _, a in photo_turns(facts(p.facts.captions, ("tabby cat", True)), yes_no, 2, rng)]
    assert {a for a in answers if "cat" in a} >= {"a tabby cat", "It is a tabby cat."}
    assert with_article("Egyptian cat") == "an Egyptian cat"
    assert all("\n" not in a and a.count(". ") == 0 for a in answers)
    assert UNKNOWN in answers and {unknown_turn(rng)[1] for _ in range(50)} == {UNKNOWN}


def test_a_tenth_of_the_rooms_is_held_back(photos):
    kept, held = read_rooms(photos["root"] / "rooms")
    assert {r.item.name for r in kept}.isdisjoint(r.item.name for r in held)
    assert len(kept) + len(held) == 30 and held
    assert kept[0].turns[0] == ("what is on the desk?", "lamp")


def test_held_rooms_are_written_for_the_benchmark(photos, tmp_path):
    held = read_rooms(photos["root"] / "rooms")[1]
    rooms.main([str(photos["root"] / "rooms"), "--out", str(tmp_path)])
    lines = (tmp_path / "data.csv").read_text().splitlines()
    assert lines[0] == "question,answer,image_id" and len(lines) - 1 == sum(len(room.turns) for room in held)
    assert lines[1] == f"what is on the desk,lamp,{held[0].item.name.removesuffix('.jpg')}"
    assert {file.stem for file in (tmp_path / "images").iterdir()} == {room.item.name.removesuffix(".jpg") for room in held}


def test_the_classifier_names_what_it_is_sure_of(photos, tmp_path):
    folder = tmp_path / "vit"
    folder.mkdir()
    for file in photos["encoder"].iterdir():
        (folder / file.name).write_bytes(file.read_bytes())
    encoder = load_encoder(folder)
    assert Names.read(folder, encoder) is None
    config = json.loads((folder / "config.json").read_text())
    labels = {"0": "tench, Tinca tinca", "1": "tabby, tabby cat"}
    (folder / "config.json").write_text(json.dumps(config | {"id2label": labels}))
    tensors = load_file(folder / "model.safetensors")
    weight = torch.zeros(2, encoder.hidden_size)
    weight[1, 0] = 4
    head = {"classifier.weight": weight.half(), "classifier.bias": torch.zeros(2)}  # as models/deit-tiny stores it
    save_file(tensors | head, folder / "model.safetensors")
    names = Names.read(folder, encoder)
    token = torch.zeros(encoder.hidden_size)
    token[0] = 9
    assert names.of(token, 0.9) == ("tabby cat", False)
    assert names.of(torch.zeros(encoder.hidden_size), 0.6) is None
    assert names.all[0][0] == "tench"


def test_copies_keep_their_captions(photos, tmp_path):
    table = lambda kind: (tmp_path / f"{kind}.tsv").read_text().splitlines()
    (tmp_path / "two.tsv").write_text("a.jpg\tA man on the left .\na.jpg\tA man .\nb.jpg\tThe right one .\n")
    write_tar(tmp_path / "two.tar", ["a.jpg", "b.jpg"])
    sizes = {}
    for kind in ("mirrored", "cropped", "wide"):
        main(["vlm", "copies", "--photos", str(tmp_path / "two.tar"), "--kind", kind, "--out", str(tmp_path / f"{kind}.tar")])
        copies = read_captioned(tmp_path / f"{kind}.tar")
        sizes[kind] = {copy.item.open().size for copy in copies}
    # What says left or right is not said of a mirrored photo, and a photo of which nothing is left to say is left out.
    assert table("mirrored") == ["mirrored-a.jpg\tA man ."]
    assert table("wide") == ["wide-a.jpg\tA man on the left .", "wide-a.jpg\tA man .", "wide-b.jpg\tThe right one ."]
    assert sizes["cropped"] == {(24, 24)} and sizes["wide"] <= {(36, 24), (24, 36)}
    before = (tmp_path / "cropped.tar").read_bytes()
    main(["vlm", "copies", "--photos", str(tmp_path / "two.tar"), "--kind", "cropped", "--out", str(tmp_path / "cropped.tar")])
    assert (tmp_path / "cropped.tar").read_bytes() == before


def test_pictures_that_the_classifier_is_sure_of_are_chosen(photos, tmp_path):
    encoder = load_encoder(photos["encoder"])
    folder = tmp_path / "vit"
    folder.mkdir()
    for file in photos["encoder"].iterdir():
        (folder / file.name).write_bytes(file.read_bytes())
    choose = ["vlm", "named", "--encoder", str(folder), "--pictures", str(photos["root"] / "named.tar"), "--out", str(tmp_path / "chosen.tar")]
    with pytest.raises(UserError, match="a classifier and labels for --encoder"):
        main(choose)
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps(config | {"id2label": {"0": "tench", "1": "tabby"}}))
    head = {"classifier.weight": torch.zeros(2, encoder.hidden_size), "classifier.bias": torch.tensor([0.0, 1.0])}
    save_file(load_file(folder / "model.safetensors") | head, folder / "model.safetensors")
    main([*choose, "--most", "4", "--sure", "0.7"])
    with tarfile.open(tmp_path / "chosen.tar") as tar:
        assert len(tar.getnames()) == 4 and set(tar.getnames()) <= {f"thing{i}.jpg" for i in range(6)}
    main([*choose, "--sure", "0.8"])
    assert not tarfile.open(tmp_path / "chosen.tar").getnames()


def test_a_run_learns_from_photos_sentences_and_rooms(photos, tmp_path):
    root = photos["root"]
    sources = [f'data.photos=["{root}/train.tar"]', f"data.val_photos={root}/val.tar", f"data.sentences={root}/sentences.txt"]
    shares = ["data.photo_share=0.5", "data.room_share=0.3", f"data.rooms={root}/rooms", "data.photos_each=2", "data.rooms_each=2"]
    state = train(photos, tmp_path / "run", *sources, *shares, "data.sentences_each=3", "vision.layers=[1,2]", "both.steps=8")
    assert state["model"]["projector.mlp1.0.weight"].shape == (4 * 2 * 32,)
    kept = sorted(p.name for p in (tmp_path / "run/features").iterdir())
    assert kept == ["photos-train", "rooms", "shapes", "val-photos"]
    last = json.loads((tmp_path / "run/metrics.jsonl").read_text().splitlines()[-1])
    assert {"val_captions", "val_caption_loss", "val_yes_no", "val_rooms", "val_easy_vqa", "val_nlvr"} - {"val_captions"} <= last.keys()
    with pytest.raises(UserError, match="photos-train, val-photos, rooms for --features but received 'photos'"):
        train(photos, tmp_path / "run", *sources, *shares, "--features", "photos")
    main(["vlm", "export", str(tmp_path / "run"), "--out", str(tmp_path / "vlm"), "--name", "small"])
    config = json.loads((tmp_path / "vlm/config.json").read_text())
    assert [config["hidden_size"], config["features"]] == [32, {"layer": [1, 2], "postNorm": False}]


def test_a_run_draws_captions_and_learns_from_their_scores(photos, tmp_path):
    root, out = photos["root"], tmp_path / "run"
    options = [f'data.photos=["{root}/train.tar"]', f"data.val_photos={root}/val.tar", "data.photo_share=0.5", "data.photos_each=2",
               "captions.photos=2", "captions.samples=2", "captions.share=0.7", "captions.most_tokens=5", "run.bf16=true"]  # fmt: skip
    without = train(photos, out, *options)
    after = train(photos, out, *options, "captions.steps=6", "--allow-changes")
    assert [without["done"], after["done"]] == [14, 20]
    assert not torch.equal(without["model"]["projector.mlp1.1.weight"], after["model"]["projector.mlp1.1.weight"])
    rows = [json.loads(line) for line in (out / "metrics.jsonl").read_text().splitlines()]
    assert any("cider" in row for row in rows) and 0 <= rows[-1]["val_cider"] <= 1


def test_pope_asks_as_many_yes_as_no(photos, tmp_path):
    main(["vlm", "pope", "--photos", str(photos["root"] / "val.tar"), "--out", str(tmp_path)])
    for kind in ("random", "popular", "adversarial"):
        lines = [json.loads(line) for line in (tmp_path / f"coco_pope_{kind}.json").read_text().splitlines()]
        labels = Counter(line["label"] for line in lines)
        assert labels["yes"] == labels["no"] >= 4
        assert lines[0].keys() == {"question_id", "image", "text", "label"}
    before = (tmp_path / "coco_pope_random.json").read_text()
    main(["vlm", "pope", "--photos", str(photos["root"] / "val.tar"), "--out", str(tmp_path)])
    assert (tmp_path / "coco_pope_random.json").read_text() == before


def test_what_is_missing_is_named(photos, tmp_path):
    write_tar(tmp_path / "bare.tar", ["a.jpg"])
    with pytest.raises(UserError, match="table of captions .*bare.tsv"):
        read_captioned(tmp_path / "bare.tar")
    (tmp_path / "bare.tsv").write_text("a.jpg no tab\n")
    with pytest.raises(UserError, match="image TAB caption"):
        read_captioned(tmp_path / "bare.tar")
    (tmp_path / "bare.tsv").write_text("b.jpg\tA dog .\n")
    with pytest.raises(UserError, match="none for a.jpg in .*bare.tsv"):
        read_captioned(tmp_path / "bare.tar")
    with pytest.raises(UserError, match="train.csv and train.tar"):
        read_rooms(tmp_path)
