"""Writes published.json: config.json and the processor's file of known checkpoints, as far as loading reads them.

    python make_published.py

Text sections and label maps are left out; nothing is fetched. `maxTokens`: what the checkpoint's images have at most, by its
own processor. `checked` says which values agree with a public copy of the hub's file, and which copy that is; null: written
down from memory of the hub's file and checked against none (2026-11-29).
"""

import json
from pathlib import Path

CLIP = dict(image_mean=[0.48145466, 0.4578275, 0.40821073], image_std=[0.26862954, 0.26130258, 0.27577711])
IMAGENET = dict(image_mean=[0.485, 0.456, 0.406], image_std=[0.229, 0.224, 0.225])
HALF = dict(image_mean=[0.5, 0.5, 0.5], image_std=[0.5, 0.5, 0.5])
DO = dict(do_normalize=True, do_rescale=True, do_resize=True, rescale_factor=0.00392156862745098)
SO400M = dict(
    hidden_size=1152, image_size=384, intermediate_size=4304, model_type="siglip_vision_model", num_attention_heads=16,
    num_hidden_layers=27, patch_size=14,
)  # fmt: skip
# What transformers 4.21 wrote into every section.
OLD = {
    "_name_or_path": "", "add_cross_attention": False, "architectures": None, "bad_words_ids": None, "bos_token_id": None,
    "chunk_size_feed_forward": 0, "cross_attention_hidden_size": None, "decoder_start_token_id": None, "diversity_penalty": 0.0,
    "do_sample": False, "early_stopping": False, "encoder_no_repeat_ngram_size": 0, "eos_token_id": None,
    "exponential_decay_length_penalty": None, "finetuning_task": None, "forced_bos_token_id": None, "forced_eos_token_id": None,
    "id2label": {"0": "LABEL_0", "1": "LABEL_1"}, "is_decoder": False, "is_encoder_decoder": False,
    "label2id": {"LABEL_0": 0, "LABEL_1": 1}, "length_penalty": 1.0, "max_length": 20, "min_length": 0,
    "no_repeat_ngram_size": 0, "num_beam_groups": 1, "num_beams": 1, "num_return_sequences": 1, "output_attentions": False,
    "output_hidden_states": False, "output_scores": False, "pad_token_id": None, "prefix": None, "problem_type": None,
    "pruned_heads": {}, "remove_invalid_values": False, "repetition_penalty": 1.0, "return_dict": True,
    "return_dict_in_generate": False, "sep_token_id": None, "task_specific_params": None, "temperature": 1.0,
    "tf_legacy_loss": False, "tie_encoder_decoder": False, "tie_word_embeddings": True, "tokenizer_class": None, "top_k": 50,
    "top_p": 1.0, "torch_dtype": None, "torchscript": False, "transformers_version": "4.21.3", "typical_p": 1.0,
    "use_bfloat16": False,
}  # fmt: skip
# What 4.5x wrote of its fast processors.
FAST = dict(data_format="channels_first", default_to_square=True, device=None, disable_grouping=None, input_data_format=None, return_tensors=None)
INTERN_VIT = {
    "architectures": ["InternVisionModel"], "attention_dropout": 0.0,
    "auto_map": {"AutoConfig": "configuration_intern_vit.InternVisionConfig", "AutoModel": "modeling_intern_vit.InternVisionModel"},
    "drop_path_rate": 0.1, "dropout": 0.0, "hidden_act": "gelu", "hidden_size": 1024, "image_size": 448, "initializer_factor": 0.1,
    "initializer_range": 1e-10, "intermediate_size": 4096, "layer_norm_eps": 1e-06, "model_type": "intern_vit_6b",
    "norm_type": "layer_norm", "num_attention_heads": 16, "num_channels": 3, "num_hidden_layers": 24, "patch_size": 14,
    "qk_normalization": False, "qkv_bias": True, "torch_dtype": "bfloat16", "use_bfloat16": True, "use_flash_attn": True,
}  # fmt: skip
EXPERTS = {
    "capacity_factor": 1.2, "eval_capacity_factor": 1.4, "laux_allreduce": "all_nodes", "moe_coeff_ratio": 0.5,
    "moe_intermediate_size": 768, "moe_output_scale": 4.0, "noisy_gate_policy": "RSample_before", "num_experts": 8,
    "num_routed_experts": 4, "num_shared_experts": 4, "shared_expert_intermediate_size": 3072, "use_moe": False,
    "use_residual": True, "use_rts": False, "use_weighted_residual": False,
}  # fmt: skip
INTERN_FILE = dict(
    crop_size=448, do_center_crop=True, do_normalize=True, do_resize=True, feature_extractor_type="CLIPFeatureExtractor",
    resample=3, size=448, **IMAGENET,
)  # fmt: skip
LLAVA_TOWER = dict(
    hidden_size=1024, image_size=336, intermediate_size=4096, model_type="clip_vision_model", num_attention_heads=16,
    num_hidden_layers=24, patch_size=14, projection_dim=768, vocab_size=32000,
)  # fmt: skip
CLIP_336 = dict(
    crop_size={"height": 336, "width": 336}, do_center_crop=True, do_convert_rgb=True, **DO,
    image_processor_type="CLIPImageProcessor", resample=3, size={"shortest_edge": 336}, **CLIP,
)  # fmt: skip
DINOV2 = dict(
    architectures=["Dinov2Model"], attention_probs_dropout_prob=0.0, drop_path_rate=0.0, hidden_act="gelu", hidden_dropout_prob=0.0,
    hidden_size=768, image_size=518, initializer_range=0.02, layer_norm_eps=1e-06, layerscale_value=1.0, mlp_ratio=4,
    model_type="dinov2", num_attention_heads=12, num_channels=3, num_hidden_layers=12, patch_size=14, qkv_bias=True,
    torch_dtype="float32", transformers_version="4.32.0.dev0", use_swiglu_ffn=False,
)  # fmt: skip
STAGES = ["stem", *(f"stage{i}" for i in range(1, 13))]
DINOV2_FILE = dict(
    crop_size={"height": 224, "width": 224}, do_center_crop=True, do_convert_rgb=True, **DO,
    image_processor_type="BitImageProcessor", resample=3, size={"shortest_edge": 256}, **IMAGENET,
)  # fmt: skip
SMOL = dict(do_convert_rgb=True, do_image_splitting=True, do_pad=True, **DO, resample=1, **HALF)
SMOL_512 = dict(
    hidden_size=768, image_size=512, max_image_size={"longest_edge": 512}, model_type="smolvlm_vision", num_attention_heads=12,
    patch_size=16, size={"longest_edge": 2048}, tie_word_embeddings=False, use_base_siglip=False,
)  # fmt: skip
LFM2_TOWER = dict(
    attention_dropout=0.0, hidden_act="gelu_pytorch_tanh", hidden_size=768, intermediate_size=3072, layer_norm_eps=1e-06,
    model_type="siglip2_vision_model", num_attention_heads=12, num_channels=3, num_hidden_layers=12, num_patches=256, patch_size=16,
    torch_dtype="bfloat16", vision_use_head=False,
)  # fmt: skip
LFM2 = dict(
    do_image_splitting=True, do_normalize=True, do_rescale=True, image_processor_type="Lfm2VlImageProcessorFast",
    max_num_patches=1024, processor_class="Lfm2VlProcessor", **HALF,
)  # fmt: skip


def siglip(config: dict, file: dict, **more) -> dict:
    whole = dict(architectures=["SiglipModel"], initializer_factor=1.0, model_type="siglip", torch_dtype="float32", vision_config=config)
    return dict(config=whole, file=dict(**DO, image_processor_type="SiglipImageProcessor", processor_class="SiglipProcessor", **HALF, **file), **more)


def vlm(model_type: str, tower: dict, file: dict, max_tokens: int, **config) -> dict:
    return dict(config=dict(model_type=model_type, vision_config=tower, **config), file=file, maxTokens=max_tokens)


PUBLISHED = {
    "google/vit-base-patch16-224": dict(
        config=dict(
            architectures=["ViTForImageClassification"], attention_probs_dropout_prob=0.0, hidden_act="gelu", hidden_dropout_prob=0.0,
            hidden_size=768, id2label={"0": "tench, Tinca tinca"}, image_size=224, initializer_range=0.02, intermediate_size=3072,
            label2id={"tench, Tinca tinca": "0"}, layer_norm_eps=1e-12, model_type="vit", num_attention_heads=12, num_channels=3,
            num_hidden_layers=12, patch_size=16, qkv_bias=True, transformers_version="4.13.0.dev0",
        ),
        file=dict(do_normalize=True, do_resize=True, size=224, **HALF), maxTokens=196,
    ),
    "facebook/deit-tiny-patch16-224": dict(
        config=dict(
            architectures=["ViTForImageClassification"], attention_probs_dropout_prob=0.0, hidden_act="gelu", hidden_dropout_prob=0.0,
            hidden_size=192, image_size=224, initializer_range=0.02, intermediate_size=768, layer_norm_eps=1e-12, model_type="vit",
            num_attention_heads=3, num_channels=3, num_hidden_layers=12, patch_size=16, torch_dtype="float32",
        ),
        file=dict(
            crop_size=224, do_center_crop=True, do_normalize=True, do_resize=True, feature_extractor_type="DeiTFeatureExtractor",
            resample=3, size=256, **IMAGENET,
        ), maxTokens=196,
    ),
    "openai/clip-vit-large-patch14-336": dict(
        config=dict(
            _name_or_path="openai/clip-vit-large-patch14-336", architectures=["CLIPModel"], initializer_factor=1.0,
            logit_scale_init_value=2.6592, model_type="clip", projection_dim=768,
            vision_config=OLD | dict(
                attention_dropout=0.0, dropout=0.0, hidden_act="quick_gelu", hidden_size=1024, image_size=336, initializer_factor=1.0,
                initializer_range=0.02, intermediate_size=4096, layer_norm_eps=1e-05, model_type="clip_vision_model",
                num_attention_heads=16, num_channels=3, num_hidden_layers=24, patch_size=14, projection_dim=768,
            ),
        ),
        file=dict(
            crop_size=336, do_center_crop=True, do_normalize=True, do_resize=True, feature_extractor_type="CLIPFeatureExtractor",
            resample=3, size=336, **CLIP,
        ), maxTokens=576,
    ),
    "google/siglip-so400m-patch14-384": siglip(SO400M, dict(resample=3, size={"height": 384, "width": 384}), maxTokens=729),
    "google/siglip2-base-patch16-256": siglip(
        dict(
            attention_dropout=0.0, hidden_act="gelu_pytorch_tanh", hidden_size=768, image_size=256, intermediate_size=3072,
            layer_norm_eps=1e-06, model_type="siglip_vision_model", num_attention_heads=12, num_channels=3, num_hidden_layers=12,
            patch_size=16, torch_dtype="float32",
        ),
        dict(do_convert_rgb=None, resample=2, size={"height": 256, "width": 256}), maxTokens=256,
    ),
    "google/siglip2-base-patch16-naflex": dict(
        config=dict(
            architectures=["Siglip2Model"], initializer_factor=1.0, model_type="siglip2", torch_dtype="float32",
            vision_config={k: v for k, v in LFM2_TOWER.items() if k != "vision_use_head"} | dict(torch_dtype="float32"),
        ),
        file=dict(
            do_convert_rgb=None, **DO, image_processor_type="Siglip2ImageProcessor", max_num_patches=256, patch_size=16,
            processor_class="Siglip2Processor", resample=2, **HALF,
        ), maxTokens=256,
    ),
    "facebook/dinov2-base": dict(config=DINOV2, file=DINOV2_FILE, maxTokens=256),
    "facebook/dinov2-with-registers-base": dict(
        config=DINOV2 | dict(
            apply_layernorm=True, architectures=["Dinov2WithRegistersModel"], interpolate_antialias=True, interpolate_offset=0.0,
            model_type="dinov2_with_registers", num_register_tokens=4, out_features=["stage12"], out_indices=[12],
            reshape_hidden_states=True, stage_names=STAGES,
        ),
        file=DINOV2_FILE, maxTokens=256,
    ),
    "OpenGVLab/InternViT-300M-448px": dict(config=INTERN_VIT | dict(transformers_version="4.37.2"), file=INTERN_FILE, maxTokens=1024),
    "OpenGVLab/InternVL2_5-1B": vlm(
        "internvl_chat", INTERN_VIT | EXPERTS | dict(_name_or_path="OpenGVLab/InternViT-6B-448px-V1-5"), INTERN_FILE, 1024,
        downsample_ratio=0.5, dynamic_image_size=True, force_image_size=448, max_dynamic_patch=12, min_dynamic_patch=1,
        pad2square=False, ps_version="v2", select_layer=-1, template="internvl2_5", use_backbone_lora=0, use_llm_lora=0,
        use_thumbnail=True,
    ),
    "OpenGVLab/InternVL3-1B-hf": vlm(
        "internvl",
        dict(
            architectures=["InternVisionModel"], attention_bias=True, attention_dropout=0.0, dropout=0.0, hidden_act="gelu",
            hidden_dropout_prob=0.0, hidden_size=1024, image_size=[448, 448], initializer_factor=0.1, initializer_range=1e-10,
            intermediate_size=4096, layer_norm_eps=1e-06, layer_scale_init_value=0.1, model_type="internvl_vision",
            norm_type="layer_norm", num_attention_heads=16, num_channels=3, num_hidden_layers=24, patch_size=[14, 14],
            projection_dropout=0.0, torch_dtype="bfloat16", use_absolute_position_embeddings=True, use_mask_token=False,
            use_mean_pooling=True, use_qk_norm=False,
        ),
        dict(
            crop_size=None, crop_to_patches=False, do_center_crop=None, do_convert_rgb=True, **DO, **FAST,
            image_processor_type="GotOcr2ImageProcessorFast", max_patches=12, min_patches=1, processor_class="InternVLProcessor",
            resample=3, size={"height": 448, "width": 448}, **IMAGENET,
        ), 1024,
    ),
    "llava-hf/llava-1.5-7b-hf": vlm("llava", LLAVA_TOWER, CLIP_336 | dict(processor_class="LlavaProcessor"), 576),
    "llava-hf/llava-v1.6-mistral-7b-hf": vlm(
        "llava_next", LLAVA_TOWER,
        CLIP_336 | dict(
            aspect_ratio_setting="anyres", do_pad=True, image_processor_type="LlavaNextImageProcessor", processor_class="LlavaNextProcessor",
            image_grid_pinpoints=[[336, 672], [672, 336], [672, 672], [1008, 336], [336, 1008]],
        ), 576,
    ),
    "llava-hf/llava-onevision-qwen2-0.5b-ov-hf": vlm(
        "llava_onevision", SO400M | dict(num_hidden_layers=26, vision_use_head=False),
        dict(
            do_convert_rgb=True, do_pad=True, **DO, image_processor_type="LlavaOnevisionImageProcessor",
            image_grid_pinpoints=[[384, 384], [384, 768], [768, 384]], processor_class="LlavaOnevisionProcessor", resample=3,
            size={"height": 384, "width": 384}, **HALF,
        ), 729, image_aspect_ratio="anyres_max_9",
    ),
    # LLaVA's own files name their tower and have no vision_config: nothing on the hub is so. Scripts write it for transformers.
    "LLaVA's own config.json with its tower's vision_config": vlm(
        "llava_llama", LLAVA_TOWER, CLIP_336, 576,
        image_aspect_ratio="pad", image_grid_pinpoints=None, mm_projector_type="mlp2x_gelu", mm_vision_select_layer=-2,
    ),
    "HuggingFaceM4/Idefics3-8B-Llama3": vlm(
        "idefics3", dict(hidden_size=1152, image_size=364, intermediate_size=4304, model_type="idefics3", num_attention_heads=16,
                         num_hidden_layers=27, patch_size=14),
        SMOL | dict(image_processor_type="Idefics3ImageProcessor", max_image_size={"longest_edge": 364}, size={"longest_edge": 1456}), 676,
    ),
    "HuggingFaceTB/SmolVLM-Instruct": vlm(
        "idefics3",
        dict(
            hidden_size=1152, image_size=384, intermediate_size=4304, max_image_size={"longest_edge": 384}, model_type="idefics3",
            num_attention_heads=16, num_hidden_layers=27, patch_size=14, size={"longest_edge": 1920}, tie_word_embeddings=False,
            use_base_siglip=False,
        ),
        SMOL | dict(image_processor_type="Idefics3ImageProcessor", max_image_size={"longest_edge": 384}, size={"longest_edge": 1536}), 729,
    ),
    "HuggingFaceTB/SmolVLM-256M-Instruct": vlm(
        "idefics3", SMOL_512 | dict(model_type="idefics3"),
        SMOL | dict(
            image_processor_type="Idefics3ImageProcessor", max_image_size={"longest_edge": 512}, processor_class="Idefics3Processor",
            size={"longest_edge": 2048},
        ), 1024,
    ),
    "HuggingFaceTB/SmolVLM2-500M-Video-Instruct": vlm(
        "smolvlm", SMOL_512,
        SMOL | dict(
            image_processor_type="SmolVLMImageProcessor", max_image_size={"longest_edge": 512}, processor_class="SmolVLMProcessor",
            size={"longest_edge": 2048}, video_sampling={"fps": 1, "max_frames": 64, "video_size": {"longest_edge": 512}},
        ), 1024,
    ),
    "google/gemma-3-4b-it": vlm(
        "gemma3", SO400M | dict(image_size=896, vision_use_head=False),
        dict(
            do_convert_rgb=None, do_pan_and_scan=None, **DO, image_processor_type="Gemma3ImageProcessor", image_seq_length=256,
            pan_and_scan_max_num_crops=None, pan_and_scan_min_crop_size=None, pan_and_scan_min_ratio_to_activate=None,
            processor_class="Gemma3Processor", resample=2, size={"height": 896, "width": 896}, **HALF,
        ), 4096, mm_tokens_per_image=256,
    ),
    "LiquidAI/LFM2-VL-450M": vlm("lfm2-vl", LFM2_TOWER, LFM2 | dict(do_resize=False, patch_size=16, return_row_col_info=True), 1024),
    "LiquidAI/LFM2-VL-450M, later": vlm(
        "lfm2_vl", LFM2_TOWER,
        LFM2 | FAST | dict(
            crop_size=None, do_center_crop=None, do_convert_rgb=None, do_pad=True, do_resize=True, downsample_factor=2,
            encoder_patch_size=16, max_image_tokens=256, max_pixels_tolerance=2.0, max_tiles=10, min_image_tokens=64, min_tiles=2,
            pad_size=None, resample=2, size={"height": 512, "width": 512}, tile_size=512, use_thumbnail=True,
        ), 1024,
    ),
    "mistral-community/pixtral-12b": vlm(
        "llava",
        dict(
            head_dim=64, hidden_act="silu", image_size=1024, is_composition=True, model_type="pixtral", patch_size=16,
            rope_theta=10000.0, tie_word_embeddings=False,
        ),
        dict(
            do_convert_rgb=True, image_processor_type="PixtralImageProcessor", patch_size={"height": 16, "width": 16},
            processor_class="PixtralProcessor", resample=3, size={"longest_edge": 1024}, **DO, **CLIP,
        ), 4096,
    ),
    "mistralai/Mistral-Small-3.1-24B-Instruct-2503": vlm(
        "mistral3",
        dict(
            attention_dropout=0.0, head_dim=64, hidden_act="silu", hidden_size=1024, image_size=1540, initializer_range=0.02,
            intermediate_size=4096, model_type="pixtral", num_attention_heads=16, num_channels=3, num_hidden_layers=24, patch_size=14,
            rope_theta=10000.0,
        ),
        dict(
            crop_size=None, data_format="channels_first", default_to_square=True, device=None, do_center_crop=None, do_convert_rgb=True,
            image_processor_type="PixtralImageProcessorFast", input_data_format=None, patch_size=14, processor_class="PixtralProcessor",
            resample=3, return_tensors=None, size={"longest_edge": 1540}, **DO, **CLIP,
        ), 12100,
    ),
    "Qwen/Qwen2-VL-2B-Instruct": vlm(
        "qwen2_vl",
        dict(
            depth=32, embed_dim=1280, hidden_size=1536, in_chans=3, mlp_ratio=4, num_heads=16, patch_size=14,
            spatial_merge_size=2, spatial_patch_size=14, temporal_patch_size=2,
        ),
        dict(
            image_processor_type="Qwen2VLImageProcessor", max_pixels=12845056, merge_size=2, min_pixels=3136, patch_size=14,
            processor_class="Qwen2VLProcessor", temporal_patch_size=2, **CLIP,
        ), 65536,
    ),
    "Qwen/Qwen3-VL-4B-Instruct": vlm(
        "qwen3_vl",
        dict(
            deepstack_visual_indexes=[5, 11, 17], depth=24, hidden_act="gelu_pytorch_tanh", hidden_size=1024, in_channels=3,
            initializer_range=0.02, intermediate_size=4096, model_type="qwen3_vl", num_heads=16, num_position_embeddings=2304,
            out_hidden_size=2560, patch_size=16, spatial_merge_size=2, temporal_patch_size=2,
        ),
        dict(
            image_processor_type="Qwen2VLImageProcessorFast", merge_size=2, patch_size=16, processor_class="Qwen3VLProcessor",
            size={"longest_edge": 16777216, "shortest_edge": 65536}, temporal_patch_size=2, **HALF,
        ), 65536,
    ),
    "Qwen/Qwen2.5-VL-3B-Instruct": vlm(
        "qwen2_5_vl",
        dict(
            depth=32, fullatt_block_indexes=[7, 15, 23, 31], hidden_act="silu", hidden_size=1280, in_chans=3, intermediate_size=3420,
            num_heads=16, out_hidden_size=2048, patch_size=14, spatial_merge_size=2, spatial_patch_size=14, temporal_patch_size=2,
            tokens_per_second=2, window_size=112,
        ),
        dict(
            image_processor_type="Qwen2VLImageProcessor", max_pixels=12845056, merge_size=2, min_pixels=3136, patch_size=14,
            processor_class="Qwen2_5_VLProcessor", temporal_patch_size=2, **CLIP,
        ), 65536,
    ),
}  # fmt: skip

# What agrees with which public copy. The copies of configs are in code and notes on GitHub, which quote or print the hub's file.
CHECKED = {
    "google/vit-base-patch16-224": "config.json: as printed in public notes on the checkpoint, and the sizes in Vukkisa/AI-ML "
    "vit-base-patch16-224/config.json. Processor: none",
    "google/siglip-so400m-patch14-384": "vision_config: FLUX.1-Redux-dev's image encoder, the same tower, in FramePack's copy. Processor: a "
    "copy of the checkpoint's own, field by field",
    "facebook/dinov2-base": "config.json: facebook/dinov2-small's copy, all but the sizes. Processor: as a public notebook prints it",
    "facebook/dinov2-with-registers-base": "num_register_tokens and the fields that DINOv2 has: a copy of the small one's. Processor: none",
    "OpenGVLab/InternVL2_5-1B": "vision_config and the tiling's fields: OpenGVLab/InternVL3-1B's as printed in public notes, where "
    "use_flash_attn alone differs. Processor: none",
    "OpenGVLab/InternVL3-1B-hf": "Processor: size, mean, std, resample and the count of patches by the asserts of code that loads the "
    "family. config.json: none",
    "llava-hf/llava-v1.6-mistral-7b-hf": "Processor: as public notes print it of this checkpoint. config.json: none",
    "HuggingFaceTB/SmolVLM-256M-Instruct": "Processor: as quoted in Spark NLP's SmolVLM annotator. config.json: none",
    "HuggingFaceTB/SmolVLM2-500M-Video-Instruct": "config.json and processor: a verbatim copy in a public cache builder for tests",
    "google/gemma-3-4b-it": "Processor: a verbatim copy of the 27B one's, the same file. config.json: none",
    "LiquidAI/LFM2-VL-450M": "Processor: the fields in mlx-vlm's tests of this file. config.json: none",
    "Qwen/Qwen2.5-VL-3B-Instruct": "vision_config: a copy of the 7B one's, all but out_hidden_size and window_size. Processor: the pixel "
    "range, patches and mean in a copy of Qwen2-VL's",
}

if __name__ == "__main__":
    PUBLISHED = {name: dict(checked=CHECKED.get(name), **one) for name, one in PUBLISHED.items()}
    assert CHECKED.keys() <= PUBLISHED.keys()
    lines = ",\n".join(f"{json.dumps(name)}:{json.dumps(one, separators=(',', ':'))}" for name, one in PUBLISHED.items())
    (Path(__file__).parent / "published.json").write_text(f"{{\n{lines}\n}}\n")
