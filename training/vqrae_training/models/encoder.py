"""The pretrained encoder: transformers' own vision model, described by its family (families.py)."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path

import torch
from safetensors.torch import load_file
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint
from transformers.utils import logging

from ..errors import UserError
from .families import FAMILIES
from .image_spec import ImageSpec, read_image_spec
from .tensors import read_tensors

# Its progress bars and lists of unread tensors (text towers, poolers) drown what matters. We name missing tensors ourselves.
logging.disable_progress_bar()
logging.set_verbosity_error()

DESCRIPTION = {"architectures", "dtype", "model_type", "torch_dtype", "transformers_version"}  # not the graph


class Encoder(nn.Module):
    """Pixels [n, 3, H, W], normalised -> hidden states of chosen blocks, each [n, prefix + t, d], class token first.

    `config` is the Hugging Face vision config as it is stored. `tensors` are the weights under the family's names on disk.
    Without them the weights are random. Raises UserError for a model_type that families.py lacks and for missing tensors.
    """

    def __init__(self, config: dict, image: ImageSpec | None = None, tensors: dict[str, Tensor] | None = None):
        super().__init__()
        model_type = config.get("model_type")
        if model_type not in FAMILIES or FAMILIES[model_type].section and model_type != FAMILIES[model_type].vision_type:
            raise UserError(
                f"Expected one of {', '.join(FAMILIES)} for the encoder's model_type but received {model_type!r}. "
                "SigLIP2 of a fixed resolution is stored as siglip; its NaFlex form (siglip2) is another architecture"
            )
        self.config, self.family = config, FAMILIES[model_type]
        family = self.family
        c = _read_config(family, config)
        self.image_size, self.patch_size = _side(c.image_size), _side(c.patch_size)
        self.tower = _build(family, c, tensors)
        for name in family.unused:  # without a gradient, data parallel training would wait for one
            self._drop(name)
        self.hidden_size, self.intermediate_size = c.hidden_size, _intermediate_size(c)
        self.num_layers, self.num_heads = c.num_hidden_layers, c.num_attention_heads
        self.grid = self.image_size // self.patch_size
        self.prefix = family.class_tokens + (getattr(c, family.registers) if family.registers else 0)
        self.image = image or ImageSpec(self.image_size, self.image_size)
        self.checkpointing = False

    @property
    def mean(self) -> tuple[float, float, float]:
        return self.image.mean

    @property
    def std(self) -> tuple[float, float, float]:
        return self.image.std

    @property
    def geometry(self) -> str:
        return self.image.geometry

    @property
    def resample(self) -> str:
        return self.image.resample

    @property
    def blocks(self) -> nn.ModuleList:
        return self.tower.get_submodule(self.family.blocks)

    @property
    def final_norm(self) -> nn.Module:
        """The norm that turns the last block's hidden states into transformers' `last_hidden_state`, prefix included."""
        return self.tower.get_submodule(self.family.final_norm) if self.family.final_norm else nn.Identity()

    def enable_checkpointing(self) -> None:
        """Keep only the blocks' inputs for the backward pass and compute the rest again."""
        self.checkpointing = True

    def forward(self, pixels: Tensor, blocks: tuple[int, ...]) -> list[Tensor]:
        """Return the residual stream after each of `blocks`, which are 1-based and ascending: k is HF's hidden_states[k]. Blocks
        after the last one do not run."""
        x, taps = self.tower.embeddings(pixels), []
        if self.family.first_norm:
            x = self.tower.get_submodule(self.family.first_norm)(x)
        arguments = {"attention_mask": None} if self.family.masks else {}
        for i, block in enumerate(self.blocks[: max(blocks)], start=1):
            if self.checkpointing and torch.is_grad_enabled():
                x = checkpoint(block, x, use_reentrant=False, **arguments)
            else:
                x = block(x, **arguments)
            if i in blocks:
                taps.append(x)
        return taps

    def disk_tensors(self, weights: dict[str, Tensor] | None = None) -> dict[str, Tensor]:
        """Return the weights under the family's names on disk, as transformers' save_pretrained writes them. weights: another
        state dict of this encoder."""
        own = {k.removeprefix("tower."): v for k, v in (weights or self.state_dict()).items()}
        with tempfile.TemporaryDirectory() as folder:
            self.tower.save_pretrained(folder, state_dict=own, max_shard_size="1TB")
            return load_file(Path(folder) / "model.safetensors")

    def _drop(self, name: str) -> None:
        parent, _, last = name.rpartition(".")
        module = self.tower.get_submodule(parent)
        setattr(module, last, nn.Identity() if isinstance(getattr(module, last), nn.Module) else None)


def load_encoder(folder: str | Path) -> Encoder:
    """Read a vision model's folder from the hub, a whole SigLIP / CLIP / InternVL with its text tower, or the encoder of a VQRAE
    checkpoint. It has one file or shards, in F32, F16 or BF16, and is widened to float32."""
    folder = Path(folder)
    if not (folder / "config.json").is_file():
        raise UserError(f"Expected a folder with config.json for the encoder but received {folder}")
    stored = json.loads((folder / "config.json").read_text())
    if stored.get("model_type") == "vqrae":
        config, image, outer = stored["encoder"], ImageSpec.from_json(stored["image"]), "encoder."
        return Encoder(config, image, read_tensors(folder, (outer,)))
    family = FAMILIES.get(stored.get("model_type"))
    if family is None:
        return Encoder(stored)  # raises
    config = stored if stored["model_type"] in (family.vision_type, "deit") else stored.get(family.section)
    if not isinstance(config, dict):
        raise UserError(f"Expected an object for {family.section} in {folder / 'config.json'} but received {config!r}")
    tensors = read_tensors(folder, family.prefixes, family.probe)
    if family.refuses in tensors:
        raise UserError(f"Expected an encoder without {family.refuses} for {folder} but received one with it")
    encoder = Encoder(config if "model_type" in config else config | {"model_type": family.vision_type}, tensors=tensors)
    encoder.image = read_image_spec(folder, family.processor, encoder.image_size)
    return encoder


def grid_of(config: dict) -> int:
    """Return the tokens in a row of the encoder that a Hugging Face vision config describes."""
    c = _read_config(FAMILIES[config["model_type"]], config)
    return _side(c.image_size) // _side(c.patch_size)


def _read_config(family, config: dict):
    return family.model.config_class(**{k: v for k, v in config.items() if k not in DESCRIPTION} | family.overrides)


def _build(family, config, tensors: dict[str, Tensor] | None) -> nn.Module:
    if tensors is None:
        return family.model(config, **family.arguments)
    tower, info = family.model.from_pretrained(
        None,
        config=config,
        state_dict=tensors,
        dtype=torch.float32,
        ignore_mismatched_sizes=True,  # they are reported below
        output_loading_info=True,
        **family.arguments,
    )
    missing = [n for n in info["missing_keys"] if not n.startswith(family.unused)]
    wrong = sorted(missing + [name for name, *_ in info["mismatched_keys"]])
    if wrong:
        some = ", ".join(wrong[:5])
        raise UserError(f"Expected tensors of its config.json for the encoder but received none that fit {some}")
    return tower.train()


def _side(size: int | list[int] | tuple[int, ...]) -> int:
    if isinstance(size, int):
        return size
    if len(set(size)) != 1:
        raise UserError(f"Expected a square for the encoder's image_size and patch_size but received {tuple(size)}")
    return size[0]


def _intermediate_size(config) -> int:
    """DINOv2 states a ratio."""
    return getattr(config, "intermediate_size", None) or int(config.hidden_size * config.mlp_ratio)
