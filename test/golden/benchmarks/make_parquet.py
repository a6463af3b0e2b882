"""Writes small parquet files in the layouts of the Hugging Face hub's benchmarks, two row groups each. Needs pyarrow, Pillow.

    python make_parquet.py [benchmark ...]

<benchmark>/parquet.py has the files' rows; they are written to <benchmark>/parquet/.
"""

import io
import sys
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
from harnesses.loading import load
from PIL import Image

HERE = Path(__file__).parent


def image(shade):
    file = io.BytesIO()
    Image.new("RGB", (4, 3), (shade, 10, 20)).save(file, "PNG")
    return {"bytes": file.getvalue(), "path": f"{shade}.png"}


for maker in sorted(HERE.glob("*/parquet.py")):
    name = maker.parent.name
    if sys.argv[1:] and name not in sys.argv[1:]:
        continue
    for file, rows, options in load(f"{name}_parquet", maker).files(image):
        path = maker.parent / "parquet" / file
        path.parent.mkdir(parents=True, exist_ok=True)
        table = rows if isinstance(rows, pa.Table) else pa.Table.from_pylist(rows)
        pq.write_table(table, path, row_group_size=2, **options)
        print(path.relative_to(HERE))
