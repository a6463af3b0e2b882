import pytest
import torch

from vqrae_training.models.quantizer import SimVQ, k_means, nearest


def make(seed=0):
    torch.manual_seed(seed)
    features = torch.randn(500, 12)
    patches = features @ torch.randn(12, 6) * 0.3 + 0.1
    quantizer = SimVQ(size=64, dim=8, in_dim=12, out_dim=5)
    return quantizer, features, patches


def test_initialisation_measures_pixel_error():
    quantizer, features, patches = make()
    assert quantizer.initialise_from_data(features, patches) > 40  # the patches are linear in the features
    z = quantizer.in_proj(features)
    # Distances in z are distances between patches: the projection is an isometry of the regression.
    wanted = torch.cdist(patches[:50], patches[:50])
    torch.testing.assert_close(torch.cdist(z[:50], z[:50]), wanted, atol=0.15, rtol=0.05)
    assert len(quantizer(features).ids.unique()) > 58


def test_ids_are_the_nearest_codes():
    quantizer, features, patches = make(1)
    quantizer.initialise_from_data(features, patches)
    with torch.no_grad():
        quantizer.codebook_proj.weight.add_(torch.randn(8, 8) * 0.1)
        codes = quantizer.effective_codebook().double()
        distances = torch.cdist(quantizer.in_proj(features).double(), codes)
        ids = quantizer(features).ids
    chosen = distances.gather(1, ids[:, None])[:, 0]
    torch.testing.assert_close(chosen, distances.min(1).values, atol=1e-6, rtol=0)


def test_gradients_reach_projections_but_not_the_codebook():
    quantizer, features, patches = make(2)
    quantizer.initialise_from_data(features, patches)
    out = quantizer(features)
    (out.vectors.square().sum() + out.loss).backward()
    assert quantizer.codebook.weight.grad is None
    for name in ("in_proj", "codebook_proj", "out_proj"):
        assert getattr(quantizer, name).weight.grad.abs().sum() > 0, name


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
