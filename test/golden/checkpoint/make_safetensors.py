"""Makes python.safetensors with the reference library: what our writer must equal byte for byte.

    python make_safetensors.py

Made with safetensors 0.8.0. Values are those of `tensors` in test/golden/checkpoint/safetensors.test.ts.
"""

from pathlib import Path

import torch
from safetensors.torch import save_file

count = torch.arange(6)
save_file(
    {
        "zeta": (count / 4).to(torch.float32).view(2, 3),
        "alpha": (count / 4).to(torch.float32).view(3, 2),
        "half": (count / 4).to(torch.float16),
        "brain": (count / 4).to(torch.bfloat16),
        "10": count.to(torch.int64),
        "9": count.to(torch.int32),
        "bytes é\n": count.to(torch.uint8),
        "flags": count % 2 == 0,
        "scalar": torch.tensor(0.5, dtype=torch.float64),
        "empty": torch.zeros(0, 4),
    },
    Path(__file__).parent / "python.safetensors",
    metadata={"format": "pt"},
)
