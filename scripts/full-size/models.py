"""The full-size encoders that run.ts checks: config.json and preprocessor_config.json as their repositories publish them."""

from dataclasses import dataclass
from typing import Any

CLIP_MEAN, CLIP_STD = [0.48145466, 0.4578275, 0.40821073], [0.26862954, 0.26130258, 0.27577711]
IMAGENET = {"image_mean": [0.485, 0.456, 0.406], "image_std": [0.229, 0.224, 0.225]}
HALF = {"image_mean": [0.5, 0.5, 0.5], "image_std": [0.5, 0.5, 0.5]}
SO400M = {"hidden_size": 1152, "intermediate_size": 4304, "num_hidden_layers": 27, "num_attention_heads": 16}
GEMMA_TEXT = {"model_type": "siglip_text_model", "vocab_size": 256000, "max_position_embeddings": 64}


@dataclass(frozen=True)
class Model:
    # The class of transformers 5 that computes the reference, and its config's arguments where config.json is not its own.
    reference: str
    config: dict[str, Any]
    processor: dict[str, Any]
    # What stands before the tower's own names in the published file.
    prefix: str = ""
    dtype: str = "float32"
    # The names of modeling_intern_vit.py in place of transformers' own.
    published_names: bool = False


def siglip(size: int, patch: int, resample: int, dtype: str, **vision: Any) -> Model:
    vision = vision | {"model_type": "siglip_vision_model", "image_size": size, "patch_size": patch}
    text = GEMMA_TEXT | {k: v for k, v in vision.items() if k in ("hidden_size", "intermediate_size")}
    return Model(
        "Siglip",
        {"architectures": ["SiglipModel"], "model_type": "siglip", "text_config": text, "vision_config": vision},
        HALF
        | {"image_processor_type": "SiglipImageProcessor", "size": {"height": size, "width": size}, "resample": resample}
        | {"do_resize": True, "do_rescale": True, "do_normalize": True, "rescale_factor": 1 / 255},
        prefix="vision_model.",
        dtype=dtype,
    )


def naflex(**vision: Any) -> Model:
    vision = vision | {"model_type": "siglip2_vision_model", "num_patches": 256, "patch_size": 16}
    text = GEMMA_TEXT | {"model_type": "siglip2_text_model"} | {k: v for k, v in vision.items() if k in ("hidden_size", "intermediate_size")}
    return Model(
        "Siglip2",
        {"architectures": ["Siglip2Model"], "model_type": "siglip2", "text_config": text, "vision_config": vision},
        HALF
        | {"image_processor_type": "Siglip2ImageProcessor", "patch_size": 16, "max_num_patches": 256, "resample": 2}
        | {"do_resize": True, "do_rescale": True, "do_normalize": True, "rescale_factor": 1 / 255},
        prefix="vision_model.",
    )


INTERN_VIT = {"hidden_size": 1024, "intermediate_size": 4096, "num_hidden_layers": 24, "num_attention_heads": 16}
INTERN_VIT |= {"hidden_act": "gelu", "layer_norm_eps": 1e-6}
DINOV2 = {"hidden_size": 768, "num_hidden_layers": 12, "num_attention_heads": 12, "mlp_ratio": 4, "image_size": 518, "patch_size": 14}
BIT = IMAGENET | {"image_processor_type": "BitImageProcessor", "size": {"shortest_edge": 256}, "resample": 3, "do_center_crop": True}
BIT |= {"crop_size": {"height": 224, "width": 224}, "do_resize": True, "do_rescale": True, "do_normalize": True, "do_convert_rgb": True}

MODELS: dict[str, Model] = {
    "vit-small-patch16-224": Model(
        "ViT",
        {"model_type": "vit", "hidden_size": 384, "intermediate_size": 1536, "num_hidden_layers": 12, "num_attention_heads": 6}
        | {"image_size": 224, "patch_size": 16, "layer_norm_eps": 1e-12, "hidden_act": "gelu", "qkv_bias": True},
        HALF | {"image_processor_type": "ViTFeatureExtractor", "do_normalize": True, "do_resize": True, "resample": 2, "size": 224},
        prefix="vit.",
    ),
    "siglip2-base-patch16-256": siglip(256, 16, 2, "float32"),
    "siglip2-so400m-patch16-256": siglip(256, 16, 2, "float32", **SO400M),
    "siglip2-so400m-patch16-512": siglip(512, 16, 2, "float32", **SO400M),
    "siglip2-so400m-patch16-naflex": naflex(**SO400M),
    "siglip-so400m-patch14-384": siglip(384, 14, 3, "bfloat16", **SO400M),
    "clip-vit-large-patch14-336": Model(
        "CLIP",
        {"architectures": ["CLIPModel"], "model_type": "clip", "projection_dim": 768}
        | {
            "vision_config": {"model_type": "clip_vision_model", "hidden_size": 1024, "intermediate_size": 4096, "image_size": 336}
            | {"num_hidden_layers": 24, "num_attention_heads": 16, "patch_size": 14, "projection_dim": 768},
        },
        {"feature_extractor_type": "CLIPFeatureExtractor", "crop_size": 336, "do_center_crop": True, "do_normalize": True}
        | {"do_resize": True, "image_mean": CLIP_MEAN, "image_std": CLIP_STD, "resample": 3, "size": 336},
        prefix="vision_model.",
    ),
    "InternViT-300M-448px": Model(
        "InternVL",
        INTERN_VIT
        | {"architectures": ["InternVisionModel"], "model_type": "intern_vit_6b", "image_size": 448, "patch_size": 14}
        | {"qk_normalization": False, "qkv_bias": True, "norm_type": "layer_norm", "num_channels": 3},
        IMAGENET
        | {"image_processor_type": "CLIPImageProcessor", "crop_size": 448, "do_center_crop": True, "do_normalize": True}
        | {"do_resize": True, "resample": 3, "size": 448},
        dtype="bfloat16",
        published_names=True,
    ),
    "InternVL3-hf's tower": Model(
        "InternVL",
        {"model_type": "internvl"}
        | {
            "vision_config": INTERN_VIT
            | {"model_type": "internvl_vision", "image_size": [448, 448], "patch_size": [14, 14], "attention_bias": True}
            | {"use_qk_norm": False, "norm_type": "layer_norm", "use_mean_pooling": True, "use_absolute_position_embeddings": True},
        },
        IMAGENET
        | {"image_processor_type": "GotOcr2ImageProcessorFast", "size": {"height": 448, "width": 448}, "resample": 3}
        | {"do_resize": True, "do_rescale": True, "do_normalize": True, "crop_to_patches": False},
        prefix="vision_tower.",
    ),
    "dinov2-base": Model("Dinov2", DINOV2 | {"model_type": "dinov2", "layer_norm_eps": 1e-6}, BIT),
    "dinov2-with-registers-base": Model(
        "Dinov2WithRegisters",
        DINOV2 | {"model_type": "dinov2_with_registers", "layer_norm_eps": 1e-6, "num_register_tokens": 4},
        BIT,
    ),
}
