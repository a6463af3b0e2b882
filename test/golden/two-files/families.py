"""The tiny models that make_two_files.py makes: their tokenizers, configs, and what their processors write for an image."""

import math

import torch
import transformers as tf
from tokenizers import Tokenizer, decoders, models, pre_tokenizers
from transformers.models.glm4v.image_processing_pil_glm4v import Glm4vImageProcessorPil
from transformers.models.lfm2_vl.image_processing_lfm2_vl import Lfm2VlImageProcessor
from transformers.models.llava.image_processing_pil_llava import LlavaImageProcessorPil
from transformers.models.pixtral.image_processing_pil_pixtral import PixtralImageProcessorPil
from transformers.models.qwen2_vl.image_processing_pil_qwen2_vl import Qwen2VLImageProcessorPil

QWEN = ["<|endoftext|>", "<|im_start|>", "<|im_end|>", "<|vision_start|>", "<|vision_end|>", "<|image_pad|>", "<|video_pad|>"]
GLM = ["<|endoftext|>", "[gMASK]", "<sop>", "<|user|>", "<|assistant|>", "<|begin_of_image|>", "<|end_of_image|>", "<|image|>", "<|video|>"]
LLAMA = ["<unk>", "<s>", "</s>", "<image>"]
LFM = ["<|pad|>", "<|startoftext|>", "<|im_end|>", "<|im_start|>", "<image>", "<|image_start|>", "<|image_end|>", "<|img_thumbnail|>"]
MISTRAL = ["<unk>", "<s>", "</s>", "[INST]", "[/INST]", "[IMG]", "[IMG_BREAK]", "[IMG_END]"]
MERGES = [("t", "h"), ("Ġ", "i")]  # llama.cpp wants some
WORDS = 256 + len(MERGES)
WIDTH = 32
TEXT = {
    "hidden_size": WIDTH,
    "intermediate_size": 48,
    "num_hidden_layers": 3,
    "num_attention_heads": 2,
    "num_key_value_heads": 1,
    "max_position_embeddings": 4096,
    "rms_norm_eps": 1e-6,
    "tie_word_embeddings": True,
    "bos_token_id": WORDS,
    "eos_token_id": WORDS + 2,
}
VISION = {"depth": 3, "num_heads": 2, "spatial_merge_size": 2, "temporal_patch_size": 2, "in_channels": 3}


def tokenizer(special):
    """Bytes, two pairs of them, and the special tokens behind them."""
    letters = sorted(pre_tokenizers.ByteLevel.alphabet())
    words = [*letters, *("".join(pair) for pair in MERGES)]
    made = Tokenizer(models.BPE(vocab={word: i for i, word in enumerate(words)}, merges=MERGES))
    made.pre_tokenizer = pre_tokenizers.ByteLevel(False)
    made.decoder = decoders.ByteLevel()
    made.add_special_tokens(special)
    return tf.PreTrainedTokenizerFast(tokenizer_object=made, eos_token=special[2], pad_token=special[0])


def randomise(model, seed):
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for name, weight in sorted(model.named_parameters()):
            noise = torch.randn(weight.shape, generator=generator)
            if "norm" in name or "ln_q" in name:
                weight.copy_(name.endswith("weight") + 0.2 * noise)
            elif weight.ndim == 1:
                weight.copy_(0.2 * noise)
            elif "embed" in name and weight.ndim == 2:
                weight.copy_(0.7 * noise)
            elif "experts" in name:
                weight.copy_(noise * 1.5 / math.sqrt(weight.shape[-1]))
            else:
                weight.copy_(noise * 1.5 / math.sqrt(weight[0].numel()))
            if is_vision(name):
                weight.copy_(weight.half())  # as the file has it
    return model.eval().float()


def is_vision(name):
    return any(part in name for part in ("visual", "vision_", "multi_modal_projector"))


def rope(section, **more):
    return {"rope_type": "default", "mrope_section": section, "rope_theta": 1e6, **more}


def qwen_ids(token):
    names = {"image_token_id": QWEN[5], "video_token_id": QWEN[6], "vision_start_token_id": QWEN[3], "vision_end_token_id": QWEN[4]}
    return {key: token(name) for key, name in names.items()}


def qwen2_vl(token):
    names = tf.models.qwen2_vl.configuration_qwen2_vl
    text = names.Qwen2VLTextConfig(**TEXT, vocab_size=len(QWEN) + WORDS, rope_parameters=rope([2, 3, 3]))
    vision = {**VISION, "embed_dim": 16, "mlp_ratio": 3, "hidden_size": WIDTH, "patch_size": 14, "hidden_act": "quick_gelu"}
    config = names.Qwen2VLConfig(text_config=text.to_dict(), vision_config=vision, **qwen_ids(token))
    return tf.Qwen2VLForConditionalGeneration(config), vision


def qwen2_5_vl(token):
    names = tf.models.qwen2_5_vl.configuration_qwen2_5_vl
    text = names.Qwen2_5_VLTextConfig(**TEXT, vocab_size=len(QWEN) + WORDS, rope_parameters=rope([2, 3, 3]))
    vision = {
        **VISION,
        "hidden_size": 16,
        "intermediate_size": 24,
        "out_hidden_size": WIDTH,
        "patch_size": 14,
        "window_size": 112,
        "depth": 4,
        "fullatt_block_indexes": [1, 3],  # llama.cpp knows every n-th alone
        "hidden_act": "silu",
    }
    config = names.Qwen2_5_VLConfig(text_config=text.to_dict(), vision_config=vision, **qwen_ids(token))
    return tf.Qwen2_5_VLForConditionalGeneration(config), vision


def qwen3_vl(token):
    names = tf.models.qwen3_vl.configuration_qwen3_vl
    rotation = rope([3, 3, 2], mrope_interleaved=True)
    text = names.Qwen3VLTextConfig(**TEXT, head_dim=16, vocab_size=len(QWEN) + WORDS, rope_parameters=rotation)
    vision = {
        **VISION,
        "hidden_size": 16,
        "intermediate_size": 24,
        "out_hidden_size": WIDTH,
        "patch_size": 16,
        "num_position_embeddings": 64,
        "deepstack_visual_indexes": [0, 1],
        "hidden_act": "gelu_pytorch_tanh",
    }
    config = names.Qwen3VLConfig(text_config=text.to_dict(), vision_config=vision, tie_word_embeddings=True, **qwen_ids(token))
    return tf.Qwen3VLForConditionalGeneration(config), vision


def qwen3_vl_moe(token):
    names = tf.models.qwen3_vl_moe.configuration_qwen3_vl_moe
    experts = {"num_experts": 4, "num_experts_per_tok": 2, "moe_intermediate_size": 24, "norm_topk_prob": True}
    text = names.Qwen3VLMoeTextConfig(**TEXT, **experts, head_dim=16, vocab_size=len(QWEN) + WORDS, rope_parameters=rope([3, 3, 2], mrope_interleaved=True))
    _, vision = qwen3_vl(token)
    config = names.Qwen3VLMoeConfig(text_config=text.to_dict(), vision_config=vision, tie_word_embeddings=True, **qwen_ids(token))
    return tf.Qwen3VLMoeForConditionalGeneration(config), vision


def glm4v(token):
    names = tf.models.glm4v.configuration_glm4v
    text = names.Glm4vTextConfig(**TEXT, vocab_size=len(GLM) + WORDS, rope_parameters=rope([2, 1, 1], partial_rotary_factor=0.5))
    vision = {
        **VISION,
        "hidden_size": 16,
        "intermediate_size": 24,
        "out_hidden_size": WIDTH,
        "patch_size": 14,
        "image_size": 70,
        "hidden_act": "silu",
        "attention_bias": False,
        "rms_norm_eps": 1e-5,
    }
    ids = {"image_token_id": GLM[7], "video_token_id": GLM[8], "image_start_token_id": GLM[5], "image_end_token_id": GLM[6]}
    ids = {key: token(name) for key, name in ids.items()}
    config = names.Glm4vConfig(text_config=text.to_dict(), vision_config=vision, tie_word_embeddings=True, **ids)
    return tf.Glm4vForConditionalGeneration(config), vision


def glm_ocr(token):
    names = tf.models.glm_ocr.configuration_glm_ocr
    text = names.GlmOcrTextConfig(**TEXT, head_dim=16, vocab_size=len(GLM) + WORDS, rope_parameters=rope([2, 1, 1], partial_rotary_factor=0.5))
    _, vision = glm4v(token)
    vision["attention_bias"] = True
    ids = {"image_token_id": GLM[7], "video_token_id": GLM[8], "image_start_token_id": GLM[5], "image_end_token_id": GLM[6]}
    ids = {key: token(name) for key, name in ids.items()}
    config = names.GlmOcrConfig(text_config=text.to_dict(), vision_config=vision, tie_word_embeddings=True, **ids)
    return tf.GlmOcrForConditionalGeneration(config), vision


def llava(token):
    vision = {"hidden_size": 16, "intermediate_size": 24, "num_hidden_layers": 3, "num_attention_heads": 2, "image_size": 56, "patch_size": 14}
    text = tf.LlamaConfig(**TEXT, head_dim=16, vocab_size=len(LLAMA) + WORDS)
    tower = tf.CLIPVisionConfig(**vision, projection_dim=8)
    config = tf.LlavaConfig(vision_config=tower, text_config=text, image_token_id=token("<image>"), tie_word_embeddings=True)
    return tf.LlavaForConditionalGeneration(config), {**vision, "projection_dim": 8}


def lfm2_vl(token):
    settings = {"hidden_size": 16, "intermediate_size": 24, "num_hidden_layers": 3, "num_attention_heads": 2, "patch_size": 16, "num_patches": 256}
    vision = tf.Siglip2VisionConfig(**settings, vision_use_head=False, layer_norm_eps=1e-6)
    own = {key: value for key, value in TEXT.items() if key != "rms_norm_eps"}
    text = tf.Lfm2Config(**own, norm_eps=1e-5, vocab_size=len(LFM) + WORDS, block_multiple_of=8, layer_types=["conv", "full_attention", "conv"])
    config = tf.Lfm2VlConfig(vision_config=vision, text_config=text, image_token_id=token("<image>"), projector_hidden_size=24, downsample_factor=2, tie_word_embeddings=True)
    return tf.Lfm2VlForConditionalGeneration(config), settings


def lighton_ocr(token):
    vision, shared = pixtral_parts(token, 14, "<|image_pad|>")
    text = tf.Qwen3Config(**TEXT, head_dim=16, vocab_size=len(QWEN) + WORDS)
    config = tf.LightOnOcrConfig(vision_config=shared["vision_config"], text_config=text, image_token_id=token("<|image_pad|>"), spatial_merge_size=2)
    return tf.LightOnOcrForConditionalGeneration(config), vision


def pixtral_parts(token, patch, image="[IMG]"):
    settings = {
        "hidden_size": 16,
        "intermediate_size": 24,
        "num_hidden_layers": 3,
        "num_attention_heads": 2,
        "head_dim": 8,
        "patch_size": patch,
        "image_size": 20 * patch,
        "hidden_act": "silu",
    }
    own = {key: value for key, value in settings.items() if key != "head_dim"}
    vision = tf.PixtralVisionConfig(**own, rope_parameters={"rope_type": "axial", "rope_theta": 10000.0})
    text = tf.MistralConfig(**TEXT | {"rms_norm_eps": 1e-5}, head_dim=16, sliding_window=None, vocab_size=len(MISTRAL) + WORDS)
    shared = {"vision_config": vision, "text_config": text, "image_token_index": token(image), "vision_feature_layer": -1}
    return settings, shared


def pixtral(token):
    vision, shared = pixtral_parts(token, 16)
    config = tf.LlavaConfig(**shared, vision_feature_select_strategy="full", tie_word_embeddings=True)
    return tf.LlavaForConditionalGeneration(config), vision


def mistral3(token):
    vision, shared = pixtral_parts(token, 14)
    config = tf.Mistral3Config(**shared, spatial_merge_size=2, tie_word_embeddings=True)
    return tf.Mistral3ForConditionalGeneration(config), vision


class Qwen:
    special, image = QWEN, "<|image_pad|>"
    turn, end = "<|im_start|>user\n{}<|im_end|>\n<|im_start|>assistant\n", "<|im_end|>\n"
    around = ("<|vision_start|>", "<|vision_end|>")
    pil, name = Qwen2VLImageProcessorPil, "Qwen2VLImageProcessorFast"

    def __init__(self, limits):
        """`limits`: the least and the most pixels of the published models."""
        self.limits = dict(zip(("shortest_edge", "longest_edge"), limits))

    def processor(self, vision):
        patch = vision["patch_size"]
        made = self.pil(size=self.limits, patch_size=patch)
        more = {"merge_size": 2, "temporal_patch_size": 2}
        return made, {"image_processor_type": self.name, "size": self.limits, "patch_size": patch, **more}

    def texts(self, pixels, vision):
        """The text of each image."""
        sizes = [int(grid.prod()) // 4 for grid in pixels["image_grid_thw"]]
        return [self.around[0] + self.image * size + self.around[1] for size in sizes]

    def inputs(self, ids, image):
        return {"mm_token_type_ids": (ids == image).int()}

    def embeddings(self, model, pixels):
        visual = model.model.visual
        out = visual(pixels["pixel_values"], pixels["image_grid_thw"], return_dict=True)
        return torch.cat([out.pooler_output, *(getattr(out, "deepstack_features", None) or [])], dim=1)

    def hub(self, tensors, config):
        """What a repository on the hub has in another form than transformers 5 saves."""


class QwenMoe(Qwen):
    def hub(self, tensors, config):
        for key in [key for key in tensors if ".experts." in key]:  # [experts, in, out]
            tensors[key] = tensors[key].transpose(1, 2).contiguous()


class Glm(Qwen):
    special, image = GLM, "<|image|>"
    turn, end = "[gMASK]<sop><|user|>\n{}<|assistant|>\n", ""
    around = ("<|begin_of_image|>", "<|end_of_image|>")
    pil, name = Glm4vImageProcessorPil, "Glm4vImageProcessorFast"


class Other:
    """A model whose processor gives an image a number of tokens, and which needs no more than its pixels."""

    def inputs(self, ids, image):
        return {}

    def embeddings(self, model, pixels):
        found = model.model.get_image_features(**pixels).pooler_output
        return torch.cat(list(found)).reshape(-1, WIDTH)

    def hub(self, tensors, config):
        pass


class Mistral(Other):
    special, image = MISTRAL, "[IMG]"
    turn, end = "<s>[INST]{}[/INST]", "</s>"

    def __init__(self, merge):
        self.merge = merge

    def processor(self, vision):
        patch = vision["patch_size"]
        size = {"longest_edge": vision["image_size"]}
        # PixtralProcessor gives the image processor patches that are whole cells.
        made = PixtralImageProcessorPil(size=size, patch_size=patch * self.merge)
        return made, {"image_processor_type": "PixtralImageProcessor", "size": size, "patch_size": {"height": patch, "width": patch}}

    def grids(self, pixels, vision):
        cell = vision["patch_size"] * self.merge
        return [(height // cell, width // cell) for height, width in pixels["image_sizes"].tolist()]

    def texts(self, pixels, vision):
        return ["[IMG_BREAK]".join(["[IMG]" * columns] * rows) + "[IMG_END]" for rows, columns in self.grids(pixels, vision)]


class LightOnOcr(Mistral):
    special, image, turn, end = QWEN, Qwen.image, Qwen.turn, Qwen.end

    def texts(self, pixels, vision):
        return [self.image * rows * columns for rows, columns in self.grids(pixels, vision)]

    def hub(self, tensors, config):
        config["architectures"] = ["LightOnOCRForConditionalGeneration"]
        config["text_config"]["architectures"] = ["Qwen3ForCausalLM"]


class Llava(Other):
    special, image = LLAMA, "<image>"
    turn, end = "<s>USER: {} ASSISTANT:", "</s>"

    def processor(self, vision):
        side = vision["image_size"]
        fields = {"size": {"shortest_edge": side}, "crop_size": {"height": side, "width": side}, "do_pad": True}
        return LlavaImageProcessorPil(**fields), {"image_processor_type": "LlavaImageProcessor", **fields}

    def texts(self, pixels, vision):
        return [self.image * (vision["image_size"] // vision["patch_size"]) ** 2] * len(pixels["pixel_values"])

    def hub(self, tensors, config):
        config["text_config"]["architectures"] = ["LlamaForCausalLM"]


class Lfm(Other):
    special, image = LFM, "<image>"
    turn, end = "<|startoftext|><|im_start|>user\n{}<|im_end|>\n<|im_start|>assistant\n", "<|im_end|>\n"

    def processor(self, vision):
        fields = {"image_mean": [0.5] * 3, "image_std": [0.5] * 3, "encoder_patch_size": vision["patch_size"], "downsample_factor": 2}
        return Lfm2VlImageProcessor(**fields), {"image_processor_type": "Lfm2VlImageProcessor", **fields}

    def texts(self, pixels, vision):
        sizes = [int(shape.prod()) // 4 for shape in pixels["spatial_shapes"]]
        return ["<|image_start|>" + self.image * size + "<|image_end|>" for size in sizes]

    def hub(self, tensors, config):
        config["text_config"]["architectures"] = ["Lfm2ForCausalLM"]
        for key in [key for key in tensors if "vision_tower." in key and ".vision_model." not in key]:
            tensors[key.replace("vision_tower.", "vision_tower.vision_model.")] = tensors.pop(key)


QWEN2_PIXELS = (3136, 12845056)
FAMILIES = {
    "qwen2_vl": (qwen2_vl, Qwen(QWEN2_PIXELS)),
    "qwen2_5_vl": (qwen2_5_vl, Qwen(QWEN2_PIXELS)),
    "qwen3_vl": (qwen3_vl, Qwen((65536, 16777216))),
    "qwen3_vl_moe": (qwen3_vl_moe, QwenMoe((65536, 16777216))),
    "pixtral": (pixtral, Mistral(1)),
    "mistral3": (mistral3, Mistral(2)),
    "lighton_ocr": (lighton_ocr, LightOnOcr(2)),
    "glm4v": (glm4v, Glm((12544, 9633792))),
    "glm_ocr": (glm_ocr, Glm((12544, 9633792))),
    "llava": (llava, Llava()),
    "lfm2_vl": (lfm2_vl, Lfm()),
}
# Of a square that no processor resizes, in patches.
SIDES = {"qwen2_vl": 12, "qwen2_5_vl": 12, "qwen3_vl": 16, "qwen3_vl_moe": 16, "pixtral": 12, "mistral3": 12, "lighton_ocr": 12, "glm4v": 12, "glm_ocr": 12, "llava": 4, "lfm2_vl": 16}
VISION_TYPES = {"pixtral": "pixtral", "mistral3": "pixtral", "lighton_ocr": "pixtral", "llava": "clip_vision_model", "lfm2_vl": "siglip2_vision_model"}
SHARED = [
    "model_type", "vision_feature_layer", "vision_feature_select_strategy", "spatial_merge_size", "multimodal_projector_bias",
    "downsample_factor", "projector_use_layernorm",
]  # fmt: skip
