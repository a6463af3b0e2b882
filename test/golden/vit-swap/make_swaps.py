"""Makes encoders beside this file and what transformers does with them inside its vision language models.

    python make_swaps.py

Made with torch 2.13.0, transformers 5.18.0, safetensors 0.8.0. The models are those of ../projector (make_projectors.py) and one
that is made here, a LLaVA-NeXT with a SigLIP. Each `<name>/encoder` is a vision tower of the same sizes with other weights, as
`save_pretrained` writes it. transformers loads the model, puts the encoder's weights into its tower, saves it and loads it
again; `<name>/expected.json` has the SHA-256 of the model.safetensors that it wrote, and `<name>/expected.safetensors`
    image       [16, 16, 3]    pixels, as large as the towers take them
    features    [tokens, d]    what `get_image_features` makes of them
"""

import hashlib
import json
import shutil
import sys
import tempfile
from pathlib import Path

import torch
import transformers as tf
from safetensors.torch import save_file

HERE = Path(__file__).parent
PROJECTORS = HERE.parent / "projector"
sys.path.insert(0, str(PROJECTORS))
from tiny_vlms import TEXT, VISION, randomise  # noqa: E402


def sha256(file: Path) -> str:
    return hashlib.sha256(file.read_bytes()).hexdigest()


def features(model: torch.nn.Module, pixels: torch.Tensor) -> torch.Tensor:
    with torch.no_grad():
        if model.config.model_type == "llava_next":
            # Without the stitching of tiles, which is no matter of the tower's.
            tower = model.model.vision_tower(pixels, output_hidden_states=True).hidden_states[model.config.vision_feature_layer]
            return model.model.multi_modal_projector(tower).reshape(-1, TEXT["hidden_size"])
        out = model.model.get_image_features(pixel_values=pixels).pooler_output
    out = torch.cat(list(out)) if isinstance(out, (list, tuple)) else out
    return out.reshape(-1, out.shape[-1])


def image_processor(folder: Path) -> dict:
    file = folder / "processor_config.json"
    if file.exists():
        return json.loads(file.read_text())["image_processor"]
    return json.loads((folder / "preprocessor_config.json").read_text())


def run(name: str, target: Path, encoder: torch.nn.Module) -> None:
    folder = HERE / name
    encoder.save_pretrained(folder / "encoder")
    model = tf.AutoModelForImageTextToText.from_pretrained(target)
    tower = model.model.vision_tower
    missing, unexpected = tower.load_state_dict(encoder.state_dict(), strict=False)
    assert not missing and not unexpected, (name, missing, unexpected)
    processor = image_processor(target)
    (folder / "encoder" / "preprocessor_config.json").write_text(json.dumps(processor) + "\n")
    image = torch.randint(0, 256, (16, 16, 3), generator=torch.Generator().manual_seed(9), dtype=torch.uint8)
    pixels = (image / 255 - torch.tensor(processor["image_mean"])) / torch.tensor(processor["image_std"])
    pixels = pixels.permute(2, 0, 1)[None]
    with tempfile.TemporaryDirectory() as saved:
        model.save_pretrained(saved)
        again = tf.AutoModelForImageTextToText.from_pretrained(saved)
        expected = features(again, pixels)
        digest = sha256(Path(saved) / "model.safetensors")
    assert torch.equal(expected, features(model, pixels))
    assert not torch.allclose(expected, features(tf.AutoModelForImageTextToText.from_pretrained(target), pixels), atol=0.1)
    save_file({"features": expected.contiguous(), "image": image}, folder / "expected.safetensors")
    (folder / "expected.json").write_text(json.dumps({"sha256": digest}) + "\n")
    print(name, tuple(expected.shape), f"largest {expected.abs().max():.2f}")


def llava_next_siglip() -> Path:
    """vision_feature_layer -1 of a SigLIP without a class token."""
    folder = HERE / "llava-next-siglip" / "model"
    shutil.rmtree(folder, ignore_errors=True)
    config = tf.LlavaNextConfig(
        vision_config=tf.SiglipVisionConfig(**VISION, vision_use_head=False), text_config=tf.LlamaConfig(**TEXT), image_token_id=4,
        vision_feature_layer=-1, vision_feature_select_strategy="full", image_grid_pinpoints=[[16, 32], [32, 16]],
    )  # fmt: skip
    randomise(tf.LlavaNextForConditionalGeneration(config), 12).save_pretrained(folder)
    (folder / "generation_config.json").unlink()
    image = {
        "image_processor_type": "LlavaNextImageProcessor", "size": {"shortest_edge": 16}, "crop_size": {"height": 16, "width": 16},
        "image_grid_pinpoints": config.image_grid_pinpoints, "image_mean": [0.5] * 3, "image_std": [0.5] * 3,
    }  # fmt: skip
    (folder / "preprocessor_config.json").write_text(json.dumps(image) + "\n")
    return folder


if __name__ == "__main__":
    siglip = tf.SiglipVisionConfig(**VISION, vision_use_head=False)
    run("llava-1.5", PROJECTORS / "llava-1.5", randomise(tf.CLIPVisionModel(tf.CLIPVisionConfig(**VISION, projection_dim=8)), 21))
    run("llava-next-siglip", llava_next_siglip(), randomise(tf.SiglipVisionModel(siglip), 22))
    intern = tf.InternVLVisionConfig(**VISION | {"image_size": [16, 16], "patch_size": [4, 4]}, attention_bias=True)
    run("internvl", PROJECTORS / "internvl", randomise(tf.InternVLVisionModel(intern), 23))
    run("gemma3", PROJECTORS / "gemma3", randomise(tf.SiglipVisionModel(siglip), 24))
