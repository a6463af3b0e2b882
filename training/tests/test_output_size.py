import subprocess
import sys
from pathlib import Path

from PIL import Image


def test_prints_each_size_and_draws_it(workspace, tmp_path):
    picture = tmp_path / "sizes.png"
    command = [sys.executable, "-m", "vqrae_training", "probe-output-size", "--encoder", str(workspace / "encoder"),
               "--data", str(workspace / "photos"), "--photos", str(workspace / "photos" / "plain"), "--codes", "64",
               "--layers", "1", "3", "--threads", "1", "--picture", str(picture)]  # fmt: skip
    done = subprocess.run(command, capture_output=True, text=True, cwd=Path(__file__).parents[1])
    assert done.returncode == 0, done.stderr
    rows = [[cell.strip() for cell in line.split("|")[1:-1]] for line in done.stdout.splitlines()[2:]]
    assert [row[1] for row in rows] == ["16 x 16", "32 x 32", "64 x 64"]
    assert all(15 < float(cell) < 60 for row in rows for cell in row[2:])
    assert Image.open(picture).size == (12 * 32, 4 * 32)
