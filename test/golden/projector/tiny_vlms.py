"""What make_projectors.py and ../vit-swap/make_swaps.py make their tiny vision language models of. Needs no torchvision."""

import torch

VISION = dict(hidden_size=16, num_hidden_layers=3, num_attention_heads=2, intermediate_size=24, patch_size=4, image_size=16)
TEXT = dict(
    hidden_size=8, intermediate_size=8, num_hidden_layers=1, num_attention_heads=1, num_key_value_heads=1, vocab_size=80,
    max_position_embeddings=64, pad_token_id=0, bos_token_id=1, eos_token_id=2,
)  # fmt: skip


def randomise(model: torch.nn.Module, seed: int) -> torch.nn.Module:
    """Weights large enough that every bias, norm and position shows in the output."""
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for name, p in sorted(model.named_parameters()):
            noise = torch.randn(p.shape, generator=generator) * 0.2
            # Gemma's norms add one to their weights.
            is_scale = ("norm" in name and name.endswith("weight") and "soft_emb" not in name) or "lambda" in name
            p.copy_(1 + noise if is_scale else noise)
    return model.eval()
