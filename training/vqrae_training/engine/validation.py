"""The figures of fixed images, every `eval_every` steps."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from PIL import Image
from torch import Tensor, nn

from ..data.images import encoder_view, normalise, to_uint8
from ..data.sources import Item
from ..metrics.pixels import blocking, psnr, ssim
from ..models.image_spec import ImageSpec
from ..models.quantizer import code_statistics
from ..models.vqrae import VQRAE

BATCH = 32


class Validation:
    """Holds what the encoder sees of each image, and the same at the decoder's size as targets."""

    def __init__(self, items: list[Item], image: ImageSpec, target: int):
        views = [encoder_view(i.open(), image) for i in items]
        self.pixels = torch.stack([to_uint8(c) for c in views])
        self.targets = torch.stack([to_uint8(c.resize((target, target), Image.Resampling.BICUBIC)) for c in views])

    @torch.no_grad()
    def run(self, model: VQRAE, teacher: nn.Module | None, bf16: bool) -> tuple[dict[str, float], Tensor]:
        """Return the figures and the reconstructions, uint8 [n, 3, H, W]. The figures are PSNR (mean, worst) and SSIM on 8-bit
        values, codes used, perplexity, and the cosine of the features to the frozen encoder's."""
        pixels, ids, cosines = [], [], []
        encoder = model.encoder
        device = next(encoder.parameters()).device
        for part in self.pixels.split(BATCH):
            x = normalise(part.to(device), encoder.mean, encoder.std)
            with torch.autocast(device.type, torch.bfloat16, enabled=bf16):
                out = model(x)
                if teacher is not None:
                    reference = teacher.final_norm(teacher(x, (teacher.num_layers,))[-1]).float()
                    cosines.append(F.cosine_similarity(encoder.final_norm(out.hidden[-1]).float(), reference, dim=-1).mean())
            pixels.append((out.pixels.clamp(0, 1) * 255).round().byte().cpu())
            ids.append(out.quantized.ids.flatten().cpu())
        y = torch.cat(pixels)
        ratios = psnr(y, self.targets)
        used, perplexity = code_statistics(torch.bincount(torch.cat(ids), minlength=model.quantizer.size))
        result = {
            "val_psnr": ratios.mean().item(),
            "val_psnr_worst": ratios.min().item(),
            "val_ssim": ssim(y, self.targets).mean().item(),
            "val_blocking": blocking(y, model.decoder.config.patch_size),
            "val_codes": float(used),
            "val_perplexity": float(perplexity),
        }
        if cosines:
            result["teacher_cosine"] = torch.stack(cosines).mean().item()
        return result, y
