"""Captions that are scored by CIDEr-D: the score equals pycocoevalcap's, and training makes what scores well likelier."""

from __future__ import annotations

import json
import random
from pathlib import Path

import pytest
import torch
from torch import nn

from vqrae_training.data.sources import Item
from vqrae_training.errors import UserError
from vqrae_training.language.qwen3 import LanguageSection, build_language_model
from vqrae_training.language.tokenizer import train_tokenizer
from vqrae_training.vlm.batches import Picture, make_batch
from vqrae_training.vlm.captions.cider import CiderD
from vqrae_training.vlm.captions.self_critical import Captions, self_critical_loss, write_captions
from vqrae_training.vlm.config import CaptionSection
from vqrae_training.vlm.model import Projector, Vlm
from vqrae_training.vlm.photos import Photo
from vqrae_training.vlm.talk import facts

GOLDEN = Path(__file__).parents[2] / "test/golden/benchmarks/captions/captions.json"
SAID = {"a": "A brown dog runs in the snow.", "b": "Two men ride bikes.", "c": "A girl stands near the sea."}


class Seen:
    """Features of three pictures: `c` has two tiles."""

    def of(self, name: str) -> torch.Tensor:
        return torch.randn(1 + (name == "c"), 16, 8, generator=torch.Generator().manual_seed(ord(name))).half()


def photo(name: str) -> Photo:
    return Photo(Item(name, "", ""), facts([SAID[name]] * 3))


@pytest.fixture
def model():
    torch.manual_seed(0)
    tokenizer = train_tokenizer(list(SAID.values()) * 5, 330)
    section = LanguageSection(hidden_size=32, intermediate_size=48, layers=2, heads=2, head_dim=16)
    return Vlm(Projector(8, 32), build_language_model(section, tokenizer.get_vocab_size())), tokenizer


def test_cider_equals_pycocoevalcap():
    golden = json.loads(GOLDEN.read_text())
    penn = lambda text: [
        w for w in text.replace("'s", " 's").replace("n't", " n't").replace("grey", "gray").replace(".", " ").split() if w
    ]
    references = [[penn(r) for r in image["references"]] for image in golden["images"]]
    cider = CiderD(references)
    found = [cider.score(penn(i["caption"]), r) for i, r in zip(golden["images"], references, strict=True)]
    assert found == pytest.approx(golden["ciders"], abs=1e-9)


def test_a_greedy_caption_is_what_the_packed_model_finds_likeliest(model):
    vlm, tokenizer = model
    seen = [Seen().of("a"), Seen().of("b")]
    (first,), (second,) = write_captions(vlm, seen, "What?", tokenizer, 12)
    for features, text in zip(seen, (first, second), strict=True):
        (alone,) = write_captions(vlm, [features], "What?", tokenizer, 12)
        assert alone == [text]
        ids = tokenizer.encode(text).ids
        if tokenizer.decode(ids) == text and len(ids) == 12:
            batch = make_batch([Picture(features, [[("What?", text)]])], tokenizer)
            assert vlm(batch).argmax(-1)[:12].tolist() == ids


def test_drawn_captions_depend_on_the_seed_alone(model):
    vlm, tokenizer = model
    draw = lambda seed: write_captions(vlm, [Seen().of("a")], "What?", tokenizer, 8, samples=3, seed=seed)
    assert draw(1) == draw(1) != draw(2)
    assert [len(some) for some in draw(1)] == [3]


def test_captions_get_closer_to_what_people_wrote(model):
    vlm, tokenizer = model
    captions, options = Captions([photo("a"), photo("b")]), CaptionSection(photos=2, samples=8, most_tokens=12)
    adam = torch.optim.Adam(vlm.parameters(), 3e-3)
    # It starts from a model that half knows the captions: a reward of noise teaches nothing.
    batch = make_batch([Picture(Seen().of(n), [[(q, SAID[n])] for q in ("What?", "Write a caption.")]) for n in "ab"], tokenizer)
    for _ in range(25):
        adam.zero_grad()
        nn.functional.cross_entropy(vlm(batch), batch.targets).backward()
        adam.step()
    rewards = []
    for step in range(60):
        adam.zero_grad()
        loss, reward = self_critical_loss(vlm, captions, Seen(), tokenizer, options, random.Random(step))
        loss.backward()
        adam.step()
        rewards.append(reward)
    assert sum(rewards[-15:]) > 1.2 * sum(rewards[:15]) > 0


def test_a_step_has_photos_of_one_number_of_tiles():
    captions = Captions([photo(name) for name in "abc"])
    for seed in range(20):
        drawn = {p.item.name for p in captions.draw(Seen(), 3, random.Random(seed))}
        assert drawn in ({"a", "b"}, {"c"})


def test_one_caption_has_nothing_to_be_held_against(model):
    vlm, tokenizer = model
    with pytest.raises(UserError, match=r"captions\.samples of 2 or more"):
        self_critical_loss(vlm, Captions([photo("a")]), Seen(), tokenizer, CaptionSection(samples=1), random.Random(0))
