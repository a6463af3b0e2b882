"""Checkpoint folders that the TypeScript SDK loads: a whole VQRAE, or an encoder alone in Hugging Face's `vit` form."""

from __future__ import annotations

import json
from pathlib import Path

import torch
from safetensors.torch import load_file, save_file

from .decoder import DecoderConfig
from ..data.images import IMAGENET_MEAN, IMAGENET_STD
from .vqrae import VQRAE, CodebookConfig, VQRAEConfig
from .vit import ViTConfig, ViTEncoder


def checkpoint_config(config: VQRAEConfig, mean=IMAGENET_MEAN, std=IMAGENET_STD) -> dict:
    c = config.codebook
    return {
        "model_type": "vqrae",
        "encoder": config.encoder.to_dict(),
        "features": {"layer": -1, "postNorm": True},
        "codebook": {"size": c.size, "dim": c.dim, "bias": c.bias, "layers": list(c.layers), "normalize": c.normalize},
        "decoder": config.decoder.to_json(),
        "image": {
            "size": config.encoder.image_size,
            "resample": "bicubic",
            "geometry": "crop",
            "mean": list(mean),
            "std": list(std),
        },
    }


def save_checkpoint(model: VQRAE, folder: str | Path, dtype: torch.dtype = torch.float16) -> None:
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    tensors = {name: t.detach().to(dtype).contiguous() for name, t in model.state_dict().items()}
    save_file(tensors, folder / "model.safetensors", metadata={"format": "pt"})
    text = json.dumps(checkpoint_config(model.config), indent=2) + "\n"
    (folder / "config.json").write_text(text)


def load_checkpoint(folder: str | Path) -> VQRAE:
    """Reads what `save_checkpoint` wrote, widened to float32."""
    folder = Path(folder)
    stored = json.loads((folder / "config.json").read_text())
    known = ViTConfig.__dataclass_fields__
    encoder = ViTConfig(**{k: v for k, v in stored["encoder"].items() if k in known})
    codebook = CodebookConfig(**(stored["codebook"] | {"layers": tuple(stored["codebook"]["layers"])}))
    model = VQRAE(VQRAEConfig(encoder, codebook, DecoderConfig.from_json(stored["decoder"])))
    model.load_state_dict({name: t.float() for name, t in load_file(folder / "model.safetensors").items()})
    return model


def save_encoder(encoder: ViTEncoder, folder: str | Path) -> None:
    """An ordinary HF `vit` folder: transformers' ViTModel and the SDK both load it."""
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    tensors = {name: t.detach().float().contiguous() for name, t in encoder.state_dict().items()}
    save_file(tensors, folder / "model.safetensors", metadata={"format": "pt"})
    config = encoder.config.to_dict() | {"architectures": ["ViTModel"]}
    size = encoder.config.image_size
    processor = {
        "image_processor_type": "ViTImageProcessor",
        "do_resize": True,
        "size": {"height": size, "width": size},
        "resample": 3,
        "do_normalize": True,
        "image_mean": list(IMAGENET_MEAN),
        "image_std": list(IMAGENET_STD),
    }
    for name, content in (("config.json", config), ("preprocessor_config.json", processor)):
        (folder / name).write_text(json.dumps(content, indent=2) + "\n")


def load_encoder(folder: str | Path) -> ViTEncoder:
    """Reads a folder that `save_encoder` or transformers' ViTModel.save_pretrained wrote."""
    folder = Path(folder)
    stored = json.loads((folder / "config.json").read_text())
    if stored.get("model_type") != "vit":
        raise ValueError(f'Expected model_type "vit" for {folder} but received {stored.get("model_type")!r}')
    known = ViTConfig.__dataclass_fields__
    encoder = ViTEncoder(ViTConfig(**{k: v for k, v in stored.items() if k in known}))
    tensors = {k.removeprefix("vit."): v.float() for k, v in load_file(folder / "model.safetensors").items()}
    wanted = encoder.state_dict().keys()
    encoder.load_state_dict({k: v for k, v in tensors.items() if k in wanted})
    return encoder
