"""Perceptual losses by name, over networks whose weights you have on disk.

    mobilenet       five MobileNetV1 taps (mobilenet.py); not LPIPS
    lpips           LPIPS-VGG (lpips.py)
    convnext-s      MSE of ConvNeXt-Small's logits (convnext.py)
    lpips-convnext  (1.0 LPIPS + 0.1 ConvNeXt) / 1.1, TiTok's "lpips-convnext_s-1.0-0.1" (1d-tokenizer
                    `modeling/modules/perceptual_loss.py`); with VQRAE Table 7's weight 1.1 that is LPIPS + 0.1 ConvNeXt
"""

from __future__ import annotations

from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ..errors import UserError
from .convnext import ConvNeXtLoss
from .lpips import LPIPS
from .mobilenet import MobileNetV1, perceptual_distance

KINDS = ("mobilenet", "lpips", "convnext-s", "lpips-convnext")
MIX = (("lpips", 1.0), ("convnext-s", 0.1))
# What each file is and where it is published; its path is loss.<name>.
PUBLISHED = {
    "mobilenet": ("MobileNetV1 in TFLite", "https://github.com/google-coral/test_data, "
                  "mobilenet_v1_1.0_224_quant_embedding_extractor.tflite"),
    "lpips_vgg": ("torchvision's VGG16", "https://download.pytorch.org/models/vgg16-397923af.pth"),
    "lpips_linear": ("LPIPS's linear weights for VGG", "https://github.com/richzhang/PerceptualSimilarity, "
                     "lpips/weights/v0.1/vgg.pth"),
    "convnext": ("torchvision's ConvNeXt-Small", "https://download.pytorch.org/models/convnext_small-0c510722.pth"),
}  # fmt: skip


def perceptual_loss(kind: str, weights: dict[str, str], size: int = 0) -> nn.Module:
    """Build a frozen module: pixels and targets [n, 3, H, W] in [0, 1] -> scalar, with gradients to the pixels only.

    weights: paths by the names of `PUBLISHED`. Only those that `kind` needs are read. size: side in pixels that both images are
    brought to first, bilinear; 0 leaves them. A network names objects best at the size it was trained at. Networks run in the
    caller's autocast, distances in float32.
    """
    if kind == "mobilenet":
        path = _file(weights, "mobilenet")
        if not path.read_bytes()[4:8] == b"TFL3":
            raise _unreadable("mobilenet", path, "no TFLite model")
        loss: nn.Module = MobileNetLoss(path)
    elif kind == "lpips":
        loss = _loaded(LPIPS(), vgg=("lpips_vgg", weights), linear=("lpips_linear", weights))
    elif kind == "convnext-s":
        loss = _loaded(ConvNeXtLoss(), network=("convnext", weights))
    elif kind == "lpips-convnext":
        loss = WeightedMean([(perceptual_loss(name, weights), weight) for name, weight in MIX])
    else:
        raise UserError(f"Expected one of {', '.join(KINDS)} for loss.perceptual but received {kind!r}")
    return (AtSize(loss, size) if size else loss).eval().requires_grad_(False)


class AtSize(nn.Module):
    def __init__(self, loss: nn.Module, size: int):
        super().__init__()
        self.loss, self.size = loss, size

    def forward(self, pixels: Tensor, targets: Tensor) -> Tensor:
        resized = (F.interpolate(x, (self.size, self.size), mode="bilinear", antialias=True) for x in (pixels, targets))
        return self.loss(*resized)


class MobileNetLoss(nn.Module):
    def __init__(self, path: Path):
        super().__init__()
        self.network = MobileNetV1(path)

    def forward(self, pixels: Tensor, targets: Tensor) -> Tensor:
        with torch.no_grad():
            wanted = self.network(targets)
        return perceptual_distance(self.network(pixels), wanted)


class WeightedMean(nn.Module):
    def __init__(self, parts: list[tuple[nn.Module, float]]):
        super().__init__()
        self.losses = nn.ModuleList(loss for loss, _ in parts)
        self.shares = [weight / sum(w for _, w in parts) for _, weight in parts]

    def forward(self, pixels: Tensor, targets: Tensor) -> Tensor:
        return sum(share * loss(pixels, targets) for share, loss in zip(self.shares, self.losses, strict=True))


def _file(weights: dict[str, str], name: str) -> Path:
    path = weights.get(name, "")
    if not path or not Path(path).is_file():
        what, where = PUBLISHED[name]
        received = f"{path}, which is not there" if path else "none"
        way_out = "none" if name == "mobilenet" else "mobilenet loss.mobilenet=FILE.tflite"
        raise UserError(
            f"Expected a file of {what} for loss.{name} but received {received}. It is published at {where}. "
            f"Without it: --set loss.perceptual={way_out}"
        )
    return Path(path)


def _unreadable(name: str, path: Path, reason: str) -> UserError:
    what, where = PUBLISHED[name]
    return UserError(f"Expected a file of {what} for loss.{name} but received {path}: {reason}. It is published at {where}")


def _loaded(loss: nn.Module, **parts: tuple[str, dict[str, str]]) -> nn.Module:
    """Fill the submodules of `loss` from PyTorch files of their state dicts. Names that they do not have are ignored."""
    for attribute, (name, weights) in parts.items():
        path, part = _file(weights, name), getattr(loss, attribute)
        try:
            state = torch.load(path, map_location="cpu", weights_only=True)
            part.load_state_dict({k: state[k] for k in part.state_dict()})
        except KeyError as error:
            raise _unreadable(name, path, f"it has no tensor {error}") from None
        except Exception as error:  # torch.load raises whatever its unpickler stumbles on
            raise _unreadable(name, path, str(error).splitlines()[0]) from None
    return loss
