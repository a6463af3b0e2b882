"""Draw ids from a generator in PyTorch, many pictures in one batch, for figures during training.

Guidance, temperature, top-k and top-p work as in the SDK (adapters/generation), which samples with llama.cpp.
"""

from __future__ import annotations

import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image
from torch import Tensor
from transformers import DynamicCache, Qwen3ForCausalLM

from ..language.tokenizer import PAD
from ..models.vqrae import VQRAE
from .export import Sampling
from .sequences import Vocabulary


def choose(logits: Tensor, s: Sampling, random: torch.Generator) -> Tensor:
    """Draw ids [n] from guided visual logits [n, K]: temperature, then top-k, then top-p. Temperature 0 takes the likeliest."""
    if s.temperature == 0:
        return logits.argmax(-1)
    logits = logits / s.temperature
    if s.top_k:
        least = logits.topk(min(s.top_k, logits.shape[-1])).values[:, -1:]
        logits = logits.masked_fill(logits < least, -torch.inf)
    probabilities = F.softmax(logits, -1)
    if s.top_p < 1:
        ordered, order = probabilities.sort(descending=True)
        ordered[ordered.cumsum(-1) - ordered >= s.top_p] = 0  # the first above the threshold stays
        probabilities = torch.zeros_like(probabilities).scatter(-1, order, ordered)
    return torch.multinomial(probabilities, 1, generator=random)[:, 0]


@torch.inference_mode()
def sample_ids(
    model: Qwen3ForCausalLM, vocabulary: Vocabulary, prompts: list[str], count: int, s: Sampling, seed: int = 0, best_of: int = 1
) -> Tensor:
    """Draw `count` ids for each prompt, int64 [n, count]. best_of: draw so often for each, and keep the ids that the prompt makes
    likeliest, at temperature 1 and without guidance."""
    prompts = [prompt for prompt in prompts for _ in range(best_of)]
    v, n = vocabulary, len(prompts)
    guided = s.guidance_scale != 1
    words = [v.text(prompt) for prompt in prompts] + [[]] * (n if guided else 0)
    longest = max(map(len, words)) + 1
    tokens = torch.full((len(words), longest), v.tokenizer.token_to_id(PAD))
    seen = torch.zeros(len(words), longest, dtype=torch.long)  # padded at the left
    for i, text in enumerate(words):
        tokens[i, longest - len(text) - 1 :] = torch.tensor([*text, v.boi])
        seen[i, longest - len(text) - 1 :] = 1
    random, cache = torch.Generator().manual_seed(seed), DynamicCache(config=model.config)
    positions = (seen.cumsum(1) - 1).clamp_min(0)
    head = model.lm_head.weight[v.first :]
    drawn, likelihood = torch.empty(n, count, dtype=torch.long), torch.zeros(n)
    for k in range(count):
        out = model.model(tokens, attention_mask=seen, position_ids=positions, past_key_values=cache, use_cache=True)
        told, *untold = (out.last_hidden_state[:, -1].float() @ head.T).split(n)
        logits = untold[0] + s.guidance_scale * (told - untold[0]) if guided else told
        drawn[:, k] = choose(logits, s, random)
        if best_of > 1:
            likelihood += told.log_softmax(-1).gather(1, drawn[:, k, None])[:, 0]
        tokens = (drawn[:, k] + v.first).repeat(2 if guided else 1)[:, None]
        seen, positions = F.pad(seen, (0, 1), value=1), positions[:, -1:] + 1
    best = likelihood.view(-1, best_of).argmax(1)
    return drawn.view(-1, best_of, count)[torch.arange(len(best)), best]


@torch.inference_mode()
def pictures(tokenizer: VQRAE, ids: Tensor) -> list[Image.Image]:
    """Decode ids [n, t] to RGB pictures."""
    images = []
    for part in ids.split(32):
        pixels = (tokenizer.decode(part) * 255).round().byte().permute(0, 2, 3, 1).numpy()
        images += [Image.fromarray(np.ascontiguousarray(p)) for p in pixels]
    return images
