"""Foreign weights under our names. A rename map is data: rules, transforms, and what to ignore or refuse.

The built-in maps follow the references' code. No published file of theirs was at hand, so the tests write files with the
references' names and shapes.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from pathlib import Path

from torch import Tensor

from ..errors import UserError


@dataclass(frozen=True)
class RenameMap:
    """rules: (pattern of the whole foreign name, our name). Several of our names take equal parts of the first axis, such as q,
    k, v. transforms: our name -> the name of what is done to the tensor (TRANSFORMS). ignore: patterns of tensors that no
    tokenizer holds. refuse: pattern -> why our model cannot compute with the tensor; --drop leaves it out all the same."""

    rules: tuple[tuple[str, str | tuple[str, ...]], ...]
    transforms: dict[str, str]
    ignore: tuple[str, ...]
    refuse: dict[str, str]

    @classmethod
    def read(cls, file: Path) -> RenameMap:
        stored = json.loads(file.read_text())
        unknown = sorted(stored.keys() - cls.__dataclass_fields__.keys())
        if unknown or "rules" not in stored:
            received = ", ".join(unknown) or "no rules"
            raise UserError(f"Expected rules, transforms, ignore and refuse for {file} but received {received}")
        rules = tuple((pattern, name if isinstance(name, str) else tuple(name)) for pattern, name in stored["rules"])
        return cls(rules, stored.get("transforms", {}), tuple(stored.get("ignore", ())), stored.get("refuse", {}))


TRANSFORMS = {
    "without_first_token": lambda t: t[:, 1:],  # [1, 1 + t, d] -> [1, t, d]
    "as_convolution": lambda t: t[:, :, None, None],  # a linear [out, in] -> a 1 x 1 kernel
}

_TIMM_BLOCK = r"blocks\.(\d+)\."
_VIT_BLOCK = r"vit.encoder.layer.\1."
_RAE_BLOCK = r"decoder_layers\.(\d+)\."
_DIFFUSERS_ATTENTION = r"decoder\." + _RAE_BLOCK + r"attention\."
_RAE_COMMON = (
    (r"decoder_embed\.(weight|bias)", r"quantizer.out_proj.\1"),
    (r"decoder_pos_embed", "decoder.position_embeddings"),
    (_RAE_BLOCK + r"(layernorm_before|layernorm_after|intermediate\.dense|output\.dense)\.(weight|bias)",
     r"decoder.layer.\1.\2.\3"),
    (r"decoder_norm\.(weight|bias)", r"decoder.layernorm.\1"),
    (r"decoder_pred\.(weight|bias)", r"decoder.head.\1"),
)  # fmt: skip
_RAE_TRANSFORMS = {"decoder.position_embeddings": "without_first_token", "decoder.head.weight": "as_convolution"}
_CLASS_TOKEN = (
    "RAE's decoder attends to a class token and ours has none: without it the pixels differ, so that the rest is a start "
    "for training and no finished decoder"
)


def _below(prefix: str, rules: tuple) -> tuple:
    return tuple((prefix + pattern, name) for pattern, name in rules)


MAPS = {
    # bytetriper/RAE stage1/decoders/decoder.py, GeneralDecoder. `decoder_embed` takes the encoder's width, so that it fits
    # out_proj where the codebook's dim is that width. Positions are fixed 2-D sin-cos there, trained here.
    "rae": RenameMap(
        rules=(
            *_below(r"(?:decoder\.)?", _RAE_COMMON),
            (r"(?:decoder\.)?" + _RAE_BLOCK + r"attention\.(attention\.(?:query|key|value)|output\.dense)\.(weight|bias)",
             r"decoder.layer.\1.attention.\2.\3"),
        ),  # fmt: skip
        transforms=_RAE_TRANSFORMS,
        ignore=(r"encoder\..*",),
        refuse={r"(?:decoder\.)?trainable_cls_token": _CLASS_TOKEN},
    ),
    # huggingface/diffusers models/autoencoders/autoencoder_rae.py, AutoencoderRAE. Its latent statistics are undone before
    # the decoder.
    "rae-diffusers": RenameMap(
        rules=(
            *_below(r"decoder\.", _RAE_COMMON),
            (_DIFFUSERS_ATTENTION + r"to_q\.(weight|bias)", r"decoder.layer.\1.attention.attention.query.\2"),
            (_DIFFUSERS_ATTENTION + r"to_k\.(weight|bias)", r"decoder.layer.\1.attention.attention.key.\2"),
            (_DIFFUSERS_ATTENTION + r"to_v\.(weight|bias)", r"decoder.layer.\1.attention.attention.value.\2"),
            (_DIFFUSERS_ATTENTION + r"to_out\.0\.(weight|bias)", r"decoder.layer.\1.attention.output.dense.\2"),
        ),
        transforms=_RAE_TRANSFORMS,
        ignore=(r"encoder\..*", r"_latents_(mean|std)", r"encoder_(mean|std)"),
        refuse={r"decoder\.trainable_cls_token": _CLASS_TOKEN},
    ),
    # timm's ViT and DeiT (vision_transformer.py) under Hugging Face's `vit` names, with the classification head.
    "timm-vit": RenameMap(
        rules=(
            (r"cls_token", "vit.embeddings.cls_token"),
            (r"pos_embed", "vit.embeddings.position_embeddings"),
            (r"patch_embed\.proj\.(weight|bias)", r"vit.embeddings.patch_embeddings.projection.\1"),
            (_TIMM_BLOCK + r"norm1\.(weight|bias)", _VIT_BLOCK + r"layernorm_before.\2"),
            (_TIMM_BLOCK + r"attn\.qkv\.(weight|bias)",
             tuple(_VIT_BLOCK + rf"attention.attention.{part}.\2" for part in ("query", "key", "value"))),
            (_TIMM_BLOCK + r"attn\.proj\.(weight|bias)", _VIT_BLOCK + r"attention.output.dense.\2"),
            (_TIMM_BLOCK + r"norm2\.(weight|bias)", _VIT_BLOCK + r"layernorm_after.\2"),
            (_TIMM_BLOCK + r"mlp\.fc1\.(weight|bias)", _VIT_BLOCK + r"intermediate.dense.\2"),
            (_TIMM_BLOCK + r"mlp\.fc2\.(weight|bias)", _VIT_BLOCK + r"output.dense.\2"),
            (r"norm\.(weight|bias)", r"vit.layernorm.\1"),
            (r"head\.(weight|bias)", r"classifier.\1"),
        ),  # fmt: skip
        transforms={},
        ignore=(),
        refuse={
            r"dist_token|head_dist\..*": "the distilled DeiT has a second class token, which `vit` has not",
            r"(norm_pre|fc_norm)\..*": "`vit` has no such norm",
        },
    ),
    # youngsheen/SimVQ taming/modules/vqvae/quantize.py and models/vq.py, whose encoder and decoder are convolutions. W has a
    # bias there: bias=True here. The codes lie in that encoder's space; in_proj and out_proj are still to be trained.
    "simvq": RenameMap(
        rules=(
            (r"(?:quantize\.)?embedding\.weight", "quantizer.codebook.weight"),
            (r"(?:quantize\.)?embedding_proj\.(weight|bias)", r"quantizer.codebook_proj.\1"),
        ),
        transforms={},
        ignore=(r"(encoder|decoder|loss|model_ema|quant_conv|post_quant_conv)\..*", r"colorize"),
        refuse={},
    ),
}


def rename(tensors: dict[str, Tensor], names: RenameMap, drop: tuple[str, ...] = ()) -> dict[str, Tensor]:
    """Rename tensors to our names. Raises UserError with a list of all tensors that no rule maps, ignores or drops."""
    out: dict[str, Tensor] = {}
    left: list[str] = []
    for name, tensor in tensors.items():
        if name in drop or any(re.fullmatch(p, name) for p in names.ignore):
            continue
        if reason := next((why for p, why in names.refuse.items() if re.fullmatch(p, name)), None):
            raise UserError(f"Expected no {name} {list(tensor.shape)} but received it: {reason}. --drop {name} imports that")
        found = next(((m, ours) for p, ours in names.rules if (m := re.fullmatch(p, name))), None)
        if found is None:
            left.append(f"  {name} {list(tensor.shape)}")
            continue
        match, ours = found
        targets = [match.expand(t) for t in ((ours,) if isinstance(ours, str) else ours)]
        for target, part in zip(targets, tensor.chunk(len(targets)), strict=True):
            out[target] = TRANSFORMS[names.transforms[target]](part) if target in names.transforms else part
    if left:
        others = f"{len(left)} others; --drop NAME leaves one out:\n" + "\n".join(left)
        raise UserError(f"Expected tensors that the map knows but received {others}")
    if not out:
        raise UserError(f"Expected tensors that the map renames but received {', '.join(list(tensors)[:3])}, ...")
    return {name: t.contiguous() for name, t in out.items()}
