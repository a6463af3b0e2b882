"""What is wrong with a run is said in a line, before its first step."""

import pytest
from PIL import Image
from runner import command, run, run_command, run_here

CASES = {
    "no init": (2, [], "Expected --init, a stage-1 last.pt, for stage 2 but received nothing"),
    "init that is not there": (2, ["--init nowhere.pt"], "Expected a run's last.pt or a checkpoint folder for --init but received nowhere.pt"),
    "another encoder": (1, ["encoder.hidden_size=1152"], "Expected hidden_size 1152 for the encoder but received 32"),
    "no such block": (1, ["codebook.layers=[1,9]"], "Expected ascending blocks 1 to 3 for codebook.layers but received (1, 9)"),
    "blocks in disorder": (1, ["codebook.layers=[3,1]"], "Expected ascending blocks 1 to 3"),
    "heads": (1, ["decoder.heads=3"], "Expected a divisor of decoder.hidden_size 32 for decoder.heads but received 3"),
    "even head": (1, ["decoder.head_kernel=2"], "Expected an odd number for decoder.head_kernel but received 2"),
    "micro-batch": (1, ["run.micro_batch=3"], "Expected a multiple of run.micro_batch x ranks (3 x 1) for run.batch but received 8"),
    "tiny data": (1, ["run.batch=4000"], "Expected at least 4000 views (one batch) for data.train but received 720"),
    "no val": (1, ["data.val="], "Expected --val, images to validate on, but received none"),
    "no CUDA": (1, ["run.device=cuda"], "Expected a CUDA device for run.device but received 'cuda'"),
    "no weights of the perceptual network": (1, ["loss.perceptual=lpips", "loss.perceptual_weight=1"], "loss.lpips_vgg"),
    "picture too small for the adversary": (1, ["gan.weight=0.1", "gan.start=9"], "Expected pixels of at least 24 x 24 for gan.discriminator"),
    "codebook larger than the data": (1, ["codebook.size=20000"], "Expected at least 20000 feature rows for the codebook's start but received 11520"),
}


@pytest.mark.parametrize("name", CASES)
def test_a_wrong_run(workspace, tmp_path, name):
    stage, options, message = CASES[name]
    done = run(workspace, tmp_path / "out", stage, *options)
    assert done.returncode == 1, done.stdout
    assert message in done.stderr and "Traceback" not in done.stderr, done.stderr
    assert '"step"' not in done.stdout


def test_a_narrow_codebook_and_little_data_are_warned_of(workspace, tmp_path):
    done = run(workspace, tmp_path / "out", 1, "codebook.dim=16", "run.steps=1")
    assert done.returncode == 0, done.stderr
    assert "warning: codebook.dim 16 is below the encoder's width 32" in done.stderr
    assert "warning: 720 views in an epoch" in done.stderr


def _with_broken_images(workspace, folder):
    folder.mkdir()
    for i in range(12):
        Image.open(workspace / "photos" / "plain" / f"{i:02d}.png").save(folder / f"{i:02d}.jpg")
    data = (folder / "03.jpg").read_bytes()
    (folder / "03.jpg").write_bytes(data[: len(data) // 2])
    (folder / "07.jpg").write_bytes(b"not an image")


def test_unreadable_images_are_listed_counted_and_skipped_on_request(workspace, tmp_path):
    folder = tmp_path / "photos"
    _with_broken_images(workspace, folder)
    arguments = command(workspace, tmp_path / "out", 1, "run.steps=1")
    arguments[arguments.index("--data") + 1] = f"{folder}*10"
    done = run_command(arguments)  # in a process of its own: what a user sees
    assert done.returncode == 1 and "2 of 12 images do not decode" in done.stderr and "Traceback" not in done.stderr
    assert "03.jpg" in done.stderr and "07.jpg" in done.stderr
    done = run_here([*arguments[3:], "data.skip_unreadable=true"])
    assert done.returncode == 0 and "warning: left out: 2 of 12" in done.stderr, done.stderr


def test_missing_and_empty_data_are_said(workspace, tmp_path):
    (tmp_path / "empty").mkdir()
    (tmp_path / "text.tar").write_text("no tar")
    for name, message in (
        ("nothing", "Expected a folder or tar of images"),
        ("empty", "Expected at least one image"),
        ("text.tar", "Expected an uncompressed tar"),
    ):
        arguments = command(workspace, tmp_path / "out", 1)
        arguments[arguments.index("--data") + 1] = str(tmp_path / name)
        done = run_here(arguments[3:])
        assert done.returncode == 1 and message in done.stderr and "Traceback" not in done.stderr, done.stderr


def test_dry_run_needs_no_weights_for_the_papers_presets(tmp_path):
    done = run_here(["train", "--stage", "2", "--preset", "vqrae-siglip2-256", "--dry-run", "--set", "run.batch=8"])
    assert done.returncode == 0, done.stderr
    # SigLIP2 so400m's vision tower: 428 M with its pooling head, which a VQRAE does not read.
    assert "412.6 M" in done.stdout and "GFLOP an image" in done.stdout
