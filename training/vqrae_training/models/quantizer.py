"""SimVQ: a frozen codebook C seen through a trained linear W (youngsheen/SimVQ, taming/modules/vqvae/quantize.py)."""

from __future__ import annotations

from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn


class Quantized(NamedTuple):
    vectors: Tensor  # [.., e], straight-through: the value of the nearest code, the gradient of the input
    ids: Tensor  # [..] int64
    loss: Tensor  # scalar


def nearest(z: Tensor, codes: Tensor) -> Tensor:
    """Ids of the codes [k, e] nearest to z [t, e] by L2; |z|² is the same for every code and left out."""
    return torch.addmm(codes.square().sum(1) * -0.5, z, codes.t()).argmax(1)


def k_means(z: Tensor, centres: Tensor, iterations: int) -> Tensor:
    """Lloyd's algorithm from `centres` [k, e] on z [n, e]; a centre that no row is nearest to stays where it is."""
    for _ in range(iterations):
        ids = torch.cat([nearest(part, centres) for part in z.split(8192)])
        counts = torch.bincount(ids, minlength=len(centres))[:, None]
        sums = torch.zeros_like(centres).index_add_(0, ids, z)
        centres = torch.where(counts > 0, sums / counts.clamp_min(1), centres)
    return centres


class SimVQ(nn.Module):
    """[.., in_dim] -> nearest row of C Wᵀ (+ b) -> [.., out_dim].

    `loss` is mse(code, sg(z)) + beta * mse(z, sg(code)), beta 0.25 (the `legacy=False` form that SimVQ's configs use).
    """

    def __init__(self, size: int, dim: int, in_dim: int, out_dim: int, bias: bool = False, beta: float = 0.25):
        super().__init__()
        self.beta = beta
        self.in_proj = nn.Linear(in_dim, dim)
        self.codebook = nn.Embedding(size, dim)
        self.codebook.weight.requires_grad_(False)
        nn.init.normal_(self.codebook.weight, std=dim**-0.5)
        self.codebook_proj = nn.Linear(dim, dim, bias=bias)
        self.out_proj = nn.Linear(dim, out_dim)

    @torch.no_grad()
    def initialise_from_data(self, features: Tensor, patches: Tensor, iterations: int = 6) -> float:
        """Starts the quantizer from data: W = identity, C = random projected features moved by a few k-means steps,
        and a projection whose distance is pixel error. features [n, in_dim] and the pixels they stand for [n, p],
        n >= codebook size.

        in_proj is the ridge regression of patches on features, turned onto its principal axes (so the first
        min(e, p) coordinates of z are predicted pixels); what is left of e is a small random view of the features.
        Without it the nearest code is chosen by differences that no pixel shows: with K 4,096 on one layer of the
        foundation model, the mean patch of each code gave 14.6 dB with a plain projection and 19.1 dB with this one.
        Returns the PSNR (peak 2) of the regression itself: what is linearly there before quantisation.
        """
        size, dim = self.codebook.weight.shape
        if len(features) < size:
            raise ValueError(f"Expected at least {size} feature rows for the codebook but received {len(features)}")
        mean, target_mean = features.mean(0), patches.mean(0)
        x, y = features - mean, patches - target_mean
        gram = x.T @ x
        gram.diagonal().add_(1e-3 * gram.diagonal().mean())
        weight = torch.linalg.solve(gram, x.T @ y).T  # (p, in_dim)
        predicted = x @ weight.T
        axes = torch.linalg.eigh(predicted.T @ predicted).eigenvectors.flip(1)[:, :dim]  # (p, min(e, p))
        nn.init.orthogonal_(self.in_proj.weight)
        self.in_proj.weight.mul_(0.02)
        self.in_proj.weight[: axes.shape[1]] = axes.T @ weight
        self.in_proj.bias.copy_(-(self.in_proj.weight @ mean))
        z = self.in_proj(features)
        self.codebook.weight.copy_(k_means(z, z[torch.randperm(len(z), device=z.device)[:size]], iterations))
        self.codebook_proj.weight.copy_(torch.eye(dim))
        if self.codebook_proj.bias is not None:
            self.codebook_proj.bias.zero_()
        return (10 * torch.log10(4 / (predicted - y).square().mean())).item()

    def effective_codebook(self) -> Tensor:
        return self.codebook_proj(self.codebook.weight)  # (K, e)

    def forward(self, x: Tensor) -> Quantized:
        # Distances and codes in float32: bf16 distances flip many near ties.
        with torch.autocast(x.device.type, enabled=False):
            z = self.in_proj(x.float())
            codes = self.effective_codebook()
            with torch.no_grad():
                ids = nearest(z.reshape(-1, z.shape[-1]), codes).view(z.shape[:-1])
            chosen = F.embedding(ids, codes)
            loss = F.mse_loss(chosen, z.detach()) + self.beta * F.mse_loss(z, chosen.detach())
            return Quantized(self.out_proj(z + (chosen - z).detach()), ids, loss)

    def lookup(self, ids: Tensor) -> Tensor:
        """Ids -> decoder input [.., out_dim]. SimVQ's own get_codebook_entry forgets W; this does not."""
        return self.out_proj(F.embedding(ids, self.effective_codebook()))
