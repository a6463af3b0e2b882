"""Writes LlamaGen's VQ-16 with seeded random weights, and its encoder and decoder as PyTorch's own exporter makes them:

    python bench/vqgan/export_llamagen.py LLAMAGEN FOLDER

LLAMAGEN is a clone of FoundationVision/LlamaGen, at ce98ec4. FOLDER gets vq_ds16.pt, encode.onnx (pixels [1, 3, 256, 256] -> ids
[256]) and decode.onnx (ids [256] -> pixels [1, 3, 256, 256]), each with its weights beside it. Needs torch, onnx and onnxscript.
"""

import sys
from pathlib import Path

import torch


class Encode(torch.nn.Module):
    def __init__(self, vq):
        super().__init__()
        self.vq = vq

    def forward(self, pixels):
        z = self.vq.quant_conv(self.vq.encoder(pixels)).permute(0, 2, 3, 1).reshape(-1, 8)
        z = torch.nn.functional.normalize(z, dim=-1)
        codes = torch.nn.functional.normalize(self.vq.quantize.embedding.weight, dim=-1)
        # As VectorQuantizer.forward measures it.
        distances = z.square().sum(1, keepdim=True) + codes.square().sum(1) - 2 * z @ codes.T
        return distances.argmin(1)


class Decode(torch.nn.Module):
    def __init__(self, vq):
        super().__init__()
        self.vq = vq

    def forward(self, ids):
        return self.vq.decode_code(ids, (1, 8, 16, 16), True)


def main(checkout, folder):
    sys.path.insert(0, checkout)
    from tokenizer.tokenizer_image.vq_model import ModelArgs, VQModel

    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    torch.manual_seed(0)
    vq = VQModel(ModelArgs()).eval()
    torch.save({"model": vq.state_dict()}, folder / "vq_ds16.pt")
    with torch.no_grad():
        for module, example, name in ((Encode(vq), torch.zeros(1, 3, 256, 256), "encode"), (Decode(vq), torch.arange(256), "decode")):
            torch.onnx.export(module, (example,), str(folder / f"{name}.onnx"), dynamo=True, external_data=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
