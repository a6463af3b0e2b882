"""One schedule gives the rates that the four loops' own formulas gave."""

import math

import pytest
import torch

from vqrae_training.engine.schedule import Schedule, set_learning_rates


def warm_cosine(step: int, steps: int, warmup: int, peak: float, end: float) -> float:
    """Of train.py and vlm/train.py: VQRAE Table 7."""
    if step < warmup:
        return peak * (step + 1) / warmup
    progress = min(1.0, (step - warmup) / max(1, steps - warmup))
    return end + (peak - end) * 0.5 * (1 + math.cos(math.pi * progress))


def constant_then_line(step: int, steps: int, warmup: int, cooldown: int, peak: float) -> float:
    """Of generator/train.py: VQRAE Table 9, and a cooldown."""
    return peak * min(1.0, (step + 1) / max(1, warmup), (steps - step) / max(1, cooldown))


def cosine_from_the_start(step: int, steps: int, peak: float) -> float:
    """Of foundation/distil.py."""
    return peak * min(1, (step + 1) / 50) * 0.5 * (1 + math.cos(math.pi * step / steps))


@pytest.mark.parametrize(
    ("steps", "warmup", "peak", "end"),
    [(2000, 100, 1e-3, 2e-5), (100_000, 2000, 4e-4, 1e-4), (60, 0, 3e-3, 0.0), (20, 100, 1e-3, 1e-5), (1, 5, 1e-3, 1e-5)],
)
def test_warm_up_then_cosine(steps, warmup, peak, end):
    schedule = Schedule(steps, warmup, falls_from=warmup, curve="cosine")
    for step in {0, 1, warmup - 1, warmup, warmup + 1, steps // 2, steps - 2, steps - 1} & set(range(steps)):
        assert schedule.rate(step, peak, end) == pytest.approx(warm_cosine(step, steps, warmup, peak, end), rel=1e-14), step


@pytest.mark.parametrize(("steps", "warmup", "cooldown"), [(6000, 100, 2000), (100, 10, 20), (6, 2, 0), (40, 0, 40)])
def test_warm_up_constant_cooldown(steps, warmup, cooldown):
    schedule = Schedule(steps, warmup, falls_from=steps - cooldown, curve="line")
    for step in {0, 1, warmup - 1, warmup, steps // 2, steps - cooldown - 1, steps - cooldown, steps - 1} & set(range(steps)):
        assert schedule.rate(step, 2e-3) == constant_then_line(step, steps, warmup, cooldown, 2e-3), step


def test_the_rate_rises_stays_and_falls():
    schedule = Schedule(steps=100, warmup=10, falls_from=80, curve="line")
    assert [schedule.rate(s, 1.0) for s in (0, 9, 50, 80, 90, 99)] == [0.1, 1, 1, 1, 0.5, 0.05]


def test_warm_up_on_a_cosine_from_the_start():
    schedule = Schedule(1500, 50, falls_from=0, curve="cosine")
    for step in (0, 1, 49, 50, 51, 749, 750, 1499):
        assert schedule.rate(step, 5e-4) == pytest.approx(cosine_from_the_start(step, 1500, 5e-4), rel=1e-9), step


def test_every_group_has_its_own_peak_and_end():
    weights = [torch.zeros(1) for _ in range(3)]
    first = torch.optim.AdamW([{"params": weights[0], "peak": 1e-3, "end": 1e-5}, {"params": weights[1], "peak": 1e-4}])
    second = torch.optim.SGD([{"params": weights[2], "peak": 1.0}])
    schedule = Schedule(steps=10, warmup=2, falls_from=2, curve="cosine")
    assert set_learning_rates([first, second], schedule, 10) == pytest.approx(1e-5)
    assert [g["lr"] for o in (first, second) for g in o.param_groups] == [pytest.approx(1e-5), 0.0, 0.0]
    assert set_learning_rates([second, first], schedule, 0) == 0.5
