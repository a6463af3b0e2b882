"""Pixel losses, DiffAug and the heads of the ViT discriminator."""

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from vqrae_training.losses.diffaug import diffaug
from vqrae_training.losses.pixels import gradient_error, pixel_error, seam_error
from vqrae_training.losses.vit_discriminator import BatchNormLocal, ViTDiscriminator, fit, read_out
from vqrae_training.models.encoder import Encoder


def seeded(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def small_encoder(layers: int = 4) -> Encoder:
    torch.manual_seed(0)
    config = {"model_type": "vit", "hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": layers,
              "num_attention_heads": 2, "image_size": 32, "patch_size": 8}  # fmt: skip
    return Encoder(config)


def test_gradient_error_sees_seams_that_the_mse_does_not():
    """By hand: one column of error 1 in a 4 x 4 image has MSE 1/4; two of twelve horizontal steps in its rows are 1, x 3."""
    a, b = torch.zeros(1, 3, 4, 4), torch.zeros(1, 3, 4, 4)
    b[..., 1] = 1
    assert pixel_error(a, b).item() == 0.25
    assert gradient_error(a, b).item() == pytest.approx(2 / 3)
    assert gradient_error(a, a + 0.3).item() == pytest.approx(0, abs=1e-12)


def test_seam_error_sees_the_steps_between_squares_alone():
    """By hand, squares of 2 pixels in a 4 x 4 image: each row and each column has one step across a seam."""
    a, inside, across = torch.zeros(1, 3, 4, 4), torch.zeros(1, 3, 4, 4), torch.zeros(1, 3, 4, 4)
    inside[..., 0] = 1  # the step from column 0 to 1 lies inside a square
    across[..., 2:] = 1  # the step from column 1 to 2 is the seam
    assert seam_error(a, inside, 2).item() == 0
    assert seam_error(a, across, 2).item() == 1
    assert seam_error(a, across.mT, 2).item() == 1


def test_diffaug_is_decided_by_the_seed():
    x = torch.rand(4, 3, 16, 16)
    assert torch.equal(diffaug(x, seeded(1), cutout=0.5), diffaug(x, seeded(1), cutout=0.5))
    assert not torch.equal(diffaug(x, seeded(1)), diffaug(x, seeded(2)))
    assert torch.equal(diffaug(x, seeded(1), probability=0.0), (x * 2 - 1 + 1) / 2)


def test_diffaug_differs_by_image_and_passes_gradients():
    x = torch.rand(1, 3, 16, 16).expand(6, -1, -1, -1).clone().requires_grad_(True)
    y = diffaug(x, seeded(), cutout=0.3)
    assert all(not torch.equal(y[0], image) for image in y[1:])
    y.square().sum().backward()
    assert all((image.abs().sum() > 0) and torch.isfinite(image).all() for image in x.grad)


def test_translation_and_cutout_move_and_grey(monkeypatch):
    """Recolouring off: what is left of the picture is unchanged, what came in or was cut is grey (0.5)."""
    monkeypatch.setattr("vqrae_training.losses.diffaug._recolour", lambda x, *_: x)
    x = 0.6 + 0.4 * torch.rand(64, 3, 16, 16)
    moved = diffaug(x, seeded(3))
    shifts = set()
    for before, after in zip(x, moved, strict=True):
        inside = (after - 0.5).abs().sum(0) > 1e-6
        rows, columns = inside.any(1).nonzero()[:, 0], inside.any(0).nonzero()[:, 0]
        h, w = len(rows), len(columns)
        dy, dx = 16 - h, 16 - w
        top, left = (0 if rows[0] > 0 else dy), (0 if columns[0] > 0 else dx)
        part = after[:, rows[0] : rows[0] + h, columns[0] : columns[0] + w]
        torch.testing.assert_close(part, before[:, top : top + h, left : left + w])
        shifts.add((int(rows[0]) or -dy, int(columns[0]) or -dx))
    assert {s for pair in shifts for s in pair} == {-2, -1, 0, 1, 2}  # an eighth of 16
    cut = diffaug(x, seeded(4), translation=0.0, cutout=0.5)
    grey = ((cut - 0.5).abs().sum(1) < 1e-6).sum((1, 2))
    assert grey.max() == 64 and (grey >= 16).all()  # half of each side, less what falls outside


def test_batch_norm_local_normalises_groups_of_eight():
    torch.manual_seed(0)
    norm, x = BatchNormLocal(5), torch.randn(16, 5, 7) * 3 + 2
    y = norm(x)
    for group in (slice(0, 8), slice(8, 16)):
        torch.testing.assert_close(y[group], F.batch_norm(x[group], None, None, training=True, eps=1e-5))
    assert torch.equal(norm(x[:8]), y[:8])  # other groups do not matter
    assert norm(x[:11]).shape == (11, 5, 7)  # groups of 6 and 5


def test_read_out_adds_the_class_token_where_there_is_one():
    hidden = torch.arange(12.0).view(1, 4, 3)
    assert torch.equal(read_out(hidden, 1)[0, :, 0], hidden[0, 0] + hidden[0, 1])
    assert torch.equal(read_out(hidden, 2)[0, :, 0], hidden[0, 0] + hidden[0, 2])
    assert torch.equal(read_out(hidden, 0)[0, :, 0], hidden[0, 0])


def test_fit_crops_half_of_the_time_and_resizes_otherwise():
    x = torch.rand(2, 3, 48, 40)
    patches = x.unfold(2, 32, 1).unfold(3, 32, 1)
    crops = 0
    for seed in range(40):
        y = fit(x, 32, seeded(seed))
        assert y.shape == (2, 3, 32, 32)
        crops += bool((patches == y[:, :, None, None]).all((0, 1, 4, 5)).any())
    assert 10 < crops < 30
    assert torch.equal(fit(x[..., :32, :32], 32, seeded()), x[..., :32, :32])
    assert fit(x[..., :16, :16], 32, seeded()).shape == (2, 3, 32, 32)


@pytest.mark.parametrize("layers, blocks", [(12, (3, 6, 9, 12)), (24, (6, 12, 18, 24)), (4, (1, 2, 3, 4)), (2, (1, 2))])
def test_heads_sit_at_proportional_depths(layers, blocks):
    network = ViTDiscriminator(small_encoder(layers))
    assert network.blocks == blocks and len(network.heads) == len(blocks) + 1
    assert network(torch.rand(2, 3, 32, 32), seeded()).shape == (2, 16 * (len(blocks) + 1))


def test_the_vit_stays_frozen_and_passes_the_pixels_gradient():
    network = ViTDiscriminator(small_encoder())
    network.train()
    assert not network.encoder.training and network.heads.training
    pixels = torch.rand(2, 3, 32, 32, requires_grad=True)
    network(pixels, seeded()).square().sum().backward()
    assert pixels.grad.abs().sum() > 0
    assert all(p.grad is None for p in network.encoder.parameters())
    assert all(p.grad is not None for p in network.heads.parameters())


def test_heads_are_spectrally_normalised():
    network = ViTDiscriminator(small_encoder())
    convolutions = [m for m in network.heads.modules() if isinstance(m, nn.Conv1d)]
    assert [c.kernel_size[0] for c in convolutions[:3]] == [1, 9, 1] and convolutions[1].padding_mode == "circular"
    with torch.no_grad():
        for module in convolutions:
            module.parametrizations.weight.original.mul_(50)
    for _ in range(30):  # power iterations
        network(torch.rand(1, 3, 32, 32), seeded())
    network.eval()
    for module in convolutions:
        assert torch.linalg.matrix_norm(module.weight.flatten(1), 2).item() == pytest.approx(1, abs=0.05)
