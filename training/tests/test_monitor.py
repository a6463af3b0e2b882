from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from vqrae_training.engine.monitor import Monitor, Pace, duration, full_disk_said, pairs_grid


def lines(folder: Path) -> list[dict]:
    return [json.loads(line) for line in (folder / "metrics.jsonl").read_text().splitlines()]


def test_values_go_to_the_record_and_to_a_line_for_people(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with Monitor(tmp_path / "run", 1300, tensorboard=False) as monitor:
        monitor.scalars(325, {"loss": 0.123456789, "distill": 0.0, "train_codes": 7984, "images_per_s": 25.04})
        monitor.scalars(325, {"val_psnr": 22.1, "val_codes": 6351.0})
    first, second = lines(tmp_path / "run")
    assert 0 <= first.pop("seconds") <= second.pop("seconds") < 60
    assert first == {"step": 325, "loss": 0.12346, "distill": 0.0, "train_codes": 7984, "images_per_s": 25.04}
    assert second == {"step": 325, "val_psnr": 22.1, "val_codes": 6351.0}
    said = capsys.readouterr().out.splitlines()
    assert said[0].startswith("  325/1,300   25 %  loss 0.1235  train_codes 7,984  25.0 images/s  ETA 0:00:0")
    assert "val_psnr 22.1  val_codes 6,351  ETA" in said[1]


def test_not_finite_is_null_since_json_has_no_nan(tmp_path: Path) -> None:
    with Monitor(tmp_path, 10, tensorboard=False) as monitor:
        monitor.scalars(1, {"loss": float("nan"), "val_psnr": float("inf")})
    assert "NaN" not in (tmp_path / "metrics.jsonl").read_text()
    assert lines(tmp_path)[0]["loss"] is None and lines(tmp_path)[0]["val_psnr"] is None


def test_small_values_keep_their_digits(tmp_path: Path) -> None:
    with Monitor(tmp_path, 10, tensorboard=False) as monitor:
        monitor.scalars(1, {"lr": 1.23456789e-5, "val_perplexity": 3735.979191})
    assert lines(tmp_path)[0]["lr"] == 1.2346e-5 and lines(tmp_path)[0]["val_perplexity"] == 3735.97919


def test_resume_drops_what_was_logged_after_the_checkpoint(tmp_path: Path) -> None:
    record = [{"step": 50, "seconds": 40.0}, {"step": 100, "seconds": 100.0}]
    record.append({"step": 100, "seconds": 120.0, "val_psnr": 20.0})
    later = {"step": 125, "seconds": 150.0}
    (tmp_path / "metrics.jsonl").write_text("".join(json.dumps(r) + "\n" for r in [*record, later]) + '{"step": 150, "lo')
    with Monitor(tmp_path, 200, start_step=100, tensorboard=False) as monitor:
        monitor.scalars(125, {"loss": 1.0})
    *kept, new = lines(tmp_path)
    assert kept == record
    assert new["step"] == 125 and 120 <= new["seconds"] < 150


def test_a_run_from_the_start_begins_its_record_anew(tmp_path: Path) -> None:
    (tmp_path / "metrics.jsonl").write_text('{"step": 0, "seconds": 9.0}\n')
    with Monitor(tmp_path, 10, tensorboard=False) as monitor:
        monitor.scalars(5, {"loss": 1.0})
    assert [line["step"] for line in lines(tmp_path)] == [5]


@pytest.mark.parametrize(
    ("seconds", "text"), [(0, "0:00:00"), (59.6, "0:01:00"), (187, "0:03:07"), (3599, "0:59:59"), (93_600, "26:00:00")]
)
def test_durations(seconds: float, text: str) -> None:
    assert duration(seconds) == text


def test_the_pace_is_smoothed_and_counts_validations() -> None:
    pace = Pace(100, 0.0)
    assert pace.update(100, 5.0) is None  # validation before the first step
    assert pace.update(110, 20.0) == pytest.approx(2.0)  # 10 steps in 20 s, the validation included
    assert pace.update(110, 40.0) == pytest.approx(2.0)  # a line of the same step changes nothing yet
    slower = pace.update(120, 60.0)  # 10 steps in 40 s
    assert slower == pytest.approx((0.09 * 2 + 0.1 * 4) / 0.19)
    for i in range(100):
        slower = pace.update(130 + 10 * i, 100.0 + 40 * i)
    assert slower == pytest.approx(4.0, rel=1e-3)


def test_other_ranks_stay_silent(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with Monitor(tmp_path / "run", 10, enabled=False) as monitor:
        monitor.scalars(1, {"loss": 1.0})
        monitor.images(1, "val", torch.zeros(3, 4, 4, dtype=torch.uint8))
    assert not (tmp_path / "run").exists()
    assert capsys.readouterr().out == ""


def test_pictures_are_written_under_their_step(tmp_path: Path) -> None:
    grid = torch.randint(0, 256, (3, 8, 12), dtype=torch.uint8)
    with Monitor(tmp_path, 1000, tensorboard=False) as monitor:
        monitor.images(300, "val", grid)
    assert np.array_equal(np.asarray(Image.open(tmp_path / "val_000300.png")), grid.permute(1, 2, 0).numpy())
    assert not list(tmp_path.glob("*.tmp"))


def test_originals_lie_above_their_reconstructions() -> None:
    originals = torch.arange(5, dtype=torch.uint8).view(5, 1, 1, 1).expand(5, 3, 4, 6)
    grid = pairs_grid(originals, originals + 100, columns=3)
    assert grid.shape == (3, 16, 18) and grid.dtype == torch.uint8
    cells = grid[0, ::4, ::6].tolist()
    assert cells == [[0, 1, 2], [100, 101, 102], [3, 4, 255], [103, 104, 255]]
    pixels = torch.randint(0, 256, (2, 3, 4, 6), dtype=torch.uint8)
    assert torch.equal(pairs_grid(pixels, pixels.flip(0))[:, :4, 6:], pixels[1])
    with pytest.raises(ValueError, match="Expected originals and reconstructions of one shape"):
        pairs_grid(pixels, pixels[:1])


def test_tensorboard_gets_the_same_and_hides_what_a_resume_dropped(tmp_path: Path) -> None:
    accumulators = pytest.importorskip("tensorboard.backend.event_processing.event_accumulator")
    with Monitor(tmp_path, 100) as monitor:
        monitor.scalars(10, {"loss": 0.5})
        monitor.scalars(10, {"val_psnr": 20.0, "teacher_cosine": 0.9})
        monitor.images(10, "val", torch.full((3, 4, 8), 7, dtype=torch.uint8))
        monitor.scalars(20, {"loss": 0.4})
    with Monitor(tmp_path, 100, start_step=10) as monitor:
        monitor.scalars(20, {"loss": 0.3})
    events = accumulators.EventAccumulator(str(tmp_path / "tensorboard"))
    events.Reload()
    assert set(events.Tags()["scalars"]) == {"train/loss", "val/psnr", "val/teacher_cosine"}
    assert [(e.step, round(e.value, 5)) for e in events.Scalars("train/loss")] == [(10, 0.5), (20, 0.3)]
    assert (events.Images("val")[0].width, events.Images("val")[0].height) == (8, 4)


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs Linux's /dev/full")
def test_a_full_disk_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "metrics.jsonl").symlink_to("/dev/full")
    message = "Expected room on the disk for .*metrics.jsonl but received 'No space left on device'"
    with pytest.raises(SystemExit, match=message) as e:
        with Monitor(tmp_path, 10, tensorboard=False) as monitor:
            monitor.scalars(1, {"loss": 1.0})
    assert "\n" not in str(e.value) and e.value.__suppress_context__


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs Linux's /dev/full")
def test_a_full_disk_does_not_hide_what_ended_the_run(tmp_path: Path) -> None:
    (tmp_path / "metrics.jsonl").symlink_to("/dev/full")
    with pytest.raises(SystemExit, match="Expected a finite loss"):
        with Monitor(tmp_path, 10, tensorboard=False) as monitor:
            monitor.log.write("{}")  # still in the buffer
            raise SystemExit("Expected a finite loss but received nan")


def test_other_errors_of_the_disk_pass() -> None:
    with pytest.raises(PermissionError), full_disk_said(Path("x")):
        raise PermissionError(13, "denied")
