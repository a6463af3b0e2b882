"""The configuration of a VLM run. presets/vlm/*.toml set it."""

from __future__ import annotations

from dataclasses import dataclass, field

from ..config import harmless
from ..language.qwen3 import LanguageSection


@dataclass(frozen=True)
class VisionSection:
    encoder: str = ""  # the frozen tokenizer's checkpoint folder
    layer: int = 4  # 1-based block whose tokens the projector reads, without the final norm
    most_tiles: int = 3


@dataclass(frozen=True)
class DataSection:
    easy_vqa: str = ""  # the repository's tar
    nlvr: str = ""  # the repository's folder
    features: str = ""  # folder of the cached features; default: OUT/features
    easy_share: float = 0.75  # of the steps; the others are NLVR's
    easy_pictures: int = 12  # of one step
    easy_questions: int = 11  # about one of them, each in a conversation of its own; and what is in it
    nlvr_pairs: int = 4  # of pictures of one step
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
class RunSection:
    init: str = ""  # a folder that `vlm export` wrote, whose weights a new run starts from
    seed: int = 0
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
    run: RunSection = field(default_factory=RunSection)
