"""The float ViT that stands for the integer network, with the head that only distillation uses."""

from __future__ import annotations

from torch import Tensor, nn

from ..data.images import IMAGENET_MEAN, IMAGENET_STD
from ..models.encoder import Encoder
from ..models.image_spec import ImageSpec
from . import integer_teacher as it

TAPS = (3, 6, 9, 12)  # blocks whose tokens are distilled: hints keep the early layers on course
LOGIT_STD = 2.0  # the integer logits carry no scale of their own
CONFIG = {
    "model_type": "vit",
    "hidden_size": it.WIDTH,
    "intermediate_size": 4 * it.WIDTH,
    "num_hidden_layers": it.DEPTH,
    "num_attention_heads": it.HEADS,
    "image_size": it.GRID * it.PATCH,
    "patch_size": it.PATCH,
    "num_channels": 3,
    "layer_norm_eps": 1e-6,
    "hidden_act": "gelu",
    "qkv_bias": True,
}


class FoundationModel(nn.Module):
    """The encoder, and a 1,000-class head that only distillation uses. It starts from `dequantise`'s tensors."""

    def __init__(self, tensors: dict[str, Tensor]):
        super().__init__()
        size = CONFIG["image_size"]
        image = ImageSpec(size, size, "bicubic", "crop", IMAGENET_MEAN, IMAGENET_STD)
        self.vit = Encoder(CONFIG, image, {k.removeprefix("vit."): v for k, v in tensors.items() if k.startswith("vit.")})
        self.classifier = nn.Linear(it.WIDTH, 1000)
        self.classifier.load_state_dict({name: tensors[f"classifier.{name}"] for name in ("weight", "bias")})

    def forward(self, pixels: Tensor) -> tuple[list[Tensor], Tensor]:
        taps = self.vit(pixels, TAPS)
        return taps, self.classifier(self.vit.final_norm(taps[-1][:, 0]))
