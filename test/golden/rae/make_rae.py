"""Writes what bytetriper/RAE's own code makes of three pictures, with tiny encoders of the three kinds and a tiny decoder.

    pip install torch numpy pillow safetensors transformers
    python make_rae.py <checkout of bytetriper/RAE at a4d18c4> [--full-size <file>]

Made with torch 2.13, transformers 5.18 and Pillow 12.3. Weights are those of `weight` of ../tokenizers/originals.py, a formula that
the test has too: the fixture holds configs and the tensors' names and shapes alone. With --full-size the models have the sizes of the
published ones (configs/stage1/pretrained), and the file is for scripts/full-size/tokenizers.ts.
"""

import json
import sys
import tempfile
import types
from pathlib import Path

import numpy as np
import torch
import transformers
from PIL import Image
from safetensors.torch import load_file, save_file

here = Path(__file__).resolve().parent
sys.path.insert(0, str(here.parent / "tokenizers"))
from originals import function, weight  # noqa: E402

repository = Path(sys.argv[1])
FULL = Path(sys.argv[3]) if "--full-size" in sys.argv else None
SIDE, GRID = (256, 16) if FULL else (32, 4)
MEAN, STD = [0.485, 0.456, 0.406], [0.229, 0.224, 0.225]
TINY = dict(hidden_size=32, intermediate_size=64, num_hidden_layers=2, num_attention_heads=4)
BASE = dict(hidden_size=768, intermediate_size=3072, num_hidden_layers=12, num_attention_heads=12)
SIZES = BASE if FULL else TINY


center_crop = function(repository / "src/stage1_sample_ddp.py", "center_crop_arr", Image=Image, np=np)


def dinov2():
    own = dict(mlp_ratio=4, image_size=518, patch_size=14) if FULL else dict(mlp_ratio=2, image_size=35, patch_size=7)
    config = transformers.Dinov2WithRegistersConfig(**SIZES, **own, num_register_tokens=4)
    settings = dict(encoder_input_size=224 if FULL else 28)
    return "Dinov2withNorm", transformers.Dinov2WithRegistersModel(config), settings, "dinov2_path"


def siglip2():
    vision = dict(SIZES, image_size=SIDE, patch_size=SIDE // GRID)
    text = dict(TINY, vocab_size=16, max_position_embeddings=8)
    config = transformers.SiglipConfig(text_config=text, vision_config=vision)
    return "SigLIP2wNorm", transformers.SiglipModel(config), dict(encoder_input_size=SIDE), "model_name"


def mae():
    config = transformers.ViTMAEConfig(
        **SIZES, image_size=224 if FULL else 24, patch_size=SIDE // GRID, decoder_hidden_size=16, decoder_intermediate_size=16,
        decoder_num_hidden_layers=1, decoder_num_attention_heads=2,
    )  # fmt: skip
    return "MAEwNorm", transformers.ViTMAEForPreTraining(config), dict(encoder_input_size=SIDE), "model_name"


def stage1():
    """The module of the model, with a processor that knows the two values it is asked for."""
    sys.path.insert(0, str(repository / "src"))
    package = types.ModuleType("stage1")  # without its __init__, which would import the trainer's utilities
    package.__path__ = [str(repository / "src/stage1")]
    sys.modules["stage1"] = package
    import stage1.rae

    processor = types.SimpleNamespace(image_mean=MEAN, image_std=STD)
    stage1.rae.AutoImageProcessor = types.SimpleNamespace(from_pretrained=lambda _: processor)
    return stage1.rae


def laid_out(case):
    """The folder's files: weights by their shapes, and JSON."""
    weights = {"decoder.safetensors": case["decoderShapes"], "encoder/model.safetensors": case["encoderShapes"]}
    configs = {"config.json": case["config"], "encoder/config.json": case["encoder"]}
    return {"weights": weights, "json": configs | {"encoder/preprocessor_config.json": case["processor"]}}


@torch.no_grad()
def main():
    module = stage1()
    random = np.random.default_rng(2)
    sizes = ((300, 400),) if FULL else ((32, 32), (45, 70), (131, 40))
    images = [random.integers(0, 256, (h, w, 3), dtype=np.uint8) for h, w in sizes]
    crops = np.stack([np.array(center_crop(Image.fromarray(image), SIDE)) for image in images])
    pixels = torch.from_numpy(crops).permute(0, 3, 1, 2).float() / 255
    tensors = {f"image.{i}": torch.from_numpy(image) for i, image in enumerate(images)}
    if not FULL:
        tensors["crops"] = torch.from_numpy(crops)
    cases = {}
    for name, make in (("dinov2", dinov2), ("siglip2", siglip2), ("mae", mae)):
        kind, encoder, settings, path_field = make()
        with tempfile.TemporaryDirectory() as folder:
            encoder.save_pretrained(folder)
            stored = load_file(Path(folder) / "model.safetensors")
            shapes = {key: list(value.shape) for key, value in stored.items()}
            filled = {key: torch.from_numpy(weight(key, tuple(shape))) for key, shape in shapes.items()}
            save_file(filled, Path(folder) / "model.safetensors", metadata={"format": "pt"})
            config = json.loads((Path(folder) / "config.json").read_text())
            decoder = Path(folder) / "decoder"
            if FULL:
                decoder.mkdir()
                own = json.loads((repository / "configs/decoder/ViTXL/config.json").read_text())
                own["patch_size"] = SIDE // GRID  # "SHOULD BE RELOADED" there
                (decoder / "config.json").write_text(json.dumps(own))
            else:
                transformers.ViTMAEConfig(
                    decoder_hidden_size=48, decoder_intermediate_size=80, decoder_num_hidden_layers=2,
                    decoder_num_attention_heads=4, layer_norm_eps=1e-12,
                ).save_pretrained(decoder)  # fmt: skip
            model = module.RAE(
                encoder_cls=kind, encoder_config_path=folder, encoder_params={path_field: folder},
                decoder_config_path=str(decoder), decoder_patch_size=SIDE // GRID, noise_tau=0.0, **settings,
            ).eval()  # fmt: skip
        for key, parameter in model.decoder.named_parameters():
            parameter.copy_(torch.from_numpy(weight(key, tuple(parameter.shape))))
        z = model.encode(pixels)
        decoded = model.decode(z).clamp(0, 1).mul(255).permute(0, 2, 3, 1).to(torch.uint8)
        print(name, "of features", float(z.std()), "of pixels", float(decoded.float().std()))
        tensors[f"{name}.features"] = z.flatten(2).transpose(1, 2).contiguous()
        tensors[f"{name}.decoded"] = decoded.contiguous()
        cases[name] = {
            "config": {
                "model_type": "rae", "image_size": SIDE, "decoder_patch_size": SIDE // GRID,
                "decoder_num_attention_heads": 16 if FULL else 4, **settings,
            },
            "encoder": config,
            "processor": {"image_mean": MEAN, "image_std": STD, **({"size": {"height": SIDE, "width": SIDE}} if name == "siglip2" else {})},
            "encoderShapes": shapes,
            "decoderShapes": {key: list(value.shape) for key, value in model.decoder.state_dict().items()},
        }  # fmt: skip
    save_file(tensors, FULL or here / "expected.safetensors")
    if FULL:
        FULL.with_suffix(".json").write_text(json.dumps({name: laid_out(case) for name, case in cases.items()}) + "\n")
        return
    (here / "cases.json").write_text(json.dumps(cases, indent=1) + "\n")


main()
