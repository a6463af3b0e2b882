"""Families of pretrained vision towers, as data: one record for each `model_type` of a Hugging Face config.json.

Names on disk are the family's own. transformers 5 renames some modules in memory, and back when it saves. The SDK reads the same
families (sdk/families).
"""

from __future__ import annotations

from dataclasses import dataclass, field

from transformers import (
    CLIPVisionModel,
    Dinov2Model,
    Dinov2WithRegistersModel,
    InternVLVisionModel,
    PreTrainedModel,
    SiglipVisionModel,
    ViTModel,
)


@dataclass(frozen=True)
class Family:
    model: type[PreTrainedModel]
    vision_type: str  # model_type of the vision config alone
    blocks: str  # path of the blocks in the model
    final_norm: str | None  # path of the norm that gives `last_hidden_state`; None: the last block's output is that
    processor: str  # image processor whose defaults apply
    section: str | None = None  # key of the vision config inside the whole model's config
    prefixes: tuple[str, ...] = ("",)  # what tensor names may start with, by the kind of model that was saved
    probe: str = "embeddings.patch_embeddings.projection.weight"  # a tensor that every checkpoint has: tells the prefix
    first_norm: str | None = None  # before the blocks
    class_tokens: int = 1
    registers: str | None = None  # config field with the number of register tokens, which follow the class token
    arguments: dict = field(default_factory=dict)  # of the model's constructor
    overrides: dict = field(default_factory=dict)  # of the config: parts that no feature passes through
    unused: tuple[str, ...] = ()  # modules that no feature passes through and that the config cannot leave out
    masks: bool = True  # whether blocks take an attention mask
    refuses: str | None = None  # a tensor of a relative that computes something else


VIT = Family(
    ViTModel,
    "vit",
    blocks="layers",
    final_norm="layernorm",
    processor="ViTImageProcessor",
    prefixes=("", "vit.", "deit."),
    arguments={"add_pooling_layer": False},
    refuses="embeddings.distillation_token",
)
SIGLIP = Family(
    SiglipVisionModel,
    "siglip_vision_model",
    blocks="encoder.layers",
    final_norm="post_layernorm",
    processor="SiglipImageProcessor",
    section="vision_config",
    prefixes=("", "vision_model."),
    probe="embeddings.patch_embedding.weight",
    class_tokens=0,
    overrides={"vision_use_head": False},
)
CLIP = Family(
    CLIPVisionModel,
    "clip_vision_model",
    blocks="encoder.layers",
    final_norm=None,
    processor="CLIPImageProcessor",
    section="vision_config",
    prefixes=("", "vision_model."),
    probe="embeddings.patch_embedding.weight",
    first_norm="pre_layrnorm",  # as CLIP's own files spell it
    unused=("post_layernorm",),
)
DINOV2 = Family(
    Dinov2Model,
    "dinov2",
    blocks="encoder.layer",
    final_norm="layernorm",
    processor="BitImageProcessor",
    prefixes=("", "dinov2."),
    overrides={"use_mask_token": False},
)
DINOV2_REGISTERS = Family(
    Dinov2WithRegistersModel,
    "dinov2_with_registers",
    blocks="encoder.layer",
    final_norm="layernorm",
    processor="BitImageProcessor",
    prefixes=("", "dinov2_with_registers."),
    registers="num_register_tokens",
    unused=("embeddings.mask_token",),
)
# The port to transformers (InternVL3-*-hf); OpenGVLab's own InternViT files carry other names.
INTERNVL = Family(
    InternVLVisionModel,
    "internvl_vision",
    blocks="encoder.layer",
    final_norm="layernorm",
    processor="GotOcr2ImageProcessor",
    section="vision_config",
    prefixes=("", "vision_tower.", "model.vision_tower."),
    masks=False,
)

FAMILIES = {
    "vit": VIT,
    "deit": VIT,
    "siglip_vision_model": SIGLIP,
    "siglip": SIGLIP,
    "clip_vision_model": CLIP,
    "clip": CLIP,
    "dinov2": DINOV2,
    "dinov2_with_registers": DINOV2_REGISTERS,
    "internvl_vision": INTERNVL,
    "internvl": INTERNVL,
}
