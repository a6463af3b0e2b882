"""The configuration of a generator run. presets/generator/*.toml set it."""

from __future__ import annotations

from dataclasses import dataclass, field

from ..config import harmless
from ..language.qwen3 import LanguageSection


@dataclass(frozen=True)
class CorpusSection:
    classes: int = 20  # photos: of the classes with the most images
    photos: int = 100  # of each class, at most
    val_photos: int = 15
    views: int = 0  # random cuts of each training photo, beside the whole photo and its mirror image
    drawings: int = 4  # of each combination of shape, colour, size and background, at most: no two are alike
    place_deviation: float = 0.0  # of drawings around the middle, in tokens (a normal density); 0: all places alike
    seed: int = 0


@dataclass(frozen=True)
class TrainSection:
    steps: int = 3000
    batch: int = 6  # sequences, each one image
    drawn_share: float = 0.25  # of the sequences
    captioned_share: float = 0.0  # of the sequences: photos with captions, where there are some; the rest are photos of classes
    balance: float = 0.5  # a class is drawn by its number of photos to this power: 0 all alike, 1 all photos alike
    prompt_dropout: float = 0.1  # share of sequences without words, for guidance
    lr: float = 2e-3
    embedding_lr: float = 5e-4  # of the tied embeddings: the codebook's order in them must outlive Adam's first steps
    warmup: int = 50
    cooldown: int = 800  # last steps, over which the rate falls to nothing along a line
    betas: tuple[float, float] = (0.9, 0.95)
    eps: float = 1e-15
    weight_decay: float = 0.0
    clip: float = 1.0
    init: str = ""  # an exported .gguf file whose weights and vocabulary a new run starts from; keep it until you export the run
    seed: int = 0
    device: str = harmless("cpu")
    threads: int = harmless(1)
    muon: bool = False  # for the matrices inside; AdamW, as in Table 9, for the rest
    bf16: bool = False  # a gain where the processor has bfloat16 products (AMX, AVX-512), far slower where it has none
    compile: bool = harmless(False)  # torch.compile: needs a C++ compiler and a minute
    log_every: int = harmless(20)
    eval_every: int = harmless(150)


@dataclass(frozen=True)
class GeneratorConfig:
    corpus: CorpusSection = field(default_factory=CorpusSection)
    language: LanguageSection = field(default_factory=LanguageSection)
    train: TrainSection = field(default_factory=TrainSection)
    ids: str = ""  # the folder that `generator ids` wrote
    tokenizer: str = ""  # the vision tokenizer's checkpoint folder
