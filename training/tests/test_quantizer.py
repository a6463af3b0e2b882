import copy
import math

import pytest
import torch

import vqrae_training.models.quantizer as module
from vqrae_training.models.quantizer import VQ, SimVQ, code_statistics, k_means, nearest

KINDS = pytest.mark.parametrize("kind", [VQ, SimVQ])


def make(seed=0, kind=SimVQ):
    torch.manual_seed(seed)
    features = torch.randn(500, 12)
    patches = features @ torch.randn(12, 6) * 0.3 + 0.1
    quantizer = kind(size=64, dim=8, in_dim=12, out_dim=5)
    return quantizer, features, patches


@KINDS
def test_initialisation_measures_pixel_error(kind):
    quantizer, features, patches = make(kind=kind)
    assert quantizer.initialise_from_data(features, patches) > 40  # the patches are linear in the features
    z = quantizer.in_proj(features)
    # Distances in z are distances between patches: the projection is an isometry of the regression.
    wanted = torch.cdist(patches[:50], patches[:50])
    torch.testing.assert_close(torch.cdist(z[:50], z[:50]), wanted, atol=0.15, rtol=0.05)
    assert len(quantizer(features).ids.unique()) > 58


@KINDS
def test_ids_are_the_nearest_codes(kind):
    quantizer, features, patches = make(1, kind)
    quantizer.initialise_from_data(features, patches)
    with torch.no_grad():
        if kind is SimVQ:
            quantizer.codebook_proj.weight.add_(torch.randn(8, 8) * 0.1)
        codes = quantizer.effective_codebook().double()
        distances = torch.cdist(quantizer.in_proj(features).double(), codes)
        ids = quantizer(features).ids
    chosen = distances.gather(1, ids[:, None])[:, 0]
    torch.testing.assert_close(chosen, distances.min(1).values, atol=1e-6, rtol=0)
    assert torch.equal(quantizer(features.view(5, 100, 12)).ids, ids.view(5, 100))


def test_the_search_goes_in_chunks_and_in_float32(monkeypatch):
    torch.manual_seed(0)
    z, codes = torch.randn(1000, 16), torch.randn(128, 16)
    wanted = torch.cdist(z.double(), codes.double()).argmin(1)
    assert torch.equal(nearest(z, codes), wanted)
    sizes, addmm = [], torch.addmm
    monkeypatch.setattr(torch, "addmm", lambda *a: sizes.append(a[1].shape[0] * a[2].shape[1]) or addmm(*a))
    monkeypatch.setattr(module, "SEARCH_LIMIT", 128 * 300 + 5)
    with torch.autocast("cpu", torch.bfloat16):
        assert torch.equal(nearest(z, codes), wanted)
    assert sizes == [128 * 300] * 3 + [128 * 100]


@KINDS
def test_gradients_reach_projections_and_only_a_trained_codebook(kind):
    quantizer, features, patches = make(2, kind)
    quantizer.initialise_from_data(features, patches)
    out = quantizer(features[:40] + 0.1)
    (out.vectors.square().sum() + out.loss).backward()
    gradients = {name: p.grad for name, p in quantizer.named_parameters()}
    assert (gradients.pop("codebook.weight") is None) == (kind is SimVQ)
    for name, gradient in gradients.items():
        assert gradient.abs().sum() > 0, name
    if kind is VQ:  # codes that nothing chose stay where they are
        moved = quantizer.codebook.weight.grad.abs().sum(1) > 0
        assert len(out.ids.unique()) < 64 and torch.equal(moved.nonzero()[:, 0], out.ids.unique())


@KINDS
def test_straight_through(kind):
    """The value is the code's, the gradient is as if nothing had been quantized."""
    quantizer, features, patches = make(6, kind)
    quantizer.initialise_from_data(features, patches)
    x = features[:20].clone().requires_grad_(True)
    out = quantizer(x)
    torch.testing.assert_close(out.vectors, quantizer.lookup(out.ids), atol=1e-5, rtol=1e-5)
    weights = torch.randn(20, 5)
    (out.vectors * weights).sum().backward()
    torch.testing.assert_close(x.grad, weights @ quantizer.out_proj.weight @ quantizer.in_proj.weight)


@KINDS
def test_the_loss_weighs_the_commitment_with_beta(kind):
    quantizer, features, _ = make(7, kind)
    quantizer.beta = 0.25
    out = quantizer(features)
    z, code = quantizer.in_proj(features), quantizer.effective_codebook()[out.ids]
    error = (z - code).square().mean()
    assert out.loss.item() == pytest.approx(1.25 * error.item())
    out.loss.backward()  # z pays beta's share only
    wanted = torch.autograd.grad(0.25 * (z - code.detach()).square().mean(), quantizer.in_proj.weight)[0]
    torch.testing.assert_close(quantizer.in_proj.weight.grad, wanted)


def test_default_starts():
    torch.manual_seed(0)
    vq, simvq = VQ(1000, 16, 4, 4), SimVQ(1000, 16, 4, 4)
    assert 0.99e-3 < vq.codebook.weight.abs().max() <= 1e-3
    assert vq.codebook.weight.std().item() == pytest.approx(1e-3 / 3**0.5, rel=0.05)
    assert simvq.codebook.weight.std().item() == pytest.approx(16**-0.5, rel=0.05)
    assert vq.size == simvq.size == 1000
    assert vq.codebook.weight.requires_grad and not simvq.codebook.weight.requires_grad


@KINDS
def test_a_few_steps_bring_the_codes_nearer(kind):
    quantizer, features, _ = make(8, kind)
    quantizer.in_proj.requires_grad_(False)
    optimiser = torch.optim.Adam([p for p in quantizer.parameters() if p.requires_grad], 1e-2)
    losses = []
    for _ in range(60):
        loss = quantizer(features).loss
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        losses.append(loss.item())
    assert losses[-1] < 0.9 * losses[0]


@KINDS
def test_float32_under_autocast(kind):
    quantizer, features, patches = make(9, kind)
    quantizer.initialise_from_data(features, patches)
    plain = quantizer(features)
    with torch.autocast("cpu", torch.bfloat16):
        under = quantizer(features)
    assert torch.equal(plain.ids, under.ids) and torch.equal(plain.vectors, under.vectors)


def test_state_survives_a_copy():
    quantizer, features, patches = make(10, VQ)
    quantizer.initialise_from_data(features, patches)
    other, _, _ = make(11, VQ)
    other.load_state_dict(copy.deepcopy(quantizer.state_dict()))
    assert torch.equal(other(features).ids, quantizer(features).ids)


def test_code_statistics():
    assert code_statistics(torch.tensor([5, 5, 0, 5, 5])) == (4, pytest.approx(4))
    used, perplexity = code_statistics(torch.tensor([3, 1, 0]))
    assert used == 2 and perplexity == pytest.approx(math.exp(-(0.75 * math.log(0.75) + 0.25 * math.log(0.25))))
    with pytest.raises(ValueError, match="at least one token"):
        code_statistics(torch.zeros(4, dtype=torch.long))


def test_lookup_goes_through_w():
    quantizer, features, patches = make(3)
    quantizer.initialise_from_data(features, patches)
    with torch.no_grad():
        quantizer.codebook_proj.weight.mul_(2)
        out = quantizer(features)
        torch.testing.assert_close(quantizer.lookup(out.ids), out.vectors, atol=1e-5, rtol=1e-5)


def test_too_few_rows_are_refused():
    quantizer, features, patches = make(4)
    with pytest.raises(ValueError, match="at least 64 feature rows"):
        quantizer.initialise_from_data(features[:10], patches[:10])


def test_k_means_lowers_the_distortion_and_keeps_unused_centres():
    torch.manual_seed(5)
    z = torch.randn(400, 4)
    start = torch.cat([z[:15], torch.full((1, 4), 50.0)])

    def distortion(centres):
        return (z - centres[nearest(z, centres)]).square().mean().item()

    values = [distortion(k_means(z, start, steps)) for steps in range(5)]
    assert values == sorted(values, reverse=True) and values[-1] < 0.9 * values[0]
    assert torch.equal(k_means(z, start, 4)[-1], start[-1])
