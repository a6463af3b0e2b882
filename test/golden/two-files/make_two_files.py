"""Makes tiny random Qwen2-VL, Qwen2.5-VL, Qwen3-VL, Pixtral and Mistral 3 models beside this file: the vision part as a folder
of the hub, the language model and the mmproj as GGUF files that llama.cpp's own converter wrote, and what transformers 5.18
gives with the whole.

    pip install transformers==5.18 torch torchvision safetensors gguf pillow
    LLAMA_CPP=<a clone of llama.cpp v0.5.0> python make_two_files.py [family...]

With WHOLE=<folder> it leaves the whole HF folders there. make-llama.ts beside it then asks llama.cpp about the two files.
"""

import json
import math
import os
import runpy
import shutil
import sys
import tempfile
from pathlib import Path

import numpy as np
import torch
import transformers as tf
from PIL import Image
from safetensors.torch import load_file, save_file
from tokenizers import Tokenizer, decoders, models, pre_tokenizers
from transformers.models.pixtral.image_processing_pil_pixtral import PixtralImageProcessorPil
from transformers.models.qwen2_vl.image_processing_pil_qwen2_vl import Qwen2VLImageProcessorPil

HERE = Path(__file__).parent.resolve()
LLAMA_CPP = Path(os.environ.get("LLAMA_CPP", "llama.cpp"))
PHOTO = HERE.parents[2] / "examples/images/cat.jpg"
sys.path[:0] = [str(LLAMA_CPP), str(LLAMA_CPP / "gguf-py")]
torch.set_num_threads(1)  # the same bits on any machine
LENGTH = 24
VARIETY = 4  # different tokens in an answer
NEAR_TIE = 0.02  # in logits, between the likeliest token and the next
QWEN = ["<|endoftext|>", "<|im_start|>", "<|im_end|>", "<|vision_start|>", "<|vision_end|>", "<|image_pad|>", "<|video_pad|>"]
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
            else:
                weight.copy_(noise * 1.5 / math.sqrt(weight[0].numel()))
            if is_vision(name):
                weight.copy_(weight.half())  # as the file has it
    return model.eval().float()


def is_vision(name):
    return any(part in name for part in ("visual", "vision_tower", "multi_modal_projector"))


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


def pixtral_parts(token, patch):
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
    shared = {"vision_config": vision, "text_config": text, "image_token_index": token("[IMG]"), "vision_feature_layer": -1}
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

    def __init__(self, limits):
        """`limits`: the least and the most pixels of the published models."""
        self.limits = dict(zip(("shortest_edge", "longest_edge"), limits))

    def processor(self, model_type, vision):
        patch = vision["patch_size"]
        made = Qwen2VLImageProcessorPil(size=self.limits, patch_size=patch)
        more = {"merge_size": 2, "temporal_patch_size": 2}
        return made, {"image_processor_type": "Qwen2VLImageProcessorFast", "size": self.limits, "patch_size": patch, **more}

    def texts(self, pixels, vision):
        """The text of each image."""
        sizes = [int(grid.prod()) // 4 for grid in pixels["image_grid_thw"]]
        return ["<|vision_start|>" + "<|image_pad|>" * size + "<|vision_end|>" for size in sizes]

    def inputs(self, ids, image):
        return {"mm_token_type_ids": (ids == image).int()}

    def embeddings(self, model, pixels):
        visual = model.model.visual
        out = visual(pixels["pixel_values"], pixels["image_grid_thw"], return_dict=True)
        return torch.cat([out.pooler_output, *(getattr(out, "deepstack_features", None) or [])], dim=1)


class Mistral:
    special, image = MISTRAL, "[IMG]"
    turn, end = "<s>[INST]{}[/INST]", "</s>"

    def __init__(self, merge):
        self.merge = merge

    def processor(self, model_type, vision):
        patch = vision["patch_size"]
        size = {"longest_edge": vision["image_size"]}
        # PixtralProcessor gives the image processor patches that are whole cells.
        made = PixtralImageProcessorPil(size=size, patch_size=patch * self.merge)
        return made, {"image_processor_type": "PixtralImageProcessor", "size": size, "patch_size": {"height": patch, "width": patch}}

    def texts(self, pixels, vision):
        cell = vision["patch_size"] * self.merge
        grids = [(height // cell, width // cell) for height, width in pixels["image_sizes"].tolist()]
        return ["[IMG_BREAK]".join(["[IMG]" * columns] * rows) + "[IMG_END]" for rows, columns in grids]

    def inputs(self, ids, image):
        return {}

    def embeddings(self, model, pixels):
        found = model.model.get_image_features(pixels["pixel_values"], image_sizes=pixels["image_sizes"]).pooler_output
        return torch.cat(list(found)).reshape(-1, WIDTH)


def native(side):
    """A square that no processor resizes."""
    y, x = np.mgrid[0:side, 0:side]
    return Image.fromarray(np.stack([x * 3 + y, 255 - y, (x * y) // 5], axis=2).astype(np.uint8))


def answer(model, tok, family, pixels, texts, text):
    """`texts` in the places of <image> in `text`."""
    for one in texts:
        text = text.replace("<image>", one, 1)
    ids = tok(text, add_special_tokens=False, return_tensors="pt")["input_ids"]
    image = tok.convert_tokens_to_ids(family.image)
    chosen, top, near = [], None, math.inf
    for _ in range(LENGTH):
        longer = torch.cat([ids, torch.tensor([chosen], dtype=torch.long)], 1)
        with torch.no_grad():
            logits = model(input_ids=longer, **family.inputs(longer, image), **pixels, use_cache=False).logits[0, -1].float()
        logits = torch.log_softmax(logits, -1)
        best = torch.topk(logits, 5)
        near = min(near, float(best.values[0] - best.values[1]))
        top = top or [[int(i), float(v)] for v, i in zip(best.values, best.indices)]
        chosen.append(int(best.indices[0]))
        if chosen[-1] >= WORDS:  # no special tokens, of which transformers would make images
            return None, 0
    return {"ids": ids[0].tolist(), "greedy": chosen, "top": top}, near


def convert(folder, out, *more):
    """llama.cpp's own converter, told the pre-tokenizer, which it knows published tokenizers by."""
    import conversion.base

    conversion.base.TextModel.get_vocab_base_pre = lambda self, tokenizer: "qwen2"
    before = sys.argv
    sys.argv = ["convert_hf_to_gguf.py", str(folder), "--outfile", str(out), *more]
    runpy.run_path(str(LLAMA_CPP / "convert_hf_to_gguf.py"), run_name="__main__")
    sys.argv = before


def older(folder, image_break):
    """The converter of llama.cpp v0.5.0 drops [IMG_BREAK]'s embedding, without which llama.cpp loads no Pixtral: it knows the
    table by an older name still."""
    tensors = load_file(folder / "model.safetensors")
    table = [name for name in tensors if name.endswith("embed_tokens.weight")]
    renamed = {name: tensor for name, tensor in tensors.items() if name not in table}
    if image_break:
        renamed["embed_tokens.weight"] = tensors[table[0]]
    save_file(renamed, folder / "model.safetensors")


def make(name, build, family, seed):
    tok = tokenizer(family.special)
    model, vision = build(tok.convert_tokens_to_ids)
    model.config._attn_implementation = "eager"
    processor, fields = family.processor(name, vision)
    side = SIDES[name] * vision["patch_size"]
    photo = Image.open(PHOTO).convert("RGB")
    ask = family.turn.format
    cases = {
        "native": ([native(side)], ask("<image>What is it?")),
        "photo": ([photo], ask("<image>What is it?")),
        "two": ([photo, native(side)], ask("One: <image> two: <image>!") + "Cat." + family.end + ask("Both?")),
    }
    batches = {key: dict(processor(images, return_tensors="pt")) for key, (images, _) in cases.items()}
    texts = {key: family.texts(pixels, vision) for key, pixels in batches.items()}
    for attempt in range(seed, seed + 200):  # one whose answers hang on no near tie
        randomise(model, attempt)
        answers = {}
        for key, (_, text) in cases.items():
            answers[key] = answer(model, tok, family, batches[key], texts[key], text)
            if answers[key][1] < NEAR_TIE or len(set(answers[key][0]["greedy"])) < VARIETY:
                break
        else:
            break
    else:
        raise SystemExit("near ties")

    folder = HERE / name
    folder.mkdir(exist_ok=True)
    whole = Path(os.environ.get("WHOLE", tempfile.mkdtemp())) / name
    whole.mkdir(parents=True, exist_ok=True)
    model.save_pretrained(whole)
    tok.save_pretrained(whole)
    preprocessor = {**fields, "image_mean": list(processor.image_mean), "image_std": list(processor.image_std)}
    for place in (folder, whole):
        (place / "preprocessor_config.json").write_text(json.dumps(preprocessor, indent=2) + "\n")
    convert(whole, folder / "llm.gguf", "--outtype", "f32")
    with tempfile.TemporaryDirectory() as other:
        shutil.copytree(whole, other, dirs_exist_ok=True)
        older(Path(other), family.special is MISTRAL)
        for dtype in ("f32", "f16"):
            convert(other, folder / f"mmproj-{dtype}.gguf", "--outtype", dtype, "--mmproj", "--model-name", name)
    shared = {key: value for key, value in model.config.to_dict().items() if key in SHARED}
    if family.special is MISTRAL:
        shared["text_config"] = {"hidden_size": WIDTH, "rms_norm_eps": model.config.text_config.rms_norm_eps}
    config = {**shared, "vision_config": {"model_type": VISION_TYPES.get(name, name), **vision}}
    (folder / "config.json").write_text(json.dumps(config, indent=2) + "\n")
    tower = {key: weight for key, weight in model.state_dict().items() if is_vision(key)}
    save_file({key.replace("model.", "", 1): weight.half().contiguous() for key, weight in tower.items()}, folder / "model.safetensors")
    with torch.no_grad():
        embeddings = {key: family.embeddings(model, batches[key]).contiguous() for key in ("native", "photo")}
    save_file(embeddings, folder / "embeddings.safetensors")
    image = tok.convert_tokens_to_ids(family.image)
    expected = {"side": side, "image": image, "prompt": cases["native"][1], "cases": {key: one for key, (one, _) in answers.items()}}
    (folder / "expected.json").write_text(json.dumps(expected) + "\n")
    print(name, "seed", attempt, {key: (len(one["ids"]), round(near, 3)) for key, (one, near) in answers.items()})


QWEN2_PIXELS = (3136, 12845056)
FAMILIES = {
    "qwen2_vl": (qwen2_vl, Qwen(QWEN2_PIXELS)),
    "qwen2_5_vl": (qwen2_5_vl, Qwen(QWEN2_PIXELS)),
    "qwen3_vl": (qwen3_vl, Qwen((65536, 16777216))),
    "pixtral": (pixtral, Mistral(1)),
    "mistral3": (mistral3, Mistral(2)),
}
SIDES = {"qwen2_vl": 12, "qwen2_5_vl": 12, "qwen3_vl": 16, "pixtral": 12, "mistral3": 12}  # in patches, of a square
VISION_TYPES = {"pixtral": "pixtral", "mistral3": "pixtral"}
SHARED = ["model_type", "vision_feature_layer", "vision_feature_select_strategy", "spatial_merge_size", "multimodal_projector_bias"]
for name in sys.argv[1:] or FAMILIES:
    make(name, *FAMILIES[name], seed=1)
