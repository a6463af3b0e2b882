"""Makes the tiny Janus tokenizer beside this file, and what transformers and DeepSeek's code give with it.

    pip install transformers torch safetensors numpy
    python make_vqgan.py

The modules are transformers' (transformers/models/janus). Ids are computed as deepseek-ai/Janus
janus/models/vq_model.py does, which brings vectors and codes to unit length first: transformers' own `encode` leaves that out.
"""

import json
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from safetensors.torch import save_file
from transformers.models.janus.configuration_janus import JanusVQVAEConfig
from transformers.models.janus.image_processing_pil_janus import JanusImageProcessorPil
from transformers.models.janus.modeling_janus import JanusVQVAE

here = Path(__file__).parent
folder = here / "janus"
folder.mkdir(exist_ok=True)
torch.manual_seed(0)
config = JanusVQVAEConfig(
    embed_dim=4,
    num_embeddings=64,
    latent_channels=32,
    base_channels=32,
    channel_multiplier=[1, 2],
    num_res_blocks=1,
    num_patches=8,
)
model = JanusVQVAE(config).eval().float()
with torch.no_grad():
    for name, weight in model.named_parameters():
        # Weights that half precision holds exactly, so that the file is small and nothing is rounded twice.
        spread = 0.5 if "embedding" in name or weight.ndim == 1 else 1.6 / weight[0].numel() ** 0.5
        start = 1.0 if "norm" in name and name.endswith("weight") else 0.0
        weight.copy_((start + spread * torch.randn_like(weight)).half().float())

pixels = 16
mean = [0.5, 0.5, 0.5]
processor = JanusImageProcessorPil(
    size={"height": pixels, "width": pixels}, image_mean=mean, image_std=mean, min_size=4
)
random = np.random.default_rng(1)
images = [random.integers(0, 256, (height, width, 3), dtype=np.uint8) for height, width in [(16, 16), (13, 30), (64, 9)]]
values = processor([Image.fromarray(image) for image in images], return_tensors="pt")["pixel_values"]

with torch.no_grad():
    latent = model.encoder(values)
    z = model.quant_conv(latent).permute(0, 2, 3, 1).reshape(-1, config.embed_dim)
    z = torch.nn.functional.normalize(z, dim=-1)
    codes = torch.nn.functional.normalize(model.quantize.embedding.weight, dim=-1)
    near = z @ codes.T
    ids = near.argmax(-1).reshape(len(images), -1)
    best = near.topk(2, dim=-1).values
    assert (best[:, 0] - best[:, 1]).min() > 1e-5, "a tie: take another seed"
    decoded = model.decode(ids)

shown = np.clip((decoded.permute(0, 2, 3, 1).numpy() + 1) / 2 * 255, 0, 255).astype(np.uint8)
weights = {f"model.vqmodel.{name}": weight.half() for name, weight in model.state_dict().items()}
save_file(weights, folder / "model.safetensors")
vq = {
    key: getattr(config, key)
    for key in (
        "embed_dim num_embeddings latent_channels base_channels channel_multiplier num_res_blocks num_patches"
    ).split()
}
(folder / "config.json").write_text(json.dumps({"model_type": "janus", "vq_config": vq}, indent=2) + "\n")
preprocessor = {
    "image_processor_type": "JanusImageProcessor",
    "size": {"height": pixels, "width": pixels},
    "min_size": 4,
    "image_mean": mean,
    "image_std": mean,
}
(folder / "preprocessor_config.json").write_text(json.dumps(preprocessor, indent=2) + "\n")
expected = {
    "pixel_values": values,
    "latent": latent.permute(0, 2, 3, 1).reshape(len(images), -1, config.latent_channels),
    "codes": codes,
    "ids": ids.int(),
    "decoded": torch.from_numpy(shown),
} | {f"image.{i}": torch.from_numpy(image) for i, image in enumerate(images)}
save_file({name: value.contiguous() for name, value in expected.items()}, here / "expected.safetensors")
print("ids in use", len(ids.unique()), "of", config.num_embeddings, "pixels", shown.min(), shown.max(), shown.std())
