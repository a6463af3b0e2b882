import copy

import pytest
import torch
from ranks import run_ranks
from torch import nn
from torch.distributed.fsdp import fully_shard

from vqrae_training.engine.ema import EMA


def model() -> nn.Module:
    torch.manual_seed(0)
    network = nn.Sequential(nn.Linear(3, 4), nn.Linear(4, 2))
    network[0].requires_grad_(False)
    return network


def change(network: nn.Module, step: int) -> None:
    """A training step: the same for equal `step`, whatever came before."""
    generator = torch.Generator().manual_seed(step)
    with torch.no_grad():
        for p in network.parameters():
            if p.requires_grad:
                p.add_(torch.randn(p.shape, generator=generator))


def test_the_average_follows_the_ramp():
    network = model()
    ema, wanted = EMA(network, 0.35), network[1].weight.detach().double()
    for step, decay in enumerate([1 / 10, 2 / 11, 3 / 12, 4 / 13, 0.35, 0.35]):  # (1 + s) / (10 + s), at most 0.35
        change(network, step)
        ema.update(network)
        wanted = decay * wanted + (1 - decay) * network[1].weight.detach().double()
    torch.testing.assert_close(ema.shadow["1.weight"].double(), wanted, atol=1e-6, rtol=1e-6)
    assert set(ema.shadow) == {"1.weight", "1.bias"}  # frozen parameters are not averaged


def test_swap_lends_the_average_and_gives_the_weights_back():
    network = model()
    ema = EMA(network, 0.9)
    change(network, 0)
    ema.update(network)
    own, average = copy.deepcopy(network.state_dict()), copy.deepcopy(ema.shadow)
    assert not torch.equal(own["1.weight"], average["1.weight"])
    with pytest.raises(RuntimeError, match="validation failed"), ema.swap(network):
        assert torch.equal(network[1].weight, average["1.weight"]) and torch.equal(network[0].weight, own["0.weight"])
        raise RuntimeError("validation failed")
    assert all(torch.equal(v, own[k]) for k, v in network.state_dict().items())
    assert all(torch.equal(v, average[k]) for k, v in ema.shadow.items())


def test_a_resumed_average_equals_an_uninterrupted_one(tmp_path):
    through = model()
    ema = EMA(through, 0.8)
    for step in range(12):
        if step == 5:
            torch.save({"model": through.state_dict(), "ema": ema.state_dict()}, tmp_path / "last.pt")
        change(through, step)
        ema.update(through)
    state = torch.load(tmp_path / "last.pt")
    again = model()
    resumed = EMA(again, 0.8)  # averages the wrong weights until the state is loaded
    again.load_state_dict(state["model"])
    resumed.load_state_dict(state["ema"])
    for step in range(5, 12):
        change(again, step)
        resumed.update(again)
    assert resumed.step == ema.step == 12
    assert all(torch.equal(v, ema.shadow[k]) for k, v in resumed.shadow.items())


def test_wrong_states_are_refused():
    network = model()
    state = EMA(network, 0.9).state_dict()
    with pytest.raises(ValueError, match="this model's parameters.*0.bias"):
        EMA(network.requires_grad_(True), 0.9).load_state_dict(state)
    with pytest.raises(ValueError, match=r"\[0, 1\) for the EMA's decay but received 1"):
        EMA(network, 1.0)


def _shard(rank: int, folder: str) -> None:
    network = model()
    whole = copy.deepcopy(network)
    reference, optimiser = EMA(whole, 0.8), torch.optim.SGD(whole.parameters(), 0.1)
    fully_shard(network)
    ema, sharded = EMA(network, 0.8), torch.optim.SGD(network.parameters(), 0.1)
    for step in range(4):
        x = torch.randn(8, 3, generator=torch.Generator().manual_seed(step))
        for part, average, steps in ((whole, reference, optimiser), (network, ema, sharded)):
            steps.zero_grad()
            part(x).square().mean().backward()
            steps.step()
            average.update(part)
        if step == 1:  # a resumed run
            state = ema.state_dict()
            ema = EMA(network, 0.8)
            ema.load_state_dict(copy.deepcopy(state))
    averages = ema.state_dict()["shadow"]
    with ema.swap(network):
        swapped = {n: p.full_tensor() for n, p in network.named_parameters()}
    for name, wanted in reference.shadow.items():
        torch.testing.assert_close(averages[name], wanted, msg=name)
        torch.testing.assert_close(swapped[name].detach(), wanted, msg=name)


def test_sharded_parameters_are_averaged_as_whole_ones(tmp_path):
    run_ranks(_shard, tmp_path)
