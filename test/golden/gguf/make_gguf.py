"""GGUF files by llama.cpp's own Python package: `pip install gguf==0.19.0 numpy safetensors; python make_gguf.py`."""

from pathlib import Path

import gguf
import numpy as np
from gguf import GGMLQuantizationType as Type
from gguf import GGUFValueType as Value
from safetensors.numpy import save_file

HERE = Path(__file__).parent

rng = np.random.default_rng(7)
# Rounding cases first: ties, subnormals, the largest half, what overflows it, zeros of both signs.
SPECIAL = [1 + 2**-11, 1 + 3 * 2**-11, 2**-24, 2**-25, 3 * 2**-25, 65504, 65519, 65520, -0.0, 0.0, -2.5, 1 / 3]
rows = rng.standard_normal((3, 64)).astype(np.float32) * np.float32(3)
rows[0, : len(SPECIAL)] = SPECIAL
rows[1, 32:] = 0  # a block of Q8_0 that has no scale
rows[2, :32] = np.arange(-16, 16) * 0.5 * (127 / 8)  # its largest is 127 * 1: ties of roundf


def write(path: Path, alignment: int | None) -> None:
    writer = gguf.GGUFWriter(path, "golden")
    if alignment is not None:
        writer.add_custom_alignment(alignment)
    values = [
        ("uint8", 255, Value.UINT8),
        ("int8", -128, Value.INT8),
        ("uint16", 65535, Value.UINT16),
        ("int16", -32768, Value.INT16),
        ("uint32", 2**32 - 1, Value.UINT32),
        ("int32", -(2**31), Value.INT32),
        ("float32", 0.1, Value.FLOAT32),
        ("bool", True, Value.BOOL),
        ("string", "grün 🟩\n", Value.STRING),
        ("uint64", 2**64 - 1, Value.UINT64),
        ("int64", -(2**63), Value.INT64),
        ("float64", 0.1, Value.FLOAT64),
    ]
    for name, value, kind in values:
        writer.add_key_value(f"one.{name}", value, kind)
        writer.add_key_value(f"list.{name}", [value, value], Value.ARRAY, sub_type=kind)
    writer.add_key_value("list.nested", [["a", "b"], ["c"]], Value.ARRAY, sub_type=Value.ARRAY)
    for name, kind in {"f32": Type.F32, "f16": Type.F16, "bf16": Type.BF16, "q8_0": Type.Q8_0}.items():
        writer.add_tensor(name, gguf.quants.quantize(rows, kind), raw_dtype=kind)
    writer.add_tensor("cube", np.arange(24, dtype=np.float32).reshape(2, 3, 4))
    writer.add_tensor("ids", np.arange(5, dtype=np.int32))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


write(HERE / "python.gguf", None)
write(HERE / "aligned-128.gguf", 128)
decoded = {
    name: gguf.quants.dequantize(gguf.quants.quantize(rows, kind), kind)
    for name, kind in {"f16": Type.F16, "bf16": Type.BF16, "q8_0": Type.Q8_0}.items()
}
save_file({"rows": rows, **decoded}, HERE / "expected.safetensors")
