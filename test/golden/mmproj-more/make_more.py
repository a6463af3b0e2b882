"""Makes the mmproj files beside this file, and the embeddings that transformers makes with the models that they are of.

    LLAMA_CPP=<a checkout of llama.cpp v0.5.0> python make_more.py

Made with torch 2.13.0, torchvision 0.28.0, transformers 5.18.0, gguf 0.19.0.

`<name>.gguf` comes of llama.cpp's own converters, `<name>.safetensors` holds what `get_image_features` makes of `picture(i)`, and
`<name>.json` the prompt's parts, both as in ../projector. What a converter writes in 16 bits whatever it is asked for (kernels, and
LLaVA's projector) is rounded to 16 bits in the model first.

LLaVA: tools/mtmd/legacy-models/convert_image_encoder_to_gguf.py, which no longer runs beside transformers 5: there a
CLIPVisionModel is its own `vision_model`. It is run with a model that has one again.
"""

import json
import os
import runpy
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from unittest import mock

import torch
import transformers as tf
from safetensors.torch import load_file, save_file
from transformers.models.janus.image_processing_pil_janus import JanusImageProcessorPil
from transformers.models.llava.image_processing_pil_llava import LlavaImageProcessorPil

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE / "../projector"))
import make_projectors as made  # noqa: E402
from tiny_vlms import TEXT, randomise  # noqa: E402

LLAMA_CPP = Path(os.environ["LLAMA_CPP"])
LEGACY = LLAMA_CPP / "tools/mtmd/legacy-models/convert_image_encoder_to_gguf.py"


def keep(folder, name, file=None):
    """The numbers and the prompt's parts of a model, beside its mmproj."""
    save_file(load_file(folder / name / "expected.safetensors"), HERE / f"{file or name}.safetensors")
    (HERE / f"{file or name}.json").write_text((folder / name / "expected.json").read_text())


def convert(folder, file):
    """In the hub's names, which transformers 5 no longer writes."""
    tensors = load_file(folder / "model.safetensors")
    names = {name: name.replace("vision_tower.", "vision_tower.vision_model.") for name in tensors}
    save_file({names[name]: t for name, t in tensors.items()}, folder / "model.safetensors")
    command = [sys.executable, LLAMA_CPP / "convert_hf_to_gguf.py", folder, "--mmproj", "--outtype", "f32", "--outfile", file]
    subprocess.run([*command, "--model-name", file.stem], check=True)


def lfm2_vl():
    """The converter takes patches of 16 alone, and the file says nothing of the processor: it is the class's own."""
    processor = made.Lfm2VlImageProcessor
    with tempfile.TemporaryDirectory() as scratch:
        scratch = Path(scratch)
        own = mock.patch.object(made, "Lfm2VlImageProcessor", lambda **_: processor(**made.IMAGENET))
        with own, mock.patch.multiple(made, HERE=scratch, VISION=made.VISION | {"patch_size": 16}):
            made.lfm2_vl()
        for name in ("lfm2-vl", "lfm2-vl-no-norm"):
            convert(scratch / name, HERE / f"{name}.gguf")
            keep(scratch, name)


def rounded(model):
    with torch.no_grad():
        for name, p in model.named_parameters():
            if p.ndim == 4 or ("multi_modal_projector" in name and p.ndim == 2):
                p.copy_(p.half())
    return model


def legacy(model, out, fields, siglip, dtype="f32"):
    """Runs the old converter on a LLaVA; `fields` are those of its config that the tower's is to have."""

    class WithVisionModel(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.vision_model = model.model.vision_tower

    with tempfile.TemporaryDirectory() as folder:
        projector = {f"multi_modal_projector.{key}": t for key, t in model.model.multi_modal_projector.state_dict().items()}
        if hasattr(model.model, "image_newline"):
            projector["image_newline"] = model.model.image_newline.detach()
        torch.save(projector, f"{folder}/llava.projector")
        vision = model.config.vision_config.to_dict() | {"projection_dim": 8} | fields
        whole = {"vision_config": vision, "text_config": {}} | fields if siglip else vision
        (Path(folder) / "config.json").write_text(json.dumps(whole))
        kind = ["--clip-model-is-siglip", "--image-mean", ".5", ".5", ".5", "--image-std", ".5", ".5", ".5"] if siglip else ["--clip-model-is-vision"]
        arguments = [str(LEGACY), "-m", folder, "--llava-projector", f"{folder}/llava.projector", *(["--use-f32"] if dtype == "f32" else []), *kind]
        of = tf.SiglipVisionModel if siglip else tf.CLIPVisionModel
        with mock.patch.object(of, "from_pretrained", lambda _folder: WithVisionModel()), mock.patch.object(sys, "argv", arguments):
            runpy.run_path(str(LEGACY), run_name="__main__")
        shutil.move(f"{folder}/mmproj-model-{dtype}.gguf", out)


def llava():
    clip = tf.CLIPVisionConfig(**made.VISION, projection_dim=8)
    siglip = tf.SiglipVisionConfig(**made.VISION, layer_norm_eps=1e-6, vision_use_head=False)
    text = tf.LlamaConfig(**TEXT)
    tokens = made.tokenizer({"image_token": "<image>"})
    common = dict(size={"shortest_edge": 16}, crop_size=made.SIDE)
    half = dict(image_mean=[0.5] * 3, image_std=[0.5] * 3)
    layers = {"vision_feature_layer": [1, -2]}
    for name, vision, fields, normal in (
        # As the first LLaVA 1.5 files are: no key says which block is read, and the last one is not in the file.
        ("llava-1.5", clip, {}, {}),
        ("llava-1.5-layers", clip, layers, {}),
        ("llava-1.5-siglip", siglip, layers | {"vision_feature_select_strategy": "full"}, half),
    ):
        config = tf.LlavaConfig(vision_config=vision, text_config=text, image_token_id=4, **fields)
        model = rounded(randomise(tf.LlavaForConditionalGeneration(config), 11))
        processor = tf.LlavaProcessor(
            LlavaImageProcessorPil(**common, **normal, do_pad=True), tokens, patch_size=4,
            vision_feature_select_strategy=config.vision_feature_select_strategy,
            num_additional_image_tokens=0 if normal else 1,
        )  # fmt: skip
        with tempfile.TemporaryDirectory() as scratch, mock.patch.object(made, "HERE", Path(scratch)):
            made.run(name, model, processor, "<image>", "<image>")
            keep(Path(scratch), name)
        legacy(model, HERE / f"{name}.gguf", fields, bool(normal))

    pinpoints = [[16, 32], [32, 16], [32, 32], [48, 16], [16, 48]]
    config = tf.LlavaNextConfig(vision_config=clip, text_config=text, image_token_id=4, image_grid_pinpoints=pinpoints)
    model = rounded(randomise(tf.LlavaNextForConditionalGeneration(config), 12))
    anyres = made.LlavaNextImageProcessorPil(**common, image_grid_pinpoints=pinpoints)
    processor = tf.LlavaNextProcessor(anyres, tokens, patch_size=4, vision_feature_select_strategy="default", num_additional_image_tokens=1)
    with tempfile.TemporaryDirectory() as scratch, mock.patch.object(made, "HERE", Path(scratch)):
        made.run("llava-next", model, processor, "<image>", "<image>")
        keep(Path(scratch), "llava-next")
    fields = {"vision_feature_layer": -2, "image_grid_pinpoints": pinpoints, "mm_patch_merge_type": "spatial_unpad", "image_aspect_ratio": "anyres"}
    legacy(model, HERE / "llava-next.gguf", fields, False)


def yi_vl():
    """
    LLaVA with Yi-VL's projector, a norm behind each linear (01-ai/Yi VL/llava/model/multimodal_projector/builder.py
    `build_vision_projector`, mlp2x_gelu_Norm), which transformers has no class for: torch's modules in the place of LLaVA's.
    `yi-vl/` has it in the original's names. The second is of SigLIP, of whose tokens none is a class token.
    """
    clip = tf.CLIPVisionConfig(**made.VISION, projection_dim=8)
    siglip = tf.SiglipVisionConfig(**made.VISION, layer_norm_eps=1e-5, vision_use_head=False)
    for name, vision, strategy in (("yi-vl", clip, "default"), ("yi-vl-siglip", siglip, "full")):
        config = tf.LlavaConfig(vision_config=vision, text_config=tf.LlamaConfig(**TEXT), image_token_id=4, vision_feature_select_strategy=strategy)
        model = tf.LlavaForConditionalGeneration(config)
        inner, outer = vision.hidden_size, TEXT["hidden_size"]
        model.model.multi_modal_projector = torch.nn.Sequential(
            torch.nn.Linear(inner, outer), torch.nn.LayerNorm(outer), torch.nn.GELU(), torch.nn.Linear(outer, outer), torch.nn.LayerNorm(outer)
        )  # fmt: skip
        randomise(model, 14)
        with torch.no_grad():
            for i in (1, 4):
                model.model.multi_modal_projector[i].weight.add_(1)
        rounded(model)
        half = dict(image_mean=[0.5] * 3, image_std=[0.5] * 3) if strategy == "full" else {}
        pixels = LlavaImageProcessorPil(size={"shortest_edge": 16}, crop_size=made.SIDE, do_pad=True, **half)
        processor = tf.LlavaProcessor(pixels, made.tokenizer({"image_token": "<image>"}), patch_size=4, vision_feature_select_strategy=strategy, num_additional_image_tokens=int(strategy == "default"))
        with tempfile.TemporaryDirectory() as scratch, mock.patch.object(made, "HERE", Path(scratch)):
            made.run(f"llava-1.5-{name}", model, processor, "<image>", "<image>")
            keep(Path(scratch), f"llava-1.5-{name}", name)
        fields = {"vision_feature_layer": [-2]} if strategy == "full" else {}
        if strategy == "default":
            original(model, HERE / name)
        legacy(model, HERE / f"{name}.gguf", fields, strategy == "full")  # which takes the last block away


def original(model, folder):
    """As a folder in the original's names."""
    folder.mkdir(exist_ok=True)
    names = {"model.vision_tower.": "model.vision_tower.vision_tower.vision_model.", "model.multi_modal_projector.": "model.mm_projector."}
    tensors = {new + key.removeprefix(old): t.contiguous() for old, new in names.items() for key, t in model.state_dict().items() if key.startswith(old)}
    save_file(tensors, folder / "model.safetensors")
    vision = {"model_type": "clip_vision_model", **made.VISION}
    config = {"model_type": "llava", "mm_projector_type": "mlp2x_gelu_Norm", "mm_vision_select_layer": -2, "mm_vision_select_feature": "patch", "image_aspect_ratio": "pad", "vision_config": vision}
    (folder / "config.json").write_text(json.dumps(config, indent=2) + "\n")
    processor = {"feature_extractor_type": "CLIPFeatureExtractor", "image_processor_type": "CLIPImageProcessor", "size": {"shortest_edge": 16}, "crop_size": made.SIDE}
    (folder / "preprocessor_config.json").write_text(json.dumps(processor, indent=2) + "\n")


def janus():
    vision = made.VISION | {"mlp_ratio": 1.5, "projection_dim": 8, "hidden_act": "gelu"}
    del vision["intermediate_size"]
    vq = dict(base_channels=32, channel_multiplier=[1], num_res_blocks=1, embed_dim=4, latent_channels=32, num_embeddings=8, projection_dim=8)
    config = tf.JanusConfig(vision_config=vision, text_config=tf.LlamaConfig(**TEXT).to_dict(), vq_config=vq, image_token_id=4)
    model = randomise(tf.JanusForConditionalGeneration(config), 13)
    special = {"image_token": "<image_placeholder>", "boi_token": "<begin_of_image>", "eoi_token": "<end_of_image>"}
    processor = tf.JanusProcessor(JanusImageProcessorPil(size=16), made.tokenizer(special), num_image_tokens=16)
    with tempfile.TemporaryDirectory() as scratch, mock.patch.object(made, "HERE", Path(scratch)):
        made.run("janus-pro", model, processor, "<image_placeholder>", "<image_placeholder>")
        keep(Path(scratch), "janus-pro")
        convert(Path(scratch) / "janus-pro", HERE / "janus-pro.gguf")


if __name__ == "__main__":
    for make in [lfm2_vl, llava, yi_vl, janus]:
        if len(sys.argv) < 2 or make.__name__ in sys.argv[1:]:
            make()
