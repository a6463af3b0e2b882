"""What LlamaGen draws from (autoregressive/models/generate.py: decode_one_token, top_k_top_p_filtering, sample), in PyTorch.

`pip install torch==2.13.0 safetensors; python make_sampler.py` writes sampler.safetensors: for each case the logits with and
without the prompt, what is left after guidance, and the probability of each id after temperature, top-k and top-p.
"""

from pathlib import Path

import torch
from safetensors.torch import save_file

HERE = Path(__file__).parent

# name -> (scale, temperature, top_k, top_p)
CASES = {
    "llamagen": (7.5, 1.0, 1000, 1.0),
    "llamagen_class": (4.0, 1.0, 2000, 1.0),
    "janus": (5.0, 1.0, 0, 1.0),
    "top_p": (3.0, 1.0, 0, 0.9),
    "both": (2.0, 0.7, 50, 0.8),
    "hot": (1.5, 1.9, 300, 0.95),
    "narrow": (3.0, 1.0, 0, 1e-6),
    "one": (3.0, 1.0, 1, 1.0),
    "ties": (1.0, 1.0, 3, 1.0),
    "cold": (1.0, 1e-3, 10, 0.5),
}
SIZE = 1200


def probabilities(logits: torch.Tensor, temperature: float, top_k: int, top_p: float) -> torch.Tensor:
    """`sample`'s `probs` for one row of logits."""
    logits = logits / max(temperature, 1e-5)
    if top_k > 0:
        smallest = torch.topk(logits, min(top_k, logits.numel())).values[-1]
        logits = logits.masked_fill(logits < smallest, -torch.inf)
    if top_p < 1.0:
        ordered, places = torch.sort(logits, descending=True)
        above = torch.cumsum(torch.softmax(ordered, dim=-1), dim=-1) > top_p
        # The first one above the threshold stays.
        removed = torch.cat([above.new_zeros(1), above[:-1]])
        logits = logits.masked_fill(torch.zeros_like(removed).scatter(0, places, removed), -torch.inf)
    return torch.softmax(logits, dim=-1)


generator = torch.Generator().manual_seed(3)
tensors = {}
for i, (name, (scale, temperature, top_k, top_p)) in enumerate(CASES.items()):
    conditional = torch.randn(SIZE, generator=generator) * (1 + i % 4)
    unconditional = conditional + torch.randn(SIZE, generator=generator)
    if name == "ties":
        conditional = torch.round(conditional)
    guided = unconditional + (conditional - unconditional) * scale if scale > 1 else conditional
    tensors[f"{name}.conditional"] = conditional
    tensors[f"{name}.unconditional"] = unconditional
    tensors[f"{name}.guided"] = guided
    tensors[f"{name}.probabilities"] = probabilities(guided, temperature, top_k, top_p)
    tensors[f"{name}.settings"] = torch.tensor([scale, temperature, top_k, top_p], dtype=torch.float64)
save_file({name: tensor.clone() for name, tensor in tensors.items()}, HERE / "sampler.safetensors")
