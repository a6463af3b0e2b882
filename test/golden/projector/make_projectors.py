"""Makes the tiny vision language models beside this file, and the embeddings that they make of images.

    python make_projectors.py

Made with torch 2.13.0, torchvision 0.28.0, transformers 5.18.0, tokenizers 0.23.2, safetensors 0.8.0, Pillow 12.3. Every
folder holds a model's config.json and model.safetensors as `save_pretrained` writes them, and its processor's
processor_config.json. For image i, `picture(i)`, its `expected.json` holds the prompt's parts as the model's own processor
writes them, text or a number of image tokens, and its `expected.safetensors`
    {i}    [tokens, d]    `get_image_features` of what that processor makes of the image
"""

import json
import re
from pathlib import Path
from unittest import mock

import numpy as np
import torch
import transformers as tf
from PIL import Image
from safetensors.torch import save_file
from tiny_vlms import TEXT, VISION, randomise
from tokenizers import Tokenizer, models, pre_tokenizers
from transformers.models.clip.image_processing_pil_clip import CLIPImageProcessorPil
from transformers.models.gemma3.image_processing_pil_gemma3 import Gemma3ImageProcessorPil
from transformers.models.got_ocr2.image_processing_pil_got_ocr2 import GotOcr2ImageProcessorPil
from transformers.models.idefics3.image_processing_pil_idefics3 import Idefics3ImageProcessorPil
from transformers.models.lfm2_vl.image_processing_lfm2_vl import Lfm2VlImageProcessor
from transformers.models.llava_next.image_processing_pil_llava_next import LlavaNextImageProcessorPil
from transformers.models.smolvlm.image_processing_pil_smolvlm import SmolVLMImageProcessorPil

HERE = Path(__file__).parent
# [width, height]: a photo's ratio, tall, a square smaller than a tile, a strip.
IMAGES = [(40, 30), (17, 50), (11, 11), (90, 14)]
IMAGENET = dict(image_mean=[0.485, 0.456, 0.406], image_std=[0.229, 0.224, 0.225])
SIDE = {"height": 16, "width": 16}


def picture(i: int) -> Image.Image:
    """x runs to the right, y down, c is red, green, blue."""
    width, height = IMAGES[i]
    y, x, c = np.mgrid[0:height, 0:width, 0:3]
    return Image.fromarray(((x * 7 + y * 13 + c * 29 + i * 101) * 37 % 256).astype(np.uint8))


def tokenizer(special: dict[str, str]) -> tf.PreTrainedTokenizerFast:
    """Knows these special tokens; they are all that an image becomes besides newlines and spaces."""
    tags = [f"<row_{r}_col_{c}>" for r in range(1, 7) for c in range(1, 7)] + [f"<|img_row_{r}_col_{c}|>" for r in (1, 2, 3) for c in (1, 2, 3)]
    words = ["<pad>", "<s>", "</s>", "<unk>", *special.values(), "<global-img>", *tags, "\n", "\n\n"]
    raw = Tokenizer(models.WordLevel({word: i for i, word in enumerate(dict.fromkeys(words))}, unk_token="<unk>"))
    raw.pre_tokenizer = pre_tokenizers.Split("\n\n", "isolated")
    fast = tf.PreTrainedTokenizerFast(tokenizer_object=raw, pad_token="<pad>", unk_token="<unk>", extra_special_tokens=special)
    fast.add_special_tokens({"additional_special_tokens": [*tags, "<global-img>"]}, replace_extra_special_tokens=False)
    return fast


def run(name: str, model, processor, image_token: str, prompt: str, **images_kwargs) -> None:
    """
    image_token: what stands for one embedding in the processor's text; prompt: what stands for an image in the user's;
    images_kwargs: what a caller would have to say besides the image processor's own fields.
    """
    folder = HERE / name
    model.save_pretrained(folder)
    processor.image_processor.save_pretrained(folder)
    (folder / "processor_config.json").unlink(missing_ok=True)
    fields = json.loads(processor.image_processor.to_json_string())
    fields["image_processor_type"] = re.sub("Pil$", "", fields["image_processor_type"])
    whole = {"processor_class": type(processor).__name__, "image_processor": fields}
    (folder / "processor_config.json").write_text(json.dumps(whole, indent=2) + "\n")
    (folder / "preprocessor_config.json").unlink(missing_ok=True)

    parts, embeddings = [], {}
    for i in range(len(IMAGES)):
        written = []
        replace = type(processor).replace_image_token
        spy = lambda self, *a, **k: written.append(replace(self, *a, **k)) or written[-1]  # noqa: B023, E731
        with mock.patch.object(type(processor), "replace_image_token", spy):
            inputs = processor(images=picture(i), text=prompt, return_tensors="pt", images_kwargs=images_kwargs)
        taken = {k: v for k, v in inputs.items() if k in ("pixel_values", "image_sizes", "pixel_attention_mask", "spatial_shapes")}
        if name.startswith("llava-1.5"):
            taken.pop("image_sizes", None)
        with torch.no_grad():
            out = model.model.get_image_features(**taken).pooler_output
        out = torch.cat(list(out)) if isinstance(out, (list, tuple)) else out
        embeddings[str(i)] = out.reshape(-1, out.shape[-1]).contiguous()
        pieces = re.split(f"((?:{re.escape(image_token)})+)", written[0])
        runs = [len(p) // len(image_token) if p.startswith(image_token) else p for p in pieces if p]
        parts.append(runs)
        assert sum(r for r in runs if isinstance(r, int)) == len(embeddings[str(i)]), (name, runs, out.shape)
    save_file(embeddings, folder / "expected.safetensors")
    (folder / "expected.json").write_text(json.dumps(parts) + "\n")
    size = max(t.abs().max().item() for t in embeddings.values())
    print(name, [sum(r for r in p if isinstance(r, int)) for p in parts], f"largest {size:.2f}")


def llava() -> None:
    vision = tf.CLIPVisionConfig(**VISION, projection_dim=8)
    text = tf.LlamaConfig(**TEXT)
    image_processor = CLIPImageProcessorPil(size={"shortest_edge": 16}, crop_size=SIDE)
    tokens = tokenizer({"image_token": "<image>"})
    common = dict(patch_size=4, vision_feature_select_strategy="default", num_additional_image_tokens=1)
    for name, more in {
        "llava-1.5": dict(vision_feature_layer=-2),
        "llava-1.5-layers": dict(vision_feature_layer=[1, -2], multimodal_projector_bias=False, projector_hidden_act="quick_gelu"),
    }.items():
        model = tf.LlavaForConditionalGeneration(tf.LlavaConfig(vision_config=vision, text_config=text, image_token_id=4, **more))
        run(name, randomise(model, 1), tf.LlavaProcessor(image_processor, tokens, **common), "<image>", "<image>")

    pinpoints = [[16, 32], [32, 16], [32, 32], [48, 16], [16, 48]]
    config = tf.LlavaNextConfig(vision_config=vision, text_config=text, image_token_id=4, image_grid_pinpoints=pinpoints)
    anyres = LlavaNextImageProcessorPil(size={"shortest_edge": 16}, crop_size=SIDE, image_grid_pinpoints=pinpoints)
    model = randomise(tf.LlavaNextForConditionalGeneration(config), 2)
    run("llava-next", model, tf.LlavaNextProcessor(anyres, tokens, **common), "<image>", "<image>")


def internvl() -> None:
    vision = tf.InternVLVisionConfig(**VISION | {"image_size": [16, 16], "patch_size": [4, 4]}, attention_bias=True)
    config = tf.InternVLConfig(vision_config=vision.to_dict(), text_config=tf.Qwen2Config(**TEXT).to_dict(), image_token_id=6, image_seq_length=4)
    image_processor = GotOcr2ImageProcessorPil(size=SIDE, min_patches=1, max_patches=6, **IMAGENET)
    special = {
        "start_image_token": "<img>", "end_image_token": "</img>", "context_image_token": "<IMG_CONTEXT>", "video_token": "<video>",
    }  # fmt: skip
    video = tf.models.internvl.video_processing_internvl.InternVLVideoProcessor()
    processor = tf.InternVLProcessor(image_processor, tokenizer(special), video, image_seq_length=4)
    model = randomise(tf.InternVLForConditionalGeneration(config), 3)
    run("internvl", model, processor, "<IMG_CONTEXT>", "<IMG_CONTEXT>")


def gemma3() -> None:
    vision = tf.SiglipVisionConfig(**VISION, layer_norm_eps=1e-6, vision_use_head=False)
    text = tf.Gemma3TextConfig(**TEXT, head_dim=8)
    config = tf.Gemma3Config(text_config=text, vision_config=vision, mm_tokens_per_image=4, image_token_index=6, boi_token_index=4, eoi_token_index=5)
    special = {"boi_token": "<start_of_image>", "eoi_token": "<end_of_image>", "image_token": "<image_soft_token>"}
    processor = tf.Gemma3Processor(Gemma3ImageProcessorPil(size=SIDE), tokenizer(special), image_seq_length=4)
    model = randomise(tf.Gemma3ForConditionalGeneration(config), 4)
    run("gemma3", model, processor, "<image_soft_token>", "<start_of_image>")
    # Gemma3Processor tells its image processor not to, whatever that has of its own.
    fields = dict(do_pan_and_scan=True, pan_and_scan_min_crop_size=8, pan_and_scan_max_num_crops=4, pan_and_scan_min_ratio_to_activate=1.2)
    processor = tf.Gemma3Processor(Gemma3ImageProcessorPil(size=SIDE, **fields), tokenizer(special), image_seq_length=4)
    run("gemma3-pan-and-scan", model, processor, "<image_soft_token>", "<start_of_image>", **fields)


def idefics3() -> None:
    special = {"image_token": "<image>", "fake_image_token": "<fake_token_around_image>", "end_of_utterance_token": "<end_of_utterance>"}
    text = tf.LlamaConfig(**TEXT)
    vision = tf.models.idefics3.configuration_idefics3.Idefics3VisionConfig(**VISION)
    config = tf.Idefics3Config(vision_config=vision, text_config=text, image_token_id=4, scale_factor=2)
    tiles = dict(size={"longest_edge": 48}, max_image_size={"longest_edge": 16})
    processor = tf.Idefics3Processor(Idefics3ImageProcessorPil(**tiles), tokenizer(special), image_seq_len=4)
    model = randomise(tf.Idefics3ForConditionalGeneration(config), 5)
    run("idefics3", model, processor, "<image>", "<image>")

    vision = tf.SmolVLMVisionConfig(**VISION)
    config = tf.SmolVLMConfig(vision_config=vision, text_config=text, image_token_id=4, scale_factor=4)
    whole = SmolVLMImageProcessorPil(**tiles, do_image_splitting=False)
    video = tf.models.smolvlm.video_processing_smolvlm.SmolVLMVideoProcessor()
    with mock.patch("transformers.models.smolvlm.processing_smolvlm.num2words", object()):
        processor = tf.SmolVLMProcessor(whole, tokenizer(special), video, image_seq_len=1)
    model = randomise(tf.SmolVLMForConditionalGeneration(config), 6)
    run("smolvlm-whole", model, processor, "<image>", "<image>")


def lfm2_vl() -> None:
    """The SDK resizes as Pillow does; this one's processor leaves that to torchvision, whose pixels may differ by one."""

    def resize(_self, images, size, resample=None, **_):
        filters = {2: Image.BILINEAR}
        flat = images.reshape(-1, *images.shape[-3:])
        small = [Image.fromarray(one.permute(1, 2, 0).numpy()).resize((size.width, size.height), filters[int(resample)]) for one in flat]
        stacked = torch.stack([torch.from_numpy(np.array(one)).permute(2, 0, 1) for one in small])
        return stacked.reshape(*images.shape[:-2], size.height, size.width)

    vision = tf.Siglip2VisionConfig(**{k: v for k, v in VISION.items() if k != "image_size"}, num_patches=16, vision_use_head=False)
    text = tf.Lfm2Config(**TEXT, block_multiple_of=8, full_attn_idxs=[0])
    special = {
        "image_token": "<image>", "image_start_token": "<|image_start|>", "image_end_token": "<|image_end|>",
        "image_thumbnail_token": "<|img_thumbnail|>",
    }  # fmt: skip
    image_processor = Lfm2VlImageProcessor(
        encoder_patch_size=4, tile_size=16, min_image_tokens=2, max_image_tokens=9, min_tiles=2, max_tiles=6, **IMAGENET
    )
    for name, norm in (("lfm2-vl", True), ("lfm2-vl-no-norm", False)):
        config = tf.Lfm2VlConfig(vision_config=vision, text_config=text, image_token_id=4, projector_hidden_size=12, projector_use_layernorm=norm)
        processor = tf.Lfm2VlProcessor(image_processor, tokenizer(special))
        model = randomise(tf.Lfm2VlForConditionalGeneration(config), 7)
        backend = tf.image_processing_backends.TorchvisionBackend
        with mock.patch.object(backend, "resize", resize):
            run(name, model, processor, "<image>", "<image>")


if __name__ == "__main__":
    llava()
    internvl()
    gemma3()
    idefics3()
    lfm2_vl()
