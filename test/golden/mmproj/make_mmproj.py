"""Makes the mmproj files beside this file from the tiny models of ../projector, by llama.cpp's own converter.

    LLAMA_CPP=<a checkout of llama.cpp v0.5.0> python make_mmproj.py

Made with torch 2.13.0, transformers 5.18.0, safetensors 0.8.0. The converter knows the names of the published repositories:
where transformers 5 saves others, the tensors are named as those first. What the files must give is in the models' own folders.
"""

import json
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import torch
from safetensors.torch import load_file, save_file

HERE = Path(__file__).parent
CONVERTER = Path(os.environ["LLAMA_CPP"]) / "convert_hf_to_gguf.py"


def same(tensors, config):
    return tensors


def gemma3(tensors, config):
    return {name.replace("vision_tower.", "vision_tower.vision_model."): t for name, t in tensors.items()}


INTERNVL = {
    "vision_tower.": "vision_model.",
    "multi_modal_projector.layer_norm": "mlp1.0",
    "multi_modal_projector.linear_1": "mlp1.1",
    "multi_modal_projector.linear_2": "mlp1.3",
    "encoder.layer.": "encoder.layers.",
    "attention.projection_layer": "attn.proj",
    "layernorm_before": "norm1",
    "layernorm_after": "norm2",
    "lambda_1": "ls1",
    "lambda_2": "ls2",
    "embeddings.cls_token": "embeddings.class_embedding",
    "embeddings.patch_embeddings.projection": "embeddings.patch_embedding",
    "embeddings.position_embeddings": "embeddings.position_embedding",
}


def internvl(tensors, config):
    """In OpenGVLab's names; with a fourth block that changes nothing, since the converter finds `mlp1.3` only beside four."""
    for name in [name for name in tensors if ".layer.2." in name]:
        scale = 0 if ".lambda_" in name else 1
        tensors[name.replace(".layer.2.", ".layer.3.")] = tensors[name] * scale
    config["vision_config"]["num_hidden_layers"] = 4
    config["architectures"] = ["InternVLChatModel"]
    config["vision_config"]["architectures"] = ["InternVisionModel"]
    config["min_dynamic_patch"], config["max_dynamic_patch"] = 1, 6
    renamed = {}
    for name, tensor in tensors.items():
        for old, new in INTERNVL.items():
            name = name.replace(old, new)
        renamed[name.removeprefix("model.")] = tensor
    for name in [name for name in renamed if ".attention.q_proj." in name]:
        parts = [renamed.pop(name.replace("q_proj", f"{part}_proj")) for part in "qkv"]
        renamed[name.replace("attention.q_proj", "attn.qkv")] = torch.cat(parts)
    return renamed


def convert(name, change):
    with tempfile.TemporaryDirectory() as folder:
        shutil.copytree(HERE / "../projector" / name, folder, dirs_exist_ok=True)
        config = json.loads((Path(folder) / "config.json").read_text())
        tensors = change(load_file(Path(folder) / "model.safetensors"), config)
        save_file({key: t.contiguous() for key, t in tensors.items()}, Path(folder) / "model.safetensors")
        (Path(folder) / "config.json").write_text(json.dumps(config))
        # The converter reads the number of gemma3's tokens here alone.
        processor = json.loads((Path(folder) / "processor_config.json").read_text())
        processor["image_seq_length"] = config.get("mm_tokens_per_image", processor.get("image_seq_length"))
        (Path(folder) / "processor_config.json").write_text(json.dumps(processor))
        for dtype in ("f32", "f16"):
            out = HERE / f"{name}-{dtype}.gguf"
            command = [sys.executable, CONVERTER, folder, "--mmproj", "--outtype", dtype, "--outfile", out]
            subprocess.run([*command, "--model-name", name], check=True)


if __name__ == "__main__":
    for name, change in {"idefics3": same, "gemma3": gemma3, "internvl": internvl}.items():
        convert(name, change)
