"""Checkpoint folders that the TypeScript SDK loads: a whole VQRAE, or an encoder alone as Hugging Face stores it."""

from __future__ import annotations

import errno
import json
from dataclasses import dataclass
from pathlib import Path

import torch
import torch.nn.functional as F
from safetensors.torch import save_file
from torch import Tensor

from ..errors import UserError
from .decoder import DecoderConfig
from .encoder import Encoder, load_encoder
from .tensors import read_tensors, read_weights
from .vqrae import VQRAE, CodebookConfig


def checkpoint_config(model: VQRAE) -> dict:
    """Return the contents of config.json (docs/checkpoints.md). Plain VQ is stored as SimVQ whose W is the identity."""
    c = model.codebook_config
    bias = c.bias and c.quantizer == "simvq"
    layers = list(model.codebook_layers)
    codebook = {"size": c.size, "dim": c.dim, "bias": bias, "layers": layers, "normalize": c.normalize}
    codebook |= {"combine": c.combine} if c.combine != "concat" else {}
    return {
        "model_type": "vqrae",
        "encoder": model.encoder.config,
        "features": {"layer": -1, "postNorm": not isinstance(model.encoder.final_norm, torch.nn.Identity)},
        "codebook": codebook,
        "decoder": model.decoder.config.to_json(),
        "image": model.encoder.image.to_json(),
    }


def checkpoint_tensors(model: VQRAE, weights: dict[str, Tensor] | None = None) -> dict[str, Tensor]:
    """Return the model's weights under the checkpoint's names. weights: another state dict of it (averaged, or gathered)."""
    weights = weights or model.state_dict()
    parts: dict[str, dict[str, Tensor]] = {"encoder": {}, "quantizer": {}, "decoder": {}}
    for name, tensor in weights.items():
        part, _, rest = name.partition(".")
        parts[part][rest] = tensor
    parts["encoder"] = model.encoder.disk_tensors(parts["encoder"])
    if model.codebook_config.quantizer == "vq":
        parts["quantizer"]["codebook_proj.weight"] = torch.eye(model.codebook_config.dim)
    return {f"{part}.{name}": t for part, tensors in parts.items() for name, t in tensors.items()}


@dataclass(frozen=True)
class Head:
    """A classification head on the encoder's class token."""

    labels: list[str]  # by index
    weight: Tensor  # [labels, d]
    bias: Tensor  # [labels]


def read_head(folder: str | Path) -> Head:
    """Read the head and its `id2label` from the folder of a ViTForImageClassification. Raises UserError where there is none."""
    folder = Path(folder)
    names = json.loads((folder / "config.json").read_text()).get("id2label", {})
    tensors = read_tensors(folder, ("classifier.",), "weight")
    labels = [names.get(str(i)) for i in range(len(tensors["weight"]))]
    if None in labels or len(names) != len(labels):
        raise UserError(f"Expected {len(labels)} names in id2label of {folder / 'config.json'} but received {len(names)}")
    return Head(labels, tensors["weight"], tensors["bias"])


def save_checkpoint(
    model: VQRAE,
    folder: str | Path,
    dtype: torch.dtype = torch.float16,
    weights: dict[str, Tensor] | None = None,
    head: Head | None = None,
) -> None:
    """Write config.json and model.safetensors (docs/checkpoints.md). Raises UserError where the disk is full."""
    config, tensors = checkpoint_config(model), checkpoint_tensors(model, weights)
    if head is not None:
        config |= {"classifier": {"labels": head.labels}}
        tensors |= {"classifier.weight": head.weight, "classifier.bias": head.bias}
    _write(folder, tensors, dtype, {"config.json": config})


def load_checkpoint(folder: str | Path) -> VQRAE:
    """Read what `save_checkpoint` wrote, widened to float32. Raises UserError with the names of missing and unknown tensors."""
    folder = Path(folder)
    encoder = load_encoder(folder)
    stored = json.loads((folder / "config.json").read_text())
    if stored.get("model_type") != "vqrae":
        kind = stored.get("model_type")
        raise UserError(f'Expected model_type "vqrae" for {folder} but received {kind!r}, an encoder alone')
    codebook = CodebookConfig(**(stored["codebook"] | {"layers": tuple(stored["codebook"]["layers"])}))
    model = VQRAE(encoder, codebook, DecoderConfig.from_json(stored["decoder"]))
    tensors = {name: read_tensors(folder, (f"{name}.",)) for name in ("quantizer", "decoder")}
    head = tensors["decoder"].get("head.weight")
    if head is not None and head.ndim == 2:  # written before the pixel head was a convolution
        tensors["decoder"]["head.weight"] = head[:, :, None, None]
    for name, own in tensors.items():
        load_strictly(getattr(model, name), own, f"{name}.* of {folder}")
    return model


def load_strictly(module: torch.nn.Module, tensors: dict[str, Tensor], what: str) -> None:
    """Load `tensors`, no fewer and no more. Raises UserError that names `what` and the tensors that do not fit."""
    try:
        module.load_state_dict(tensors)
    except RuntimeError as error:
        raise UserError(f"Expected tensors of its config.json for {what} but received: {error}") from None


def load_start(model: VQRAE, file: str | Path) -> list[str]:
    """Put an imported file's quantizer and decoder tensors (rename_maps.py) into a model. Returns the names of the tensors that
    the file lacks and that stay as they are.

    Codes keep their vectors, whichever quantizer the model has: W starts as the identity. Encoders come from their own folders.
    Raises UserError for a tensor that the model does not have, or has in another shape.
    """
    tensors = read_weights(Path(file))
    held = {name: p.shape for name, p in model.state_dict().items() if not name.startswith("encoder.")}
    codebook, w = (tensors.pop(f"quantizer.{name}.weight", None) for name in ("codebook", "codebook_proj"))
    if codebook is not None:
        codes = codebook.float()
        if w is not None:
            bias = tensors.pop("quantizer.codebook_proj.bias", None)
            codes = F.linear(codes, w.float(), None if bias is None else bias.float())
        tensors["quantizer.codebook.weight"] = codes
    for name, tensor in tensors.items():
        wanted = f"shape {list(held[name])}" if name in held else f"one of {', '.join(list(held)[:3])}, ..."
        if held.get(name) != tensor.shape:
            raise UserError(f"Expected {wanted} for the model but received {name} {list(tensor.shape)} from {file}")
    model.load_state_dict({name: t.float() for name, t in tensors.items()}, strict=False)
    if codebook is not None:
        model.quantizer.start_from(codes)
    return sorted(name for name in held if name not in tensors and not (codebook is not None and "codebook_proj" in name))


def save_encoder(encoder: Encoder, folder: str | Path, dtype: torch.dtype = torch.float32) -> None:
    """Write an ordinary Hugging Face folder. transformers and the SDK both load it."""
    config = {"architectures": [encoder.family.model.__name__]} | encoder.config | encoder.family.overrides
    files = {"config.json": config, "preprocessor_config.json": encoder.image.to_processor()}
    _write(folder, encoder.disk_tensors(), dtype, files)


def _write(folder: str | Path, tensors: dict[str, Tensor], dtype: torch.dtype, files: dict[str, dict]) -> None:
    folder = Path(folder)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        stored = {name: t.detach().to("cpu", dtype).contiguous() for name, t in tensors.items()}
        part = folder / "model.safetensors.part"
        save_file(stored, part, metadata={"format": "pt"})
        part.replace(folder / "model.safetensors")
        for name, content in files.items():
            (folder / name).write_text(json.dumps(content, indent=2) + "\n")
    except OSError as error:
        reason = "the disk is full" if error.errno == errno.ENOSPC else str(error)
        raise UserError(f"Expected to write {folder} but received: {reason}") from None
