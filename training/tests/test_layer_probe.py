import subprocess
import sys
from pathlib import Path


def test_prints_a_row_for_each_choice_of_blocks(workspace):
    command = [sys.executable, "-m", "vqrae_training", "probe-layers", "--encoder", str(workspace / "encoder"),
               "--data", str(workspace / "photos"), "--codes", "32", "--patch", "4", "--threads", "1"]  # fmt: skip
    done = subprocess.run(command, capture_output=True, text=True, cwd=Path(__file__).parents[1])
    assert done.returncode == 0, done.stderr
    rows = [line.split("|")[1:-1] for line in done.stdout.splitlines() if line.startswith("| ")][1:]
    assert [row[0].strip() for row in rows] == ["1", "2", "3", "1 + 3", "2 + 3"]
    for row in rows:
        assert all(10 < float(cell) < 60 for cell in row[1:]), row  # the mean colour alone gives less
