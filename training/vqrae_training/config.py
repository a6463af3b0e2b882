"""A run's configuration: typed sections, presets in TOML, overrides from the command line.

A preset file holds the sections below. Under `[stage1.<section>]` and `[stage2.<section>]` it holds what differs by stage.
A later one wins: defaults, preset, the preset's stage, `--set section.key=value`.
"""

from __future__ import annotations

import dataclasses
import tomllib
import types
import typing
from dataclasses import dataclass, field
from pathlib import Path

from .errors import UserError

PRESETS = Path(__file__).parent / "presets"
Config = typing.TypeVar("Config")
Value = typing.TypeVar("Value")


def harmless(default: Value) -> Value:
    """Declare a field that a continued run may change: weights and data do not depend on it, except for rounding."""
    return field(default=default, metadata={"harmless": True})


@dataclass(frozen=True)
class EncoderSection:
    folder: str = ""  # Hugging Face folder of the pretrained vision tower
    # What the preset was written for; 0: anything. A folder that differs is refused before the first step.
    hidden_size: int = 0
    num_layers: int = 0
    intermediate_size: int = 0
    num_heads: int = 0
    image_size: int = 0
    patch_size: int = 0


@dataclass(frozen=True)
class CodebookSection:
    quantizer: str = "simvq"  # or "vq"
    size: int = 4096
    dim: int = 256
    layers: tuple[int, ...] = ()  # encoder blocks that it sees, 1-based; empty: the last, as in the paper
    combine: str = "concat"  # of several layers, or "sum"
    normalize: bool = True  # LayerNorm without affine on each layer's tokens
    init: str = "data"  # from features and pixels (SimVQ.initialise_from_data), or "default": the reference's random one
    beta: float = 0.25
    frozen: bool = False  # stage 1 with --init: ids stay what they are; only what follows them learns


@dataclass(frozen=True)
class DecoderSection:
    """A size of 0 takes the encoder's own: that is the symmetric decoder."""

    layers: int = 0
    hidden_size: int = 0
    intermediate_size: int = 0
    heads: int = 0
    patch_size: int = 0  # q: side in pixels of one token's square
    head_kernel: int = 1  # side in tokens, odd, of what the pixel head sees for one square; the paper's is 1


@dataclass(frozen=True)
class DataSection:
    train: tuple[str, ...] = ()  # folders, tars, globs of tars; PATH*N takes N views of each image
    val: str = harmless("")
    val_every: int = harmless(1)  # validate on every n-th image
    crop: tuple[float, float] = (0.6, 1.0)  # share of the image's area that a random crop keeps
    flip: bool = True
    cache: bool = True  # stage 1: cache the frozen encoder's features once
    cache_folder: str = harmless("")  # default: OUT/cache
    workers: int = harmless(0)  # processes that decode images
    skip_unreadable: bool = False


@dataclass(frozen=True)
class LossSection:
    perceptual: str = "none"  # mobilenet, lpips, convnext-s, lpips-convnext
    perceptual_weight: float = 0.0
    perceptual_fraction: float = 1.0  # share of the batch that the perceptual loss sees
    perceptual_size: int = 0  # side in pixels at which it sees them (bilinear); 0: as they are
    gradient_weight: float = 0.0  # of the MSE between neighbouring pixels' differences
    seam_weight: float = 0.0  # of the same across the seams of tokens' squares alone
    distill_weight: float = 1.0  # stage 2
    mobilenet: str = ""  # files of the perceptual networks
    lpips_vgg: str = ""
    lpips_linear: str = ""
    convnext: str = ""


@dataclass(frozen=True)
class GanSection:
    weight: float = 0.0  # 0: no adversarial term
    discriminator: str = "patch"  # or "vit": heads on a frozen ViT
    encoder: str = ""  # the frozen ViT's folder, for "vit"
    adaptive: bool = False  # weight times |d rec| / |d gan| at the decoder's last layer (VQGAN)
    start: int = 0  # step from which the discriminator learns
    wait: int = 0  # steps that it then learns alone
    width: int = 64
    lr: float = 4e-5
    lecam: float = 0.001


@dataclass(frozen=True)
class OptimiserSection:
    lr: float = 1e-3  # quantizer and decoder
    end_lr: float = 2e-5
    encoder_lr: float = 1e-4  # stage 2
    encoder_end_lr: float = 0.0
    warmup: int = 100
    weight_decay: float = 1e-4
    betas: tuple[float, float] = (0.9, 0.95)
    clip: float = 1.0
    ema: float = 0.0  # decay; 0: none


@dataclass(frozen=True)
class RunSection:
    steps: int = 2000
    batch: int = 32  # images of one optimiser step, over all ranks
    micro_batch: int = harmless(0)  # images of one forward pass on one rank; 0: batch / ranks. The rest is accumulated
    bf16: bool = True
    compile: bool = harmless(False)
    checkpointing: bool = harmless(False)  # recompute activations in the backward pass
    parallel: str = harmless("ddp")  # or "fsdp"
    seed: int = 0
    device: str = harmless("auto")
    threads: int = harmless(0)  # of the CPU; 0: PyTorch's choice
    log_every: int = harmless(25)
    eval_every: int = harmless(250)


@dataclass(frozen=True)
class RunConfig:
    stage: int = 1
    encoder: EncoderSection = field(default_factory=EncoderSection)
    codebook: CodebookSection = field(default_factory=CodebookSection)
    decoder: DecoderSection = field(default_factory=DecoderSection)
    data: DataSection = field(default_factory=DataSection)
    loss: LossSection = field(default_factory=LossSection)
    gan: GanSection = field(default_factory=GanSection)
    optimiser: OptimiserSection = field(default_factory=OptimiserSection)
    run: RunSection = field(default_factory=RunSection)
    init: str = ""  # to start from: a run's last.pt, a checkpoint folder, or what `import` wrote (.safetensors); "none"

    @property
    def imported(self) -> bool:
        """Whether the run starts from foreign tensors. They need not be all: the others start as without --init."""
        return self.init.endswith(".safetensors")

    @property
    def from_run(self) -> bool:
        """Whether the run starts from all the weights of another run."""
        return self.init not in ("", "none") and not self.imported


CHOICES = {
    "stage": (1, 2),
    "codebook.quantizer": ("simvq", "vq"),
    "codebook.combine": ("concat", "sum"),
    "codebook.init": ("data", "default"),
    "loss.perceptual": ("none", "mobilenet", "lpips", "convnext-s", "lpips-convnext"),
    "gan.discriminator": ("patch", "vit"),
    "run.parallel": ("ddp", "fsdp"),
}


def preset_names() -> list[str]:
    return sorted(p.stem for p in PRESETS.glob("*.toml"))


def load_config(preset: str, stage: int, overrides: list[str]) -> RunConfig:
    """Read a configuration. preset: a name under presets/, or a TOML file. overrides: "section.key=value" with TOML values."""
    tables = _read_preset(preset)
    by_stage = {n: tables.pop(f"stage{n}", {}) for n in (1, 2)}
    merged = _merge(tables, by_stage[stage] if stage in by_stage else {}) | {"stage": stage}
    return from_dict(_override(merged, overrides))


def load_sections(kind: type[Config], preset: str, overrides: list[str]) -> Config:
    """Read a configuration of other sections, without stages. The arguments are those of `load_config`."""
    return from_dict(_override(_read_preset(preset), overrides), kind)


def _read_preset(preset: str) -> dict:
    path = Path(preset) if preset.endswith(".toml") else PRESETS / f"{preset}.toml"
    if not path.is_file():
        raise UserError(f"Expected one of {', '.join(preset_names())} or a .toml file for --preset but received {preset!r}")
    try:
        return tomllib.loads(path.read_text())
    except tomllib.TOMLDecodeError as error:
        raise UserError(f"Expected TOML for {path} but received: {error}") from None


def _override(tables: dict, overrides: list[str]) -> dict:
    for text in overrides:
        name, equals, value = text.partition("=")
        if not equals:
            raise UserError(f"Expected section.key=value for --set but received {text!r}")
        section, _, key = name.strip().rpartition(".")
        change = {section: {key: _toml_value(value)}} if section else {key: _toml_value(value)}
        tables = _merge(tables, change)
    return tables


def from_dict(stored: dict, kind: type[Config] = RunConfig) -> Config:
    """Build the configuration `kind` from tables. Raises UserError for an unknown name, a wrong type or a number below 0."""
    return _build(kind, stored, "")


def to_dict(config: object) -> dict:
    return dataclasses.asdict(config)


def differences(old: object, new: object) -> list[str]:
    """Return a line `section.key: old -> new` for every field that differs, except the `harmless` ones."""
    found = []
    for known in dataclasses.fields(new):
        before, now = getattr(old, known.name), getattr(new, known.name)
        if dataclasses.is_dataclass(now):
            found += [f"{known.name}.{line}" for line in differences(before, now)]
        elif before != now and not known.metadata.get("harmless"):
            found.append(f"{known.name}: {before!r} -> {now!r}")
    return found


def _merge(base: dict, change: dict) -> dict:
    both = {k: _merge(base[k], v) for k, v in change.items() if isinstance(v, dict) and isinstance(base.get(k), dict)}
    return base | change | both


def _toml_value(text: str) -> object:
    """Read `8`, `0.5`, `true`, `[2, 12]` or `"a b"`. Any other text is a string as it stands."""
    try:
        return tomllib.loads(f"v = {text}")["v"]
    except tomllib.TOMLDecodeError:
        return text


def _build(cls: type, values: dict, path: str):
    hints = typing.get_type_hints(cls)
    unknown = [k for k in values if k not in hints]
    if unknown:
        raise UserError(f"Expected one of {', '.join(hints)} for {path or 'a section'} but received {unknown[0]!r}")
    return cls(**{k: _convert(hints[k], v, path + k) for k, v in values.items()})


def _convert(kind: type, value: object, path: str):
    if dataclasses.is_dataclass(kind):
        if not isinstance(value, dict):
            raise UserError(f"Expected a table for {path} but received {value!r}")
        return _build(kind, value, path + ".")
    if isinstance(kind, types.GenericAlias):  # tuple[int, ...] or tuple[float, float]
        inner = typing.get_args(kind)
        many = inner[-1] is Ellipsis
        items = list(value) if isinstance(value, (list, tuple)) else [value]
        if not many and len(items) != len(inner):
            raise UserError(f"Expected {len(inner)} values for {path} but received {value!r}")
        return tuple(_convert(inner[0], v, path) for v in items)
    if kind is float and isinstance(value, int) and not isinstance(value, bool):
        value = float(value)
    if type(value) is not kind:
        raise UserError(f"Expected {kind.__name__} for {path} but received {value!r}")
    if path in CHOICES and value not in CHOICES[path]:
        raise UserError(f"Expected one of {', '.join(map(str, CHOICES[path]))} for {path} but received {value!r}")
    # Weights, sizes, rates and counts: nothing here has a meaning below zero.
    if isinstance(value, (int, float)) and not value >= 0:
        raise UserError(f"Expected a number of at least 0 for {path} but received {value!r}")
    return value
