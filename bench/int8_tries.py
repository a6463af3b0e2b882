"""What could bring the float32 DeiT's features in 8 bits nearer to those in float32; prints the table of docs/precision.md:

    python bench/int8_tries.py models/deit-tiny examples/images/*.jpg

A simulation in PyTorch of what sdk/weights/int8 does: weights symmetric with a scale for each output, norms folded and balanced,
activations unsigned with a scale for each image, rounded and multiplied in float32. Each line changes one thing of that.
Cosines are of the patch tokens after the last norm, to the same in float32: each photo's mean, the mean of all, the worst token.
"""

import re
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image
from safetensors.torch import load_file

EPS = 1e-6
# Whether a linear's input has one scale for all images, one for each image or each token, or stays in float32 ("none").
Scales = Callable[[str], str]


def pixels(path: str) -> torch.Tensor:
    """[3, 224, 224], as preprocessor_config.json says."""
    image = Image.open(path).convert("RGB")
    scale = 256 / min(image.size)
    image = image.resize([int(side * scale) for side in image.size], Image.Resampling.BICUBIC)
    left, top = ((side - 224) // 2 for side in image.size)
    x = torch.tensor(np.asarray(image.crop((left, top, left + 224, top + 224)))).float() / 255
    return ((x - torch.tensor([0.485, 0.456, 0.406])) / torch.tensor([0.229, 0.224, 0.225])).permute(2, 0, 1)


def rounded_activations(x: torch.Tensor, scales: str) -> torch.Tensor:
    """x [n, t, d] on 256 steps from its least to its largest number, zero being one of them."""
    over = {"images": (0, 1, 2), "image": (1, 2), "token": (2,)}[scales]
    least, largest = (getattr(x, name)(over, keepdim=True) for name in ("amin", "amax"))
    step = ((largest.clamp(min=0) - least.clamp(max=0)) / 255).clamp(min=1e-12)
    zero = torch.round(-least.clamp(max=0) / step)
    return (torch.clamp(torch.round(x / step) + zero, 0, 255) - zero) * step


def rounded_weight(w: torch.Tensor) -> torch.Tensor:
    """w [out, in]"""
    step = w.abs().amax(1, keepdim=True) / 127
    return torch.round(w / step) * step


class Vit:
    def __init__(self, folder: str, images: torch.Tensor) -> None:
        stored = load_file(Path(folder) / "model.safetensors")
        self.weights = {k.removeprefix("vit."): v.float() for k, v in stored.items()}
        self.images = images
        self.exact = self.features(lambda name: "none", rounds_weights=False)

    def features(self, scales: Scales, rounds_weights: bool = True, balance: float = 1) -> torch.Tensor:
        """[n, 196, d]; `balance` is the exponent of the size to which a norm's channels are brought."""
        w = self.weights

        def linear(x: torch.Tensor, names: list[str], norm: str | None = None) -> torch.Tensor:
            """x [n, t, in] -> [n, t, out]"""
            weight = torch.cat([w[f"{name}.weight"] for name in names])
            bias = torch.cat([w[f"{name}.bias"] for name in names])
            if norm is not None:
                gamma, beta = w[f"{norm}.weight"], w[f"{norm}.bias"]
                size = (gamma.abs() * weight.square().mean(0).sqrt()) ** balance
                bias = bias + weight @ beta
                weight = weight * torch.where(size == 0, torch.zeros_like(gamma), gamma / size)
                x = F.layer_norm(x, x.shape[-1:], None, None, EPS) * size
            kind = scales(names[0])
            if kind == "none":
                return x @ weight.T + bias
            return rounded_activations(x, kind) @ (rounded_weight(weight) if rounds_weights else weight).T + bias

        patch = "embeddings.patch_embeddings.projection"
        x = F.conv2d(self.images, w[f"{patch}.weight"], w[f"{patch}.bias"], stride=16).flatten(2).transpose(1, 2)
        x = torch.cat([w["embeddings.cls_token"].expand(len(x), -1, -1), x], 1) + w["embeddings.position_embeddings"]
        n, t, d = x.shape
        for i in range(12):
            at = f"encoder.layer.{i}"
            names = [f"{at}.attention.attention.{name}" for name in ("query", "key", "value")]
            qkv = linear(x, names, f"{at}.layernorm_before").reshape(n, t, 3, d // 64, 64).permute(2, 0, 3, 1, 4)
            y = F.scaled_dot_product_attention(*qkv).transpose(1, 2).reshape(n, t, d)
            x = x + linear(y, [f"{at}.attention.output.dense"])
            y = F.gelu(linear(x, [f"{at}.intermediate.dense"], f"{at}.layernorm_after"))
            x = x + linear(y, [f"{at}.output.dense"])
        return F.layer_norm(x, (d,), w["layernorm.weight"], w["layernorm.bias"], EPS)[:, 1:]

    def show(self, name: str, scales: Scales, **options: float) -> None:
        cosines = F.cosine_similarity(self.exact, self.features(scales, **options), dim=-1)
        of_photos = ", ".join(f"{c:.4f}" for c in cosines.mean(1))
        print(f"| {name} | {of_photos} | {cosines.mean():.5f} | {cosines.min():.3f} |", flush=True)


def main() -> None:
    torch.set_num_threads(1)
    folder, *photos = sys.argv[1:]
    vit = Vit(folder, torch.stack([pixels(photo) for photo in photos]))

    def but(pattern: str, kind: str) -> Scales:
        return lambda name: "none" if re.search(pattern, name) else kind

    print("| | cosines | mean | worst token |\n| --- | --- | --- | --- |")
    vit.show("as it is", but("^$", "image"))
    vit.show("weights in float32", but("^$", "image"), rounds_weights=False)
    for name, part in {
        "attention's inputs": r"query",
        "attention's output": r"attention\.output",
        "the MLP's first linear": r"intermediate",
        "the MLP's second linear": r"\d\.output",
    }.items():
        vit.show(f"{name} in float32", but(part, "image"))
    for exponent in (0, 0.5, 0.75, 1.25):
        vit.show(f"channels of norms balanced by the power {exponent} of their size", but("^$", "image"), balance=exponent)
    vit.show("fixed scales, the best ones for these photos", but("^$", "images"))
    vit.show("a scale for each token", but("^$", "token"))
    for kind, more in {"image": "", "token": ", a scale for each token"}.items():
        for last in (0, 1, 3, 5):
            blocks = "block 0" if last == 0 else f"blocks 0 to {last}"
            vit.show(f"{blocks} in float32{more}", but(rf"layer\.[0-{last}]\.", kind))


main()
