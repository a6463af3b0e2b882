"""Makes quants.safetensors beside this file: random blocks of ggml's quantised types, and gguf-py's own numbers for them.

    python make_quants.py

Made with gguf 0.19.0 (llama.cpp's gguf-py), numpy, safetensors 0.8.0. For each type
    {type}.blocks    U8  [4, bytes of a block]
    {type}.values    F32 [4, elements of a block]    gguf.quants.dequantize
"""

from pathlib import Path

import numpy as np
from gguf import GGML_QUANT_SIZES, GGMLQuantizationType, quants
from safetensors.numpy import save_file

# Where the halves of a block are: scales must be finite.
HALVES = {"Q4_0": [0], "Q4_1": [0, 2], "Q5_0": [0], "Q5_1": [0, 2], "Q4_K": [0, 2], "Q5_K": [0, 2], "Q6_K": [208]}

rng = np.random.default_rng(1)
tensors = {}
for name, places in HALVES.items():
    kind = GGMLQuantizationType[name]
    elements, size = GGML_QUANT_SIZES[kind]
    blocks = rng.integers(0, 256, (4, size), dtype=np.uint8)
    for at in places:
        blocks[:, at : at + 2] = rng.normal(0, 0.1, (4, 1)).astype(np.float16).view(np.uint8)
    tensors[f"{name}.blocks"] = blocks
    tensors[f"{name}.values"] = quants.dequantize(blocks, kind).astype(np.float32).reshape(4, elements)
save_file(tensors, Path(__file__).parent / "quants.safetensors")
