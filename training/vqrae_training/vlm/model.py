"""Projector and language model; the encoder's features come from the cache."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from transformers import Qwen3ForCausalLM

from .batches import Batch

EPS = 1e-5


class Projector(nn.Module):
    """InternVL's `mlp1`: each 2 x 2 square of tokens as one, LayerNorm, two layers. [n, t, d] -> [n, t / 4, width]."""

    def __init__(self, dim: int, width: int):
        super().__init__()
        self.mlp1 = nn.Sequential(nn.LayerNorm(4 * dim, EPS), nn.Linear(4 * dim, width), nn.GELU(), nn.Linear(width, width))

    def forward(self, tokens: Tensor) -> Tensor:
        return self.mlp1(pixel_shuffle(tokens))


def pixel_shuffle(tokens: Tensor) -> Tensor:
    """[n, g * g, d] -> [n, (g / 2)², 4 d], in InternVL's order (ps_version v2): of a square's rows, then its columns."""
    n, t, d = tokens.shape
    grid = int(t**0.5)
    square = tokens.view(n, grid // 2, 2, grid // 2, 2, d)
    return square.transpose(2, 3).reshape(n, t // 4, 4 * d)


class Vlm(nn.Module):
    def __init__(self, projector: Projector, llm: Qwen3ForCausalLM):
        super().__init__()
        self.projector, self.llm = projector, llm

    def forward(self, batch: Batch) -> Tensor:
        """-> logits [answer tokens, vocabulary] at the places that predict them, in the batch's order."""
        x = self.llm.get_input_embeddings()(batch.ids)
        if batch.features is not None:
            x = x.masked_scatter(batch.image_at[:, :, None], self.projector(batch.features.float()).to(x.dtype))
        hidden = self.llm.model(inputs_embeds=x, attention_mask=batch.mask, position_ids=batch.positions, use_cache=False)
        return self.llm.lm_head(hidden.last_hidden_state[batch.answered])


@torch.no_grad()
def right_answers(model: Vlm, batch: Batch) -> list[bool]:
    """Of each conversation's turns, in order, whether greedy decoding gives the answer to its end: that is the case exactly
    where every token of it is the likeliest one after those before."""
    likeliest = model(batch).argmax(-1) == batch.targets
    return [bool(likeliest[batch.turn_of == turn].all()) for turn in range(batch.turns)]
