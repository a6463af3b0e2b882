"""Writes perceptual.json: what the reference implementations compute with the weights of random_weights.py.

    pip install torch==2.13.0 torchvision==0.28.0 torchmetrics==1.9.0   (in an environment of its own)
    python tests/golden/make_perceptual.py

LPIPS is torchmetrics' (richzhang's but for where its epsilon stands), ConvNeXt torchvision's inside TiTok's formula.
"""

from __future__ import annotations

import json
from pathlib import Path

import torch
from random_weights import random_images, random_weights

# A CPU build of torch beside torchvision's CUDA build lacks these two operators, which nothing here calls.
operators = torch.library.Library("torchvision", "FRAGMENT")
for name in ("nms", "qnms"):
    try:
        operators.define(f"{name}(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")
    except RuntimeError:
        pass  # this build has it

import torchvision  # noqa: E402
from torchmetrics.functional.image.lpips import _LPIPS  # noqa: E402

originals, copies = random_images(3)


def lpips() -> float:
    vgg = torchvision.models.vgg16().features
    loss = _LPIPS(pretrained=False, net="vgg", pnet_rand=True)
    state = random_weights(vgg, 1)
    for name in loss.net.state_dict():  # slice2.5.weight is features 5
        layer, kind = name.split(".")[1:]
        loss.net.get_parameter(name).data.copy_(state[f"{layer}.{kind}"])
    for i in range(5):
        linear = getattr(loss, f"lin{i}")
        linear.load_state_dict({k: v.abs() for k, v in random_weights(linear, 10 + i).items()})
    return loss(copies, originals, normalize=True).mean().item()


def convnext() -> tuple[float, list[float]]:
    network = torchvision.models.convnext_small().eval()
    network.load_state_dict(random_weights(network, 2))
    mean, std = (torch.tensor(v)[None, :, None, None] for v in ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225)))

    def logits(x):
        x = torch.nn.functional.interpolate(x, size=224, mode="bilinear", align_corners=False, antialias=True)
        return network((x - mean) / std)

    a, b = logits(copies), logits(originals)
    return torch.nn.functional.mse_loss(a, b).item(), b[0, :5].tolist()


with torch.no_grad():
    distance, first = convnext()
    values = {"lpips": lpips(), "convnext-s": distance, "convnext_logits": first}
(Path(__file__).parent / "perceptual.json").write_text(json.dumps(values, indent=2) + "\n")
