"""Makes mistral-torch/: mistral-tiny as torch.save writes it, in another order than by name, and expected-torch.json: the SHA-256 of
what llama.cpp's own converter makes of it.

    pip install torch safetensors transformers==5.18
    LLAMA_CPP=<a clone of llama.cpp v0.5.0> python make_torch.py
"""

import hashlib
import json
import os
import runpy
import shutil
import sys
import tempfile
from pathlib import Path

HERE = Path(__file__).parent.resolve()
LLAMA_CPP = Path(os.environ.get("LLAMA_CPP", "llama.cpp")).resolve()
sys.path[:0] = [str(LLAMA_CPP), str(LLAMA_CPP / "gguf-py")]

import torch
from safetensors.torch import load_file

source, folder = HERE / "mistral-tiny", HERE / "mistral-torch"
folder.mkdir(exist_ok=True)
weights = {}
for file in sorted(source.iterdir()):
    if file.suffix == ".safetensors":
        weights.update(load_file(file))
    elif not file.name.endswith(".index.json"):
        shutil.copy(file, folder / file.name)
names = sorted(weights, key=lambda name: name[::-1])
torch.save({name: weights[name] for name in names}, folder / "pytorch_model.bin")
expected = {}
for kind in ("f32", "f16"):
    with tempfile.TemporaryDirectory() as scratch:
        out = Path(scratch) / "out.gguf"
        sys.argv = ["convert_hf_to_gguf.py", str(folder), "--outfile", str(out), "--outtype", kind]
        runpy.run_path(str(LLAMA_CPP / "convert_hf_to_gguf.py"), run_name="__main__")
        expected[kind] = hashlib.sha256(out.read_bytes()).hexdigest()
(HERE / "expected-torch.json").write_text(json.dumps(expected, indent=1) + "\n")
