"""The model of a run: build it from the run's configuration, or read it back from `last.pt`."""

from __future__ import annotations

from pathlib import Path

import torch.nn.functional as F
from torch import nn

from ..config import RunConfig, from_dict
from ..errors import UserError
from ..models.checkpoint import load_checkpoint, load_strictly
from ..models.decoder import DecoderConfig
from ..models.encoder import Encoder, load_encoder
from ..models.vqrae import VQRAE, CodebookConfig
from .resume import read_last


def build_model(config: RunConfig, encoder: Encoder) -> VQRAE:
    """Build a model with random quantizer and decoder around `encoder`. A size of 0 in the configuration takes the encoder's."""
    c, d = config.codebook, config.decoder
    codebook = CodebookConfig(
        size=c.size,
        dim=c.dim,
        layers=c.layers or (encoder.num_layers,),
        combine=c.combine,
        normalize=c.normalize,
        quantizer=c.quantizer,
        beta=c.beta,
    )
    decoder = DecoderConfig(
        hidden_size=d.hidden_size or encoder.hidden_size,
        intermediate_size=d.intermediate_size or encoder.intermediate_size,
        heads=d.heads or encoder.num_heads,
        layers=d.layers or encoder.num_layers,
        patch_size=d.patch_size or encoder.patch_size,
        head_kernel=d.head_kernel,
    )
    return VQRAE(encoder, codebook, decoder)


def load_run(path: str | Path, encoder_folder: str | None = None, averaged: bool = True) -> VQRAE:
    """Read a run's model from its last.pt, or from the folder that holds it. It has the averaged weights where the run kept them.

    encoder_folder: where the encoder has moved to since the run. It gives the architecture and how images are prepared.
    Raises UserError where there is no run, and where its weights do not fit the model.
    """
    path = Path(path)
    file = path / "last.pt" if path.is_dir() else path
    if not file.is_file():
        raise UserError(f"Expected a run's folder or its last.pt but received {path}")
    state = read_last(file)
    config = from_dict(state["config"])
    model = build_model(config, load_encoder(encoder_folder or config.encoder.folder))
    shadow = state["ema"]["shadow"] if averaged and "ema" in state else {}
    load_strictly(model, state["model"] | shadow, str(file))
    return model


def load_weights(model: nn.Module, path: Path) -> None:
    """Put another run's weights into the model (the averaged ones where it kept them), or those of a checkpoint folder.

    A smaller pixel head becomes the centre of a larger one. Decoder blocks beyond the other's stay as they start, near the
    identity. Raises UserError where the weights do not fit.
    """
    if path.is_dir():
        weights = load_checkpoint(path).state_dict()
    elif path.is_file():
        state = read_last(path)
        weights = state["model"] | (state["ema"]["shadow"] if "ema" in state else {})
    else:
        raise UserError(f"Expected a run's last.pt or a checkpoint folder for --init but received {path}, which is not there")
    head, wanted = weights["decoder.head.weight"], model.decoder.head.weight.shape
    if head.shape[-1] < wanted[-1]:
        weights["decoder.head.weight"] = F.pad(head, ((wanted[-1] - head.shape[-1]) // 2,) * 4)
    further = {n: t for n, t in model.state_dict().items() if n.startswith("decoder.layer.") and n not in weights}
    try:
        model.load_state_dict(weights | further)
    except RuntimeError as error:
        raise UserError(f"Expected weights of this run's model for --init but received {path}: {error}") from None
