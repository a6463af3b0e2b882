"""Projector and language model. The encoder's features come from the cache."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from transformers import Qwen3ForCausalLM

from .batches import Batch

EPS = 1e-5


class Projector(nn.Module):
    """InternVL's `mlp1`: [n, t, d] -> [n, t / 4, width]. Each 2 x 2 square of tokens becomes one, then LayerNorm and two
    layers."""

    def __init__(self, dim: int, width: int):
        super().__init__()
        self.mlp1 = nn.Sequential(nn.LayerNorm(4 * dim, EPS), nn.Linear(4 * dim, width), nn.GELU(), nn.Linear(width, width))

    def forward(self, tokens: Tensor) -> Tensor:
        return self.mlp1(pixel_shuffle(tokens))


def pixel_shuffle(tokens: Tensor) -> Tensor:
    """Make one token of each square: [n, g * g, d] -> [n, (g / 2)², 4 d], in InternVL's order (ps_version v2)."""
    n, t, d = tokens.shape
    grid = int(t**0.5)
    square = tokens.view(n, grid // 2, 2, grid // 2, 2, d)
    return square.transpose(2, 3).reshape(n, t // 4, 4 * d)


class Vlm(nn.Module):
    def __init__(self, projector: Projector, llm: Qwen3ForCausalLM):
        super().__init__()
        self.projector, self.llm = projector, llm

    @property
    def device(self) -> torch.device:
        return self.llm.device

    def forward(self, batch: Batch) -> Tensor:
        """Return logits [answer tokens, vocabulary] at the places that predict them, in the batch's order."""
        x = self.llm.get_input_embeddings()(batch.ids)
        if batch.features is not None:
            x = x.masked_scatter(batch.image_at[:, :, None], self.projector(batch.features.float()).to(x.dtype))
        hidden = self.llm.model(inputs_embeds=x, attention_mask=batch.mask, position_ids=batch.positions, use_cache=False)
        return self.llm.lm_head(hidden.last_hidden_state[batch.answered])


@torch.no_grad()
def right_answers(model: Vlm, batch: Batch) -> list[bool]:
    """Return for each turn, in order, whether greedy decoding gives its answer to the end. It does where every token of the
    answer is the likeliest one after those before."""
    likeliest = (model(batch).argmax(-1) == batch.targets).cpu()
    turn_of = batch.turn_of.cpu()
    return [bool(likeliest[turn_of == turn].all()) for turn in range(batch.turns)]
