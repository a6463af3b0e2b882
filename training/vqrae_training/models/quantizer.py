"""Quantizers: plain VQ, and SimVQ, whose codebook C is frozen and seen through a trained linear W.

Sources: CompVis/taming-transformers `modules/vqvae/quantize.py` (VQ), youngsheen/SimVQ `taming/modules/vqvae/quantize.py`.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

SEARCH_LIMIT = 2**23  # most similarities of one [t, K] table: 32 MiB of float32, which a CPU's caches still hold in part


class Quantized(NamedTuple):
    vectors: Tensor  # [.., out_dim], straight-through: the value of the nearest code, the gradient of the input
    ids: Tensor  # [..] int64
    loss: Tensor  # scalar


@torch.no_grad()
def nearest(z: Tensor, codes: Tensor) -> Tensor:
    """Return the ids [t] of the codes [K, e] nearest to z [t, e] by L2, always in float32: bf16 flips many near ties.

    |z|² is the same for every code and left out. Rows go in chunks: 200,000 tokens fit beside 16,384 codes.
    """
    with torch.autocast(z.device.type, enabled=False):
        z, codes = z.float(), codes.float()
        transposed, half_norms = codes.t(), codes.square().sum(1) * -0.5
        parts = z.split(max(1, SEARCH_LIMIT // len(codes)))
        return torch.cat([torch.addmm(half_norms, part, transposed).argmax(1) for part in parts])


def ridge(x: Tensor, y: Tensor) -> Tensor:
    """Return the weight [p, d] of the ridge regression of y [n, p] on x [n, d], both centred. The diagonal gets 1e-3 of the mean
    variance."""
    gram = x.T @ x
    gram.diagonal().add_(1e-3 * gram.diagonal().mean())
    return torch.linalg.solve(gram, x.T @ y).T


def k_means(z: Tensor, centres: Tensor, iterations: int) -> Tensor:
    """Run Lloyd's algorithm from `centres` [k, e] on z [n, e]. A centre that is nearest to no row stays where it is."""
    for _ in range(iterations):
        ids = nearest(z, centres)
        counts = torch.bincount(ids, minlength=len(centres))[:, None]
        sums = torch.zeros_like(centres).index_add_(0, ids, z)
        centres = torch.where(counts > 0, sums / counts.clamp_min(1), centres)
    return centres


def code_statistics(counts: Tensor) -> tuple[int, float]:
    """Return how many ids came up at least once, and the perplexity exp(entropy), from the count of each id [K]."""
    total = counts.sum()
    if total == 0:
        raise ValueError("Expected counts of at least one token for the codebook's statistics but received none")
    p = counts[counts > 0].double() / total
    return len(p), (-(p * p.log()).sum()).exp().item()


class VQ(nn.Module):
    """Plain VQ: [.., in_dim] -> linear to e -> nearest row of a trained codebook [K, e] -> linear to [.., out_dim].

    `loss` is mse(code, sg(z)) + beta * mse(z, sg(code)): the `legacy=False` form, where beta weighs the commitment.
    """

    def __init__(self, size: int, dim: int, in_dim: int, out_dim: int, beta: float = 0.25):
        super().__init__()
        self.beta = beta
        self.in_proj = nn.Linear(in_dim, dim)
        self.codebook = nn.Embedding(size, dim)
        nn.init.uniform_(self.codebook.weight, -1 / size, 1 / size)
        self.out_proj = nn.Linear(dim, out_dim)

    @property
    def size(self) -> int:
        """K, the number of codes."""
        return self.codebook.num_embeddings

    def effective_codebook(self) -> Tensor:
        """Return the vectors that ids stand for, [K, e]."""
        return self.codebook.weight

    @torch.no_grad()
    def start_from(self, codes: Tensor) -> None:
        """Make `codes` [K, e] the effective codebook."""
        self.codebook.weight.copy_(codes)

    def freeze_ids(self) -> None:
        """Let the projection and the codes learn nothing more, so that ids stay what they are. out_proj, which follows them, goes
        on."""
        for part in self.children():
            part.requires_grad_(part is self.out_proj)

    @torch.no_grad()
    def initialise_from_data(self, features: Tensor, patches: Tensor, iterations: int = 6) -> float:
        """Start the quantizer from features [n, in_dim] and the pixels that they stand for [n, p] in [-1, 1], n >= codebook size.

        The codes are random projected features, moved by a few k-means steps (SimVQ's W is the identity). in_proj is the ridge
        regression of patches on features, turned onto its principal axes: the first min(e, p) coordinates of z are predicted
        pixels, and distance is pixel error. The rest of e is a small random view of the features.
        Without this projection, differences that no pixel shows choose the nearest code: with K 4,096 on block 2 of the
        foundation model, the mean patch of each code gives 16.6 dB with the features as they are and 20.5 dB with this
        projection (`python -m vqrae_training probe-layers`, 700 images, q = 8).
        Returns the PSNR (peak 2) of the regression itself, which is linear and comes before quantisation.
        """
        size, dim = self.codebook.weight.shape
        if len(features) < size:
            raise ValueError(f"Expected at least {size} feature rows for the codebook but received {len(features)}")
        mean, target_mean = features.mean(0), patches.mean(0)
        x, y = features - mean, patches - target_mean
        weight = ridge(x, y)  # (p, in_dim)
        predicted = x @ weight.T
        axes = torch.linalg.eigh(predicted.T @ predicted).eigenvectors.flip(1)[:, :dim]  # (p, min(e, p))
        nn.init.orthogonal_(self.in_proj.weight)
        self.in_proj.weight.mul_(0.02)
        self.in_proj.weight[: axes.shape[1]] = axes.T @ weight
        self.in_proj.bias.copy_(-(self.in_proj.weight @ mean))
        z = self.in_proj(features)
        self.start_from(k_means(z, z[torch.randperm(len(z), device=z.device)[:size]], iterations))
        return (10 * torch.log10(4 / (predicted - y).square().mean())).item()

    def forward(self, x: Tensor) -> Quantized:
        # Projection, distances and codes in float32, for `nearest`'s reason.
        with torch.autocast(x.device.type, enabled=False):
            z = self.in_proj(x.float())
            codes = self.effective_codebook()
            ids = nearest(z.flatten(0, -2), codes).view(z.shape[:-1])
            chosen = F.embedding(ids, codes)
            loss = F.mse_loss(chosen, z.detach()) + self.beta * F.mse_loss(z, chosen.detach())
            return Quantized(self.out_proj(z + (chosen - z).detach()), ids, loss)

    def lookup(self, ids: Tensor) -> Tensor:
        """Return the decoder's input [.., out_dim] for ids. SimVQ's own get_codebook_entry forgets W; this does not."""
        with torch.autocast(ids.device.type, enabled=False):
            return self.out_proj(F.embedding(ids, self.effective_codebook()))


class SimVQ(VQ):
    """VQ whose codebook C is frozen and seen through a trained linear W: the codes are the rows of C Wᵀ (+ b).

    One step of W moves every code, used or not. This keeps large codebooks in use.
    """

    def __init__(self, size: int, dim: int, in_dim: int, out_dim: int, bias: bool = False, beta: float = 0.25):
        super().__init__(size, dim, in_dim, out_dim, beta)
        self.codebook.weight.requires_grad_(False)
        nn.init.normal_(self.codebook.weight, std=dim**-0.5)
        self.codebook_proj = nn.Linear(dim, dim, bias=bias)

    def effective_codebook(self) -> Tensor:
        return self.codebook_proj(self.codebook.weight)

    @torch.no_grad()
    def start_from(self, codes: Tensor) -> None:
        super().start_from(codes)
        nn.init.eye_(self.codebook_proj.weight)
        if self.codebook_proj.bias is not None:
            nn.init.zeros_(self.codebook_proj.bias)
