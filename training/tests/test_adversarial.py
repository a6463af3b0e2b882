import copy
import json
import math
from pathlib import Path

import pytest
import torch
import torch.nn.functional as F
from ranks import run_ranks
from safetensors.torch import save_file
from torch import nn

from vqrae_training.config import GanSection
from vqrae_training.errors import UserError
from vqrae_training.losses.adversarial import LeCam, PatchDiscriminator, adaptive_weight, hinge_loss
from vqrae_training.losses.adversary import Adversary, to_8_bit
from vqrae_training.models.encoder import load_encoder

SHIPPED = Path(__file__).parents[2] / "models/vqrae-tiny"
CPU = torch.device("cpu")
SMALL = {"weight": 0.1, "width": 8, "lr": 1e-3}


def pictures(n: int = 16, side: int = 32, seed: int = 0) -> torch.Tensor:
    """Sharp ones: random squares of 4 px, in 8-bit steps."""
    generator = torch.Generator().manual_seed(seed)
    squares = torch.rand(n, 3, side // 4, side // 4, generator=generator)
    return to_8_bit(squares.repeat_interleave(4, 2).repeat_interleave(4, 3))


def detailed(n: int, seed: int) -> torch.Tensor:
    """112 px, squares of three sizes on top of one another."""
    generator = torch.Generator().manual_seed(seed)
    layers = [
        torch.rand(n, 3, 112 // k, 112 // k, generator=generator).repeat_interleave(k, 2).repeat_interleave(k, 3)
        for k in (28, 14, 7)
    ]
    return to_8_bit(sum(layers) / 3)


def blurred(x: torch.Tensor) -> torch.Tensor:
    return F.avg_pool2d(F.pad(x, (2, 2, 2, 2), mode="reflect"), 5, 1)


def adversary(seed: int = 0, **options) -> Adversary:
    torch.manual_seed(seed)
    return Adversary(GanSection(**SMALL | options), CPU)


class Generator(nn.Module):
    """The least that has a last layer."""

    def __init__(self):
        super().__init__()
        torch.manual_seed(1)
        self.body, self.head = nn.Conv2d(3, 4, 3, padding=1), nn.Conv2d(4, 3, 3, padding=1)

    def forward(self, x):
        return self.head(torch.tanh(self.body(x)))


def test_patch_logits():
    network = PatchDiscriminator(width=8)
    assert network(torch.rand(2, 3, 256, 256)).shape == (2, 1, 30, 30)  # taming's for 256 px
    pixels = torch.rand(1, 3, 200, 200, requires_grad=True)
    network.main[0:1](pixels)  # receptive field: only the convolutions, as GroupNorm looks everywhere
    convolutions = nn.Sequential(*(m for m in network.main if isinstance(m, nn.Conv2d)))
    convolutions(pixels)[0, 0, 10, 10].backward()
    seen = pixels.grad.abs().sum((0, 1))
    assert int((seen.sum(0) > 0).sum()) == int((seen.sum(1) > 0).sum()) == 70
    x = torch.rand(4, 3, 32, 32)
    torch.testing.assert_close(network(x)[:1], network(x[:1]))  # batch-mates do not matter
    assert network(torch.rand(1, 3, 24, 24)).shape == (1, 1, 1, 1)
    with pytest.raises(UserError, match="at least 24 x 24 for gan.discriminator=patch but received 16 x 16"):
        network(torch.rand(1, 3, 16, 16))
    with pytest.raises(UserError, match="multiple of 4 for gan.width but received 6"):
        PatchDiscriminator(width=6)


def test_hinge_loss_by_hand():
    # real: 1 - 2 -> 0, 1 - 0.5 = 0.5; fake: 1 + 0.5 = 1.5, 1 - 3 -> 0
    assert hinge_loss(torch.tensor([2.0, 0.5]), torch.tensor([0.5, -3.0])).item() == 0.5 * (0.25 + 0.75)


def test_lecam_by_hand():
    lecam = LeCam(decay=0.9)
    real, fake = torch.tensor([1.0, 3.0]), torch.tensor([-1.0, -0.5])
    assert lecam(real, fake).item() == pytest.approx(2**2 + 0.75**2)  # running means start at 0
    assert lecam.real.item() == pytest.approx(0.2) and lecam.fake.item() == pytest.approx(-0.075)
    assert lecam(real, fake).item() == pytest.approx(2.075**2 + 0.95**2)
    assert lecam.real.item() == pytest.approx(0.9 * 0.2 + 0.1 * 2)


def test_the_adaptive_weight_is_the_ratio_of_gradient_norms():
    generator, x = Generator(), pictures(4)
    network = PatchDiscriminator(width=8)

    def norm(loss_of):  # by backward, on a copy
        other = copy.deepcopy(generator)
        loss_of(other(x)).backward()
        return math.sqrt(other.head.weight.grad.double().square().sum().item())

    y = generator(x)
    weight = adaptive_weight(F.mse_loss(y, x), -network(y).mean(), generator.head.weight)
    assert weight.item() == pytest.approx(norm(lambda p: F.mse_loss(p, x)) / norm(lambda p: -network(p).mean()), rel=1e-3)
    assert not weight.requires_grad
    assert adaptive_weight(F.mse_loss(y, x), 0 * y.sum(), generator.head.weight).item() == 1e4


def test_to_8_bit_rounds_with_a_straight_gradient():
    x = torch.tensor([-0.2, 0.5, 0.7001, 1.3], requires_grad=True)
    y = to_8_bit(x)
    torch.testing.assert_close(y, torch.tensor([0, 128, 179, 255]) / 255)
    y.backward(torch.tensor([1.0, 2.0, 3.0, 4.0]))
    assert x.grad.tolist() == [1, 2, 3, 4]


def test_the_schedule():
    """The discriminator learns from `start`, the generator hears of it from start + wait."""
    judge, generator, real = adversary(start=10, wait=5), Generator(), pictures(4)
    before = copy.deepcopy(judge.trained.state_dict())
    fake = generator(real)
    mse = F.mse_loss(fake, real)
    assert judge.update(real, fake, 9).item() == 0
    assert all(torch.equal(v, before[k]) for k, v in judge.trained.state_dict().items())
    assert judge.lecam.real.item() == 0
    for step in (9, 10, 14):
        assert judge.generator_term(fake, mse, generator.head.weight, step).item() == 0
    assert judge.update(real, fake, 10).item() > 0
    assert any(not torch.equal(v, before[k]) for k, v in judge.trained.state_dict().items())
    assert judge.generator_term(fake, mse, generator.head.weight, 15).item() != 0


@pytest.mark.parametrize("adaptive", [False, True])
def test_the_generators_term(adaptive):
    judge, generator, real = adversary(adaptive=adaptive), Generator(), pictures(4)
    fake = generator(real)
    mse = F.mse_loss(fake, real)
    term = judge.generator_term(fake, mse, generator.head.weight, 0)
    plain = -judge.discriminator(to_8_bit(fake)).mean()
    weight = adaptive_weight(mse, plain, generator.head.weight).item() if adaptive else 1
    assert term.item() == pytest.approx(0.1 * weight * plain.item(), rel=1e-4)
    term.backward()
    assert all(p.grad.abs().sum() > 0 for p in generator.parameters())
    assert all(p.grad is None and p.requires_grad for p in judge.trained.parameters())


def test_the_update_leaves_the_generator_alone():
    judge, generator, real = adversary(), Generator(), pictures(4)
    judge.update(real, generator(real), 0)
    assert all(p.grad is None for p in generator.parameters())
    assert all(p.grad is not None for p in judge.trained.parameters())


def test_the_patch_discriminator_learns_what_is_blurred():
    judge, real = adversary(), pictures(16)
    losses = [judge.update(real, blurred(real), step).item() for step in range(40)]
    assert losses[0] > 0.8 and losses[-1] < 0.3 * losses[0]


@pytest.fixture(scope="module")
def encoder(workspace):
    return str(workspace / "encoder")


@pytest.fixture(scope="module")
def trained_encoder(tmp_path_factory):
    """The first four blocks of the shipped model's encoder: a random one's features say next to nothing about blur."""
    whole = load_encoder(SHIPPED)
    config = whole.config | {"num_hidden_layers": 4}
    tensors = {k: v for k, v in whole.disk_tensors().items() if not any(f"layer.{i}." in k for i in range(4, 12))}
    folder = tmp_path_factory.mktemp("trained")
    (folder / "config.json").write_text(json.dumps(config))
    save_file(tensors, folder / "model.safetensors", metadata={"format": "pt"})
    return str(folder)


def test_the_vit_discriminator_learns_what_is_blurred(trained_encoder):
    judge = adversary(discriminator="vit", encoder=trained_encoder, lr=2e-3)
    frozen = copy.deepcopy(judge.discriminator.encoder.state_dict())
    losses = []
    for step in range(30):
        real = detailed(6, seed=step)
        losses.append(judge.update(real, blurred(real), step).item())
    assert losses[0] > 0.9 and sum(losses[-5:]) / 5 < 0.9
    assert all(torch.equal(v, frozen[k]) for k, v in judge.discriminator.encoder.state_dict().items())
    # Pictures never seen: told apart, and the generator is asked to sharpen its own.
    fresh, amount = detailed(6, seed=99), torch.tensor(0.3, requires_grad=True)  # at 0, its own fakes, it is flat
    soft = blurred(fresh)
    with torch.no_grad():
        assert judge._logits(fresh, 99).mean() > judge._logits(to_8_bit(soft), 99).mean() + 0.1
    judge.generator_term(soft + amount * (fresh - soft), soft.mean(), amount, 99).backward()
    assert amount.grad < 0


def test_answering_the_adversary_sharpens_a_generator():
    """A generator that may only sharpen or blur comes to sharpen."""
    judge, real = adversary(wait=30), pictures(8)
    amount = torch.tensor(0.0, requires_grad=True)  # 0: blurred, 1: the original
    optimiser = torch.optim.SGD([amount], 0.3)
    for step in range(60):
        fake = blurred(real) + amount * (real - blurred(real))
        term = judge.generator_term(fake, F.mse_loss(fake, real), amount, step)
        if term.requires_grad:
            optimiser.zero_grad()
            term.backward()
            optimiser.step()
        judge.update(real, fake.detach(), step)
    assert amount.item() > 0.1


@pytest.mark.parametrize("kind", ["patch", "vit"])
def test_a_resumed_adversary_equals_an_uninterrupted_one(kind, encoder, tmp_path):
    real, generator = pictures(4), Generator()
    options = {"discriminator": kind, "encoder": encoder}

    def go_on(judge, steps):
        terms = []
        for step in steps:
            fake = generator(real)
            terms.append(judge.generator_term(fake, fake.mean(), generator.head.weight, step).item())
            terms.append(judge.update(real, fake, step).item())
        return terms

    through = adversary(**options)
    go_on(through, range(3))
    torch.save(through.state_dict(), tmp_path / "last.pt")
    wanted = go_on(through, range(3, 6))
    resumed = adversary(5, **options)
    resumed.load_state_dict(torch.load(tmp_path / "last.pt"))
    assert go_on(resumed, range(3, 6)) == wanted
    assert not any("embed" in name for name in through.state_dict()["discriminator"])  # the frozen ViT is not saved


@pytest.mark.parametrize("kind", ["patch", "vit"])
def test_bfloat16_is_near_float32(kind, encoder):
    real, values = pictures(4), []
    for bf16 in (False, True):
        torch.manual_seed(0)
        judge = Adversary(GanSection(**SMALL | {"lr": 1e-4}, discriminator=kind, encoder=encoder), CPU, bf16)
        values.append([judge.update(real, blurred(real), step).item() for step in range(4)])
    assert values[0] != values[1] and values[1] == pytest.approx(values[0], rel=0.05)


def test_no_folder_for_the_frozen_vit():
    with pytest.raises(UserError, match="for gan.encoder .* but received none; without one: --set gan.discriminator=patch"):
        adversary(discriminator="vit")


def _rank(rank: int, folder: str) -> None:
    judge = adversary(seed=rank, adaptive=True, lecam=0.5)  # another start by rank: the first rank's counts
    part = slice(8 * rank, 8 * rank + 8)
    _steps(judge, pictures(16)[part], f"{folder}/rank{rank}.pt")


def _steps(judge: Adversary, real: torch.Tensor, path: str) -> None:
    generator = Generator()
    weights = []
    for step in range(4):
        fake = generator(real)
        mse = F.mse_loss(fake, real)
        plain = -judge.discriminator(to_8_bit(fake)).mean()
        weights.append(adaptive_weight(mse, plain, generator.head.weight))
        judge.generator_term(fake, mse, generator.head.weight, step)
        judge.update(real, fake, step)
    torch.save({"weights": weights, "state": judge.state_dict()}, path)


def test_two_ranks_learn_as_one_with_the_doubled_batch(tmp_path):
    run_ranks(_rank, tmp_path)
    _steps(adversary(seed=0, adaptive=True, lecam=0.5), pictures(16), str(tmp_path / "one.pt"))
    one, *two = (torch.load(tmp_path / f"{name}.pt") for name in ("one", "rank0", "rank1"))
    for state in two:
        for name, tensor in one["state"]["discriminator"].items():
            torch.testing.assert_close(state["state"]["discriminator"][name], tensor, atol=2e-4, rtol=1e-3)
        torch.testing.assert_close(state["state"]["lecam"], one["state"]["lecam"], atol=1e-5, rtol=1e-4)
        torch.testing.assert_close(state["weights"], one["weights"], atol=0, rtol=2e-3)
