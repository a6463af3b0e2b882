"""Presets against the paper's Table 7, overrides and what is refused."""

import pytest

from vqrae_training.config import differences, from_dict, load_config, preset_names, to_dict
from vqrae_training.errors import UserError

# VQRAE (arXiv 2511.23386), Table 7: steps, global batch, decoder lr, its end, encoder lr, D start, by stage.
TABLE_7 = {
    ("vqrae-siglip2-256", 1): (100_000, 1024, 4e-4, 1e-4, None, None),
    ("vqrae-siglip2-512", 1): (100_000, 1024, 4e-4, 1e-4, None, None),
    ("vqrae-internvit-448", 1): (45_000, 768, 4e-4, 1e-4, None, None),
    ("vqrae-siglip2-256", 2): (70_000, 1024, 1e-4, 1e-5, 1e-5, 50_000),
    ("vqrae-siglip2-512", 2): (70_000, 1024, 1e-4, 1e-5, 1e-5, 50_000),
    ("vqrae-internvit-448", 2): (60_000, 768, 1e-4, 1e-5, 1e-5, 30_000),
}


@pytest.mark.parametrize(("preset", "stage"), TABLE_7)
def test_the_papers_numbers(preset, stage):
    c = load_config(preset, stage, [])
    steps, batch, lr, end_lr, encoder_lr, start = TABLE_7[preset, stage]
    assert (c.run.steps, c.run.batch, c.optimiser.lr, c.optimiser.end_lr) == (steps, batch, lr, end_lr)
    assert (c.codebook.quantizer, c.codebook.size, c.codebook.dim, c.codebook.beta) == ("simvq", 16384, 1536, 0.25)
    assert (c.loss.perceptual, c.loss.perceptual_weight) == ("lpips-convnext", 1.1)
    o = c.optimiser
    assert (o.betas, o.weight_decay, o.warmup, o.clip) == ((0.9, 0.999), 1e-4, 2000, 1.0)
    assert c.codebook.layers == () and c.decoder.head_kernel == 1 and c.run.bf16
    if stage == 1:
        assert c.gan.weight == 0
    else:
        assert (o.encoder_lr, c.loss.distill_weight) == (encoder_lr, 1.0)
        assert (c.gan.weight, c.gan.start, c.gan.lr) == (0.1, start, 4e-5)


@pytest.mark.parametrize("preset", preset_names())
@pytest.mark.parametrize("stage", [1, 2])
def test_every_preset_reads_and_survives_a_round_trip(preset, stage):
    config = load_config(preset, stage, [])
    assert from_dict(to_dict(config)) == config and config.stage == stage


def test_overrides_win_and_keep_their_types():
    c = load_config("tiny-cpu", 1, ["codebook.layers=[1, 3]", "optimiser.lr=1", "data.train=a.tar*2", "init=x y", "run.bf16=false"])
    assert c.codebook.layers == (1, 3) and c.optimiser.lr == 1.0 and isinstance(c.optimiser.lr, float)
    assert c.data.train == ("a.tar*2",) and c.init == "x y" and c.run.bf16 is False


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("codebook.size", "Expected section.key=value for --set but received 'codebook.size'"),
        ("codebook.size=big", "Expected int for codebook.size but received 'big'"),
        ("codebook.size=true", "Expected int for codebook.size but received True"),
        ("run.steps=-1", "Expected a number of at least 0 for run.steps but received -1"),
        ("optimiser.lr=nan", "Expected a number of at least 0 for optimiser.lr but received nan"),
        ("run.parallel=tp", "Expected one of ddp, fsdp for run.parallel but received 'tp'"),
        ("data.crop=0.5", "Expected 2 values for data.crop but received 0.5"),
        ("codebook.siz=3", "but received 'siz'"),
        ("nothing.here=3", "but received 'nothing'"),
        ("codebook=3", "Expected a table for codebook but received 3"),
    ],
)
def test_a_wrong_override_is_named(override, message):
    with pytest.raises(UserError, match=message.replace("[", r"\[")):
        load_config("tiny-cpu", 1, [override])


def test_an_unknown_preset_lists_the_known_ones():
    with pytest.raises(UserError, match="Expected one of ablation, .*tiny-cpu.* but received 'tiny'"):
        load_config("tiny", 1, [])


def test_differences_leave_out_what_changes_no_weight():
    a = load_config("tiny-cpu", 1, [])
    b = load_config("tiny-cpu", 1, ["codebook.size=64", "run.threads=3", "run.eval_every=7"])
    assert differences(a, b) == ["codebook.size: 8192 -> 64"]
