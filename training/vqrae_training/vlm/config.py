"""The configuration of a VLM run. presets/vlm/*.toml set it."""

from __future__ import annotations

from dataclasses import dataclass, field

from ..config import harmless
from ..language.qwen3 import LanguageSection


@dataclass(frozen=True)
class VisionSection:
    encoder: str = ""  # the frozen tokenizer's checkpoint folder
    layers: tuple[int, ...] = (4,)  # 1-based blocks whose tokens the projector reads side by side, without the final norm
    most_tiles: int = 3
    bf16: bool = False  # features in bfloat16: a gain where the processor has its products, and not quite those of float32


@dataclass(frozen=True)
class DataSection:
    easy_vqa: str = ""  # the repository's tar; "" for none
    nlvr: str = ""  # the repository's folder; "" for none
    photos: tuple[str, ...] = ()  # tars, each with a table of captions beside it (photos.py)
    val_photos: str = ""  # the same, that progress is shown on
    sentences: str = ""  # captions without photos, a line each; gzip too. The text phase alone reads them
    named: tuple[str, ...] = ()  # folders or tars of pictures of one thing, which the encoder's own classifier names
    rooms: str = ""  # DAQUAR's folder
    features: str = ""  # folder of the cached features; default: OUT/features
    easy_share: float = 0.75  # of the steps; what no share takes is NLVR's
    photo_share: float = 0.0
    named_share: float = 0.0
    room_share: float = 0.0
    photos_each: int = 12  # of one step
    photo_pairs: int = 2  # of yes and no about one of them
    sentences_each: int = 40  # of one step of the text phase, in place of photos in half of them
    named_each: int = 24
    named_most: int = 10000  # pictures of each source, evenly over its classes
    rooms_each: int = 16
    room_questions: int = 8
    sure: float = 0.5  # the least probability of a classifier's name
    easy_pictures: int = 12  # of one step
    easy_questions: int = 11  # about one of them, each in a conversation of its own; and what is in it
    nlvr_pairs: int = 4  # of pictures of one step
    nlvr_orders: int = 3  # places of the three at which a variant's box is seen: with 1, a third of the features to compute
    statements: int = 12  # about a pair, each true of one picture and false of the other
    questions: int = 4  # about each of its pictures besides; and how many items it has
    mixed: float = 0.4  # share of NLVR's pairs that are put together from boxes of several
    follow: float = 0.15  # share of questions that go on with the conversation before


@dataclass(frozen=True)
class PhaseSection:
    steps: int = 0
    lr: float = 1e-3
    end_lr: float = 1e-5
    warmup: int = 50


@dataclass(frozen=True)
class CaptionSection(PhaseSection):
    share: float = 0.5  # of the phase's steps that learn from captions the model draws; the others are as in `both`
    photos: int = 16  # of one such step
    samples: int = 5  # captions drawn of a photo
    most_tokens: int = 24  # of a caption


@dataclass(frozen=True)
class RunSection:
    init: str = ""  # a folder that `vlm export` wrote, whose weights a new run starts from
    keep: tuple[str, ...] = ()  # kinds of steps whose answers shall stay those of `init`: photos, named, rooms, easy_vqa, nlvr
    seed: int = 0
    device: str = harmless("cpu")  # "cuda", or "auto" for it where there is one
    threads: int = harmless(1)
    bf16: bool = False  # a gain where the processor has bfloat16 products (AMX), far slower where it has none
    compile: bool = harmless(False)  # torch.compile: needs a C++ compiler and some minutes
    weight_decay: float = 0.01
    clip: float = 1.0
    log_every: int = harmless(25)
    eval_every: int = harmless(250)


@dataclass(frozen=True)
class VlmConfig:
    vision: VisionSection = field(default_factory=VisionSection)
    language: LanguageSection = field(default_factory=LanguageSection)
    data: DataSection = field(default_factory=DataSection)
    text: PhaseSection = field(default_factory=PhaseSection)  # the language model alone, on pictures in words
    projector: PhaseSection = field(default_factory=PhaseSection)  # LLaVA's first step
    both: PhaseSection = field(default_factory=PhaseSection)  # LLaVA's second step
    captions: CaptionSection = field(default_factory=CaptionSection)  # self-critical training; no steps: none
    run: RunSection = field(default_factory=RunSection)
