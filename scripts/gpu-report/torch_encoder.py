"""Runs a full-size encoder in PyTorch for scripts/gpu-report.ts: a request a line on stdin, an answer a line on stdout.

    python torch_encoder.py <name of models.py> <device>

Request {"mode": "eager" | "compiled", "dtype": "float32" | "bfloat16", "batch": n}: a batch of random pixels goes through once.
Answer {"ms": ..}: the time until the features are there; {"error": ".."} where it did not fit.
"""

import json
import sys
import time
from pathlib import Path

import torch

sys.path.insert(0, str(Path(__file__).parents[1] / "full-size"))
from make import randomise, tower_of  # noqa: E402
from models import MODELS  # noqa: E402


def main(name: str, device: str) -> None:
    model = tower_of(MODELS[name]).eval()
    randomise(model, model.config.num_hidden_layers)  # the weights that make.py writes
    size = model.config.image_size
    size = size if isinstance(size, int) else size[0]
    kept = {}
    wait = torch.cuda.synchronize if device == "cuda" else lambda: None
    torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = False
    for line in sys.stdin:
        asked = json.loads(line)
        key = (asked["mode"], asked["dtype"])
        if key not in kept:
            kept.clear()  # one copy of the weights on the device at a time
            own = model.to(device, getattr(torch, asked["dtype"]))
            kept[key] = torch.compile(own) if asked["mode"] == "compiled" else own
        try:
            pixels = torch.rand(asked["batch"], 3, size, size)
            wait()
            start = time.perf_counter()
            with torch.inference_mode():
                found = kept[key](pixels.to(device, getattr(torch, asked["dtype"]))).last_hidden_state.float().cpu()
            wait()
            answer = {"ms": (time.perf_counter() - start) * 1000, "tokens": found.shape[1]}
        except torch.OutOfMemoryError as error:
            answer = {"error": str(error)}
        print(json.dumps(answer), flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
