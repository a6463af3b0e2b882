"""The integer teacher and its de-quantisation. They need the teacher's weights (see NOTICE): VQRAE_DEIT_3BIT names them."""

import hashlib
import os

import pytest
import torch

from vqrae_training.data.images import normalise
from vqrae_training.foundation.dequantise import dequantise
from vqrae_training.foundation.distil import standardise
from vqrae_training.foundation.integer_teacher import IntegerDeiT
from vqrae_training.foundation.model import FoundationModel

weights = os.environ.get("VQRAE_DEIT_3BIT")
needs_weights = pytest.mark.skipif(not weights, reason="VQRAE_DEIT_3BIT is not set")


def drawn() -> torch.Tensor:
    y, x, c = torch.meshgrid(torch.arange(224), torch.arange(224), torch.arange(3), indexing="ij")
    return ((x // 9 * 7 + y // 11 * 13 + c * 29) * 37 % 256).byte().permute(2, 0, 1)[None]


@needs_weights
def test_the_teacher_equals_the_origin_bit_for_bit():
    # The sums are those of deit3bit.py, the int64 emulation that ships with the weights.
    taps, logits = IntegerDeiT(weights).forward(normalise(drawn()))
    digests = [hashlib.sha256(t.int().numpy().tobytes()).hexdigest()[:16] for t in (taps[0], logits)]
    assert digests == ["afe4673088119833", "c11aef53d218aa1f"]


@needs_weights
def test_dequantised_weights_are_a_start():
    teacher = IntegerDeiT(weights)
    model = FoundationModel(dequantise(teacher.params))
    with torch.no_grad():
        tokens = model(normalise(drawn()))[0]
    wanted = teacher.forward(normalise(drawn()), (3, 6, 9, 12))[0]
    cosines = [
        torch.cosine_similarity(standardise(a), standardise(b), dim=-1).mean().item()
        for a, b in zip(tokens, wanted, strict=True)
    ]
    assert min(cosines) > 0.4, cosines  # random weights give 0
