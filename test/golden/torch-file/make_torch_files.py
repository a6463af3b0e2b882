"""Saves tensors beside this file as torch itself does, for torch-file.test.ts.

    pip install torch==2.13
    python make_torch_files.py            # writes *.pt
    python make_torch_files.py check DIR  # reads what our writer wrote there (torch-file.test.ts, with TORCH_FILES=DIR)
"""

import io
import sys
from pathlib import Path

import torch

HERE = Path(__file__).parent
VALUES = torch.arange(-400, 400).reshape(2, 400) / 7

TENSORS = {
    "f32": VALUES,
    "f16": VALUES.half(),
    "bf16": VALUES.bfloat16(),
    "i64": torch.tensor([1, 46, 66]),
    "large": torch.zeros(300, 300),  # its counts take two and four bytes
}

if sys.argv[1:2] == ["check"]:
    for name, tensor in TENSORS.items():
        ours = torch.load(Path(sys.argv[2]) / f"{name}.pt", weights_only=True)
        assert ours.dtype == tensor.dtype and torch.equal(ours, tensor), name
        print(name, tuple(ours.shape), ours.dtype, "equal")
else:
    for name, tensor in TENSORS.items():
        if name != "large":
            buffer = io.BytesIO()  # by a path, the records would have its name
            torch.save(tensor, buffer)
            (HERE / f"{name}.pt").write_bytes(buffer.getvalue())
