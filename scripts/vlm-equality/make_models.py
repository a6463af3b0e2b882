"""Makes tiny random vision language models of the most used families, as people have them: a Hugging Face folder, and the two GGUF
files that llama.cpp's own converter writes of it. Beside them lies what transformers answers.

    pip install transformers==5.18 torch torchvision safetensors gguf pillow
    LLAMA_CPP=<a clone of llama.cpp v0.5.0> python make_models.py <out> [family...]

<out>/<family> gets hf/ (the folder), llm.gguf, mmproj.gguf (both F32), native.png, photo.png and expected.json: for a square that no
processor resizes and for a photo the prompt's ids, 24 greedy ids and the first token's five likeliest with their log probabilities.
Weights are random, of a seed with no near tie. Tokenizers are bytes with the family's own special tokens, templates are those of
test/golden/prompt/make_prompts.py. Image sizes are the families' own, or smaller ones where they are free.
"""

import json
import math
import os
import runpy
import sys
from pathlib import Path
from unittest import mock

HERE = Path(__file__).parent.resolve()
ROOT = HERE.parents[1]
LLAMA_CPP = Path(os.environ.get("LLAMA_CPP", "llama.cpp")).resolve()
sys.path[:0] = [str(LLAMA_CPP), str(LLAMA_CPP / "gguf-py"), str(ROOT / "test/golden/prompt")]

import make_prompts as prompts  # its templates
import numpy as np
import torch
import transformers as tf
from PIL import Image
from safetensors.torch import load_file, save_file
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, processors
from transformers.models.clip.image_processing_pil_clip import CLIPImageProcessorPil
from transformers.models.gemma3.image_processing_pil_gemma3 import Gemma3ImageProcessorPil
from transformers.models.got_ocr2.image_processing_pil_got_ocr2 import GotOcr2ImageProcessorPil
from transformers.models.lfm2_vl.image_processing_lfm2_vl import Lfm2VlImageProcessor
from transformers.models.pixtral.image_processing_pil_pixtral import PixtralImageProcessorPil
from transformers.models.qwen2_vl.image_processing_pil_qwen2_vl import Qwen2VLImageProcessorPil
from transformers.models.smolvlm.image_processing_pil_smolvlm import SmolVLMImageProcessorPil

QUESTION = "What is in the image?"
LENGTH = 24
NEAR_TIE = 0.02  # in logits, between the likeliest token and the next
MERGES = [("t", "h"), ("Ġ", "i")]  # llama.cpp wants some
WORDS = 256 + len(MERGES)
WIDTH = 32
LLM = dict(hidden_size=WIDTH, intermediate_size=48, num_hidden_layers=2, num_attention_heads=2, num_key_value_heads=1, max_position_embeddings=8192, rms_norm_eps=1e-6)  # fmt: skip
TOWER = dict(hidden_size=32, intermediate_size=48, num_hidden_layers=3, num_attention_heads=2)
HALF = dict(image_mean=[0.5] * 3, image_std=[0.5] * 3)
PIXTRAL = """{{ bos_token }}{% for message in messages %}{% if message['role'] == 'user' %}[INST]{% for part in message['content'] %}\
{% if part['type'] == 'image' %}[IMG]{% else %}{{ part['text'] }}{% endif %}{% endfor %}[/INST]\
{% elif message['role'] == 'assistant' %}{{ message['content'][0]['text'] + eos_token }}{% endif %}{% endfor %}"""


def tokenizer(special, bos=None, more=(), **names):
    letters = sorted(pre_tokenizers.ByteLevel.alphabet())
    merges = [*MERGES, *more]
    words = [*letters, *("".join(pair) for pair in merges)]
    made = Tokenizer(models.BPE(vocab={word: i for i, word in enumerate(words)}, merges=merges))
    made.pre_tokenizer = pre_tokenizers.ByteLevel(False)
    made.decoder = decoders.ByteLevel()
    made.add_special_tokens(special)
    if bos:
        made.post_processor = processors.TemplateProcessing(single=f"{bos} $A", special_tokens=[(bos, made.token_to_id(bos))])
        names["bos_token"] = bos
    return prompts.fast(made, special, **names)


def text_config(tok, kind, **more):
    own = {"vocab_size": len(tok), "bos_token_id": tok.bos_token_id, "eos_token_id": tok.eos_token_id, "pad_token_id": tok.pad_token_id}
    return kind(**{**LLM, **own, "tie_word_embeddings": True, **more})


def llava():
    tok = tokenizer(["<s>", "</s>", "<image>", "<pad>"], "<s>", eos_token="</s>", pad_token="<pad>", image_token="<image>")
    image = tok.convert_tokens_to_ids("<image>")
    vision = tf.CLIPVisionConfig(**TOWER, image_size=336, patch_size=14, projection_dim=16)
    config = tf.LlavaConfig(vision_config=vision, text_config=text_config(tok, tf.LlamaConfig), image_token_index=image, vision_feature_layer=-2, vision_feature_select_strategy="default", tie_word_embeddings=True)
    clip = CLIPImageProcessorPil(size={"shortest_edge": 336}, crop_size={"height": 336, "width": 336})
    processor = tf.LlavaProcessor(clip, tok, patch_size=14, vision_feature_select_strategy="default", num_additional_image_tokens=1)
    return tf.LlavaForConditionalGeneration, config, processor, prompts.VICUNA, 336, "<image>"


def pixtral():
    tok = tokenizer(["<s>", "</s>", "<unk>", "<pad>", "[INST]", "[/INST]", "[IMG]", "[IMG_BREAK]", "[IMG_END]"], "<s>", eos_token="</s>", unk_token="<unk>", pad_token="<pad>", image_token="[IMG]", image_break_token="[IMG_BREAK]", image_end_token="[IMG_END]")
    image = tok.convert_tokens_to_ids("[IMG]")
    vision = tf.PixtralVisionConfig(**TOWER, image_size=1024, patch_size=16, rope_parameters={"rope_theta": 10000.0, "rope_type": "default"})
    text = text_config(tok, tf.MistralConfig, head_dim=16, sliding_window=None)
    config = tf.LlavaConfig(vision_config=vision, text_config=text, image_token_index=image, vision_feature_layer=-1, vision_feature_select_strategy="full", tie_word_embeddings=True)
    pixels = PixtralImageProcessorPil(size={"longest_edge": 1024}, patch_size={"height": 16, "width": 16})
    processor = tf.PixtralProcessor(pixels, tok, patch_size=16, image_token="[IMG]", image_break_token="[IMG_BREAK]", image_end_token="[IMG_END]")
    return tf.LlavaForConditionalGeneration, config, processor, PIXTRAL, 256, "[IMG]"


def gemma3():
    special = ["<pad>", "<eos>", "<bos>", "<unk>", "<start_of_turn>", "<end_of_turn>", "<start_of_image>", "<end_of_image>", "<image_soft_token>"]
    tok = tokenizer(special, "<bos>", eos_token="<eos>", unk_token="<unk>", pad_token="<pad>", boi_token="<start_of_image>", eoi_token="<end_of_image>", image_token="<image_soft_token>")
    ids = {name: tok.convert_tokens_to_ids(word) for name, word in [("image_token_index", "<image_soft_token>"), ("boi_token_index", "<start_of_image>"), ("eoi_token_index", "<end_of_image>")]}
    vision = tf.SiglipVisionConfig(**TOWER, image_size=896, patch_size=14, layer_norm_eps=1e-6, vision_use_head=False)
    text = text_config(tok, tf.Gemma3TextConfig, num_hidden_layers=6, head_dim=16, sliding_window=1024, query_pre_attn_scalar=16)
    config = tf.Gemma3Config(vision_config=vision, text_config=text, mm_tokens_per_image=256, **ids)
    processor = tf.Gemma3Processor(Gemma3ImageProcessorPil(size={"height": 896, "width": 896}, **HALF), tok, image_seq_length=256)
    return tf.Gemma3ForConditionalGeneration, config, processor, prompts.GEMMA, 896, "<image_soft_token>"


def smolvlm():
    special = ["<|im_start|>", "<|im_end|>", "<image>", "<fake_token_around_image>", "<end_of_utterance>", "<global-img>", *prompts.ROWS]
    # llama.cpp writes "\n\n" as one token here.
    tok = tokenizer(special, None, [("Ċ", "Ċ")], bos_token="<|im_start|>", eos_token="<end_of_utterance>", pad_token="<|im_end|>", **prompts.SMOL_NAMES)
    vision = tf.SmolVLMVisionConfig(**TOWER, image_size=512, patch_size=16)
    config = tf.SmolVLMConfig(vision_config=vision, text_config=text_config(tok, tf.LlamaConfig), image_token_id=tok.convert_tokens_to_ids("<image>"), scale_factor=4, tie_word_embeddings=True)
    pixels = SmolVLMImageProcessorPil(size={"longest_edge": 2048}, max_image_size={"longest_edge": 512}, do_image_splitting=True, **HALF)
    with mock.patch("transformers.models.smolvlm.processing_smolvlm.num2words", object()):
        processor = tf.SmolVLMProcessor(pixels, tok, tf.models.smolvlm.video_processing_smolvlm.SmolVLMVideoProcessor(), image_seq_len=64)
    return tf.SmolVLMForConditionalGeneration, config, processor, prompts.SMOL.replace("BEGIN", "<|im_start|>"), 512, "<image>"


def internvl():
    words = [*prompts.QWEN_SPECIAL, "<img>", "</img>", "<IMG_CONTEXT>", "<video>"]
    tok = tokenizer(words, None, eos_token="<|im_end|>", pad_token="<|endoftext|>", start_image_token="<img>", end_image_token="</img>", context_image_token="<IMG_CONTEXT>", video_token="<video>")
    # llama.cpp's converter finds mlp1.3 in a tower of four blocks or more.
    vision = tf.InternVLVisionConfig(**{**TOWER, "num_hidden_layers": 4}, image_size=[448, 448], patch_size=[14, 14], attention_bias=True, layer_norm_eps=1e-6)
    config = tf.InternVLConfig(vision_config=vision.to_dict(), text_config=text_config(tok, tf.Qwen2Config).to_dict(), image_token_id=tok.convert_tokens_to_ids("<IMG_CONTEXT>"), image_seq_length=256, downsample_ratio=0.5, tie_word_embeddings=True)
    norm = dict(image_mean=[0.485, 0.456, 0.406], image_std=[0.229, 0.224, 0.225])
    pixels = GotOcr2ImageProcessorPil(size={"height": 448, "width": 448}, crop_to_patches=True, min_patches=1, max_patches=12, **norm)
    processor = tf.InternVLProcessor(pixels, tok, tf.models.internvl.video_processing_internvl.InternVLVideoProcessor(), image_seq_length=256)
    return tf.InternVLForConditionalGeneration, config, processor, prompts.CHATML_TYPED, 448, "<IMG_CONTEXT>"


def lfm2_vl():
    tags = [f"<|img_row_{r}_col_{c}|>" for r in range(1, 11) for c in range(1, 11)]
    tok = tokenizer(["<|startoftext|>", "<|pad|>", "<|im_start|>", "<|im_end|>", "<image>", "<|image_start|>", "<|image_end|>", "<|img_thumbnail|>", *tags], "<|startoftext|>", eos_token="<|im_end|>", pad_token="<|pad|>", image_token="<image>", image_start_token="<|image_start|>", image_end_token="<|image_end|>", image_thumbnail_token="<|img_thumbnail|>")
    vision = tf.Siglip2VisionConfig(**TOWER, num_patches=256, patch_size=16, vision_use_head=False, layer_norm_eps=1e-6)
    text = text_config(tok, tf.Lfm2Config, rms_norm_eps=None, norm_eps=1e-5, block_multiple_of=8, layer_types=["conv", "full_attention"])
    config = tf.Lfm2VlConfig(vision_config=vision, text_config=text, image_token_id=tok.convert_tokens_to_ids("<image>"), projector_hidden_size=48, downsample_factor=2)
    return tf.Lfm2VlForConditionalGeneration, config, tf.Lfm2VlProcessor(Lfm2VlImageProcessor(**HALF), tok), prompts.LFM, 512, "<image>"


def qwen(version):
    tok = tokenizer(prompts.QWEN_SPECIAL, None, **prompts.QWEN_NAMES)
    ids = {f"{name}_token_id": tok.convert_tokens_to_ids(f"<|{word}|>") for name, word in [("image", "image_pad"), ("video", "video_pad"), ("vision_start", "vision_start"), ("vision_end", "vision_end")]}
    common = {"depth": 3, "num_heads": 2, "spatial_merge_size": 2, "temporal_patch_size": 2, "in_channels": 3}
    rope = {"rope_type": "default", "rope_theta": 1e6}
    video = tf.models.qwen2_vl.video_processing_qwen2_vl.Qwen2VLVideoProcessor
    if version == "qwen3_vl":
        kinds = tf.models.qwen3_vl.configuration_qwen3_vl
        text = text_config(tok, kinds.Qwen3VLTextConfig, num_hidden_layers=3, head_dim=16, rope_parameters={**rope, "mrope_section": [3, 3, 2], "mrope_interleaved": True})
        vision = {**common, "hidden_size": 32, "intermediate_size": 48, "out_hidden_size": WIDTH, "patch_size": 16, "num_position_embeddings": 2304, "deepstack_visual_indexes": [0, 1], "hidden_act": "gelu_pytorch_tanh"}
        config = kinds.Qwen3VLConfig(text_config=text.to_dict(), vision_config=vision, tie_word_embeddings=True, **ids)
        pixels = Qwen2VLImageProcessorPil(patch_size=16, size={"shortest_edge": 65536, "longest_edge": 16777216}, **HALF)
        video = tf.models.qwen3_vl.video_processing_qwen3_vl.Qwen3VLVideoProcessor
        return tf.Qwen3VLForConditionalGeneration, config, tf.Qwen3VLProcessor(pixels, tok, video()), prompts.QWEN3, 512, "<|image_pad|>"
    pixels = Qwen2VLImageProcessorPil(size={"shortest_edge": 3136, "longest_edge": 12845056})
    rope = {**rope, "mrope_section": [2, 3, 3]}
    if version == "qwen2_vl":
        kinds = tf.models.qwen2_vl.configuration_qwen2_vl
        text = text_config(tok, kinds.Qwen2VLTextConfig, rope_parameters=rope)
        vision = {**common, "embed_dim": 32, "mlp_ratio": 2, "hidden_size": WIDTH, "patch_size": 14, "hidden_act": "quick_gelu"}
        config = kinds.Qwen2VLConfig(text_config=text.to_dict(), vision_config=vision, tie_word_embeddings=True, **ids)
        return tf.Qwen2VLForConditionalGeneration, config, tf.Qwen2VLProcessor(pixels, tok, video()), prompts.QWEN2, 448, "<|image_pad|>"
    kinds = tf.models.qwen2_5_vl.configuration_qwen2_5_vl
    text = text_config(tok, kinds.Qwen2_5_VLTextConfig, rope_parameters=rope)
    vision = {**common, "depth": 4, "hidden_size": 32, "intermediate_size": 48, "out_hidden_size": WIDTH, "patch_size": 14, "window_size": 112, "fullatt_block_indexes": [1, 3], "hidden_act": "silu"}
    config = kinds.Qwen2_5_VLConfig(text_config=text.to_dict(), vision_config=vision, tie_word_embeddings=True, **ids)
    return tf.Qwen2_5_VLForConditionalGeneration, config, tf.Qwen2_5_VLProcessor(pixels, tok, video()), prompts.QWEN2, 448, "<|image_pad|>"


BUILDERS = {
    "qwen2_vl": lambda: qwen("qwen2_vl"),
    "qwen2_5_vl": lambda: qwen("qwen2_5_vl"),
    "qwen3_vl": lambda: qwen("qwen3_vl"),
    "gemma3": gemma3,
    "smolvlm": smolvlm,
    "internvl": internvl,
    "llava": llava,
    "pixtral": pixtral,
    "lfm2_vl": lfm2_vl,
}


def randomise(model, seed):
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for name, weight in sorted(model.named_parameters()):
            noise = torch.randn(weight.shape, generator=generator)
            scale = ("norm" in name or "ln_" in name) and name.endswith("weight") and weight.ndim == 1
            if scale:
                gemma = "gemma3" in type(model).__name__.lower() and ("language_model" in name or "soft_emb" in name)
                weight.copy_((0 if gemma else 1) + 0.2 * noise)
            elif "lambda" in name or "layer_scale" in name:
                weight.copy_(1 + 0.2 * noise)
            elif weight.ndim == 1:
                weight.copy_(0.2 * noise)
            elif "embed_tokens" in name:
                weight.copy_(0.7 * noise)
                weight[WORDS:] *= 0.2  # unlikely as an answer's tokens
            else:
                weight.copy_(noise * 1.5 / math.sqrt(weight[0].numel()))
    return model.eval().float()


def pictures(side):
    photo = Image.open(ROOT / "examples/images/cat.jpg").convert("RGB")
    y, x = np.mgrid[0:side, 0:side]
    square = np.stack([x * 3 + y, 255 - y, (x * y) // 5], axis=2) % 256
    return {"native": Image.fromarray(square.astype(np.uint8)), "photo": photo.resize((640, 480), Image.LANCZOS)}


def answer(model, processor, template, image):
    chat = [{"role": "user", "content": [{"type": "image", "image": image}, {"type": "text", "text": QUESTION}]}]
    inputs = processor.apply_chat_template(chat, chat_template=template, add_generation_prompt=True, tokenize=True, return_dict=True, return_tensors="pt")
    with torch.no_grad():
        out = model.generate(**inputs, max_new_tokens=LENGTH, do_sample=False, eos_token_id=None, pad_token_id=0, output_logits=True, return_dict_in_generate=True)
    ids = inputs["input_ids"][0].tolist()
    greedy = out.sequences[0][len(ids) :].tolist()
    logits = [torch.log_softmax(step[0].float(), -1) for step in out.logits]
    best = [torch.topk(step, 5) for step in logits]
    near = min(float(one.values[0] - one.values[1]) for one in best)
    top = [[int(i), float(v)] for v, i in zip(best[0].values, best[0].indices)]
    # Special tokens would be images, ends or no text.
    return {"ids": ids, "greedy": greedy, "top": top}, near if max(greedy) < WORDS else 0.0


def hub_names(folder, name):
    """transformers 5 saves towers without `vision_model.`; repositories on the hub have it, and llama.cpp's converter wants it."""
    file = folder / "model.safetensors"
    weights = load_file(file)
    if name in ("gemma3", "lfm2_vl", "llava"):
        weights = {k.replace("vision_tower.", "vision_tower.vision_model.") if ".vision_model." not in k else k: v for k, v in weights.items()}
    save_file(weights, file, metadata={"format": "pt"})
    config = json.loads((folder / "config.json").read_text())
    architecture = {"smolvlm": "VLlama3ForCausalLM", "lfm2_vl": "Lfm2ForCausalLM", "llava": "LlamaForCausalLM", "internvl": "Qwen2ForCausalLM"}.get(name)
    if architecture:
        config["text_config"]["architectures"] = [architecture]
        (folder / "config.json").write_text(json.dumps(config, indent=1))


def intern_chat(folder, config):
    """OpenGVLab's own names, which llama.cpp's converter reads."""
    weights, out = load_file(folder / "model.safetensors"), {}
    projector = {"layer_norm": "mlp1.0", "linear_1": "mlp1.1", "linear_2": "mlp1.3"}
    inside = [
        ("encoder.layer.", "encoder.layers."), ("attention.q_proj", "attn.Q"), ("attention.k_proj", "attn.K"), ("attention.v_proj", "attn.V"),
        ("attention.projection_layer", "attn.proj"), ("layernorm_before", "norm1"), ("layernorm_after", "norm2"), ("lambda_1", "ls1"), ("lambda_2", "ls2"),
        ("embeddings.cls_token", "embeddings.class_embedding"), ("embeddings.patch_embeddings.projection", "embeddings.patch_embedding"), ("embeddings.position_embeddings", "embeddings.position_embedding"),
    ]  # fmt: skip
    for key, weight in weights.items():
        key = key.removeprefix("model.")
        part, rest = key.split(".", 1)
        if part == "lm_head":
            key = f"language_model.{key}"
        elif part == "language_model":
            key = key if rest.startswith(("model.", "lm_head.")) else f"language_model.model.{rest}"
        elif part == "multi_modal_projector":
            layer, rest = rest.split(".", 1)
            key = f"{projector[layer]}.{rest}"
        else:
            key = f"vision_model.{rest}"
            for old, new in inside:
                key = key.replace(old, new)
        out[key] = weight
    for key in [key for key in out if ".attn.Q." in key]:
        out[key.replace(".Q.", ".qkv.")] = torch.cat([out.pop(key.replace(".Q.", f".{part}.")) for part in "QKV"])
    save_file(out, folder / "model.safetensors", metadata={"format": "pt"})
    vision, text = config.vision_config, config.text_config.to_dict()
    text["architectures"] = ["Qwen2ForCausalLM"]
    tower = dict(architectures=["InternVisionModel"], model_type="intern_vit_6b", hidden_act="gelu", hidden_size=vision.hidden_size, image_size=448, patch_size=14, intermediate_size=vision.intermediate_size, layer_norm_eps=1e-6, norm_type="layer_norm", num_attention_heads=vision.num_attention_heads, num_channels=3, num_hidden_layers=vision.num_hidden_layers, qk_normalization=False, qkv_bias=True, use_flash_attn=True, initializer_factor=1.0, drop_path_rate=0.0)  # fmt: skip
    whole = dict(architectures=["InternVLChatModel"], model_type="internvl_chat", auto_map={}, downsample_ratio=0.5, dynamic_image_size=True, force_image_size=448, max_dynamic_patch=12, min_dynamic_patch=1, ps_version="v2", select_layer=-1, template="internvl2_5", use_thumbnail=True, pad2square=False, tie_word_embeddings=True, llm_config=text, vision_config=tower)  # fmt: skip
    (folder / "config.json").write_text(json.dumps(whole, indent=1))
    norm = dict(image_mean=[0.485, 0.456, 0.406], image_std=[0.229, 0.224, 0.225])
    (folder / "preprocessor_config.json").write_text(json.dumps(dict(crop_size=448, do_center_crop=True, do_normalize=True, do_resize=True, feature_extractor_type="CLIPFeatureExtractor", size=448, resample=3, **norm)))


def convert(folder, out, *more):
    """llama.cpp's own converter, told the pre-tokenizer, which it knows published tokenizers by."""
    import conversion.base

    conversion.base.TextModel.get_vocab_base_pre = lambda self, tokenizer: "gpt-2"
    before = sys.argv
    sys.argv = ["convert_hf_to_gguf.py", str(folder), "--outfile", str(out), "--outtype", "f32", *more]
    runpy.run_path(str(LLAMA_CPP / "convert_hf_to_gguf.py"), run_name="__main__")
    sys.argv = before


def make(out, name):
    kind, config, processor, template, side, image_token = BUILDERS[name]()
    torch.manual_seed(0)
    config._attn_implementation = "eager"
    model = kind(config)
    images = pictures(side)
    for seed in range(1, 60):  # one whose answers hang on no near tie
        randomise(model, seed)
        answers = {}
        for key, image in images.items():
            answers[key], near = answer(model, processor, template, image)
            if near <= NEAR_TIE:
                break
        else:
            break
    else:
        raise SystemExit(f"{name}: near ties")
    place = out / name
    folder = place / "hf"
    folder.mkdir(parents=True, exist_ok=True)
    processor.chat_template = template
    processor.tokenizer.chat_template = template
    model.save_pretrained(folder)
    processor.save_pretrained(folder)
    if not (folder / "preprocessor_config.json").exists():  # repositories have it
        inside = json.loads((folder / "processor_config.json").read_text())["image_processor"]
        (folder / "preprocessor_config.json").write_text(json.dumps(inside, indent=1))
    if name == "internvl":
        intern_chat(folder, config)
    else:
        hub_names(folder, name)
    for key, image in images.items():
        image.save(place / f"{key}.png")
    expected = {"imageToken": processor.tokenizer.convert_tokens_to_ids(image_token), "question": QUESTION, "cases": answers}
    (place / "expected.json").write_text(json.dumps(expected) + "\n")
    convert(folder, place / "llm.gguf")
    try:
        convert(folder, place / "mmproj.gguf", "--mmproj")
    except Exception as error:
        print(name, "mmproj:", error)
    print(name, "seed", seed, {key: len(one["ids"]) for key, one in answers.items()}, flush=True)


if __name__ == "__main__":
    for family in sys.argv[2:] or BUILDERS:
        make(Path(sys.argv[1]).resolve(), family)
