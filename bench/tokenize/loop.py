"""A plain loop over a tar with torch and PIL, the Python side of bench/tokenize.ts: loop.py TAR MODEL THREADS IMAGES."""

import io
import json
import sys
import tarfile
import time

import numpy as np
import torch
from PIL import Image
from vqrae_training.data.images import encoder_view, normalise, to_uint8
from vqrae_training.models.checkpoint import load_checkpoint

BATCH = 32
path, folder, threads, most = sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4])
torch.set_num_threads(threads)
model = load_checkpoint(folder).eval()
encoder = model.encoder


def photos():
    with tarfile.open(path) as tar:
        for member in tar:
            if member.isfile() and member.name.lower().endswith((".jpg", ".jpeg", ".png", ".webp")):
                yield tar.extractfile(member).read()


@torch.inference_mode()
def ids_of(files: list[bytes]) -> np.ndarray:
    views = [to_uint8(encoder_view(Image.open(io.BytesIO(data)).convert("RGB"), encoder.image)) for data in files]
    hidden = encoder(normalise(torch.stack(views), encoder.mean, encoder.std), model.taps)
    return model.quantizer(model.quantizer_input(hidden)).ids.numpy().astype(np.uint16)


warm = []
for data in photos():
    warm.append(data)
    if len(warm) == BATCH:
        break
ids_of(warm)
started, rows, batch = time.perf_counter(), [], []
for data in photos():
    batch.append(data)
    if len(batch) == BATCH or len(rows) * BATCH + len(batch) == most:
        rows.append(ids_of(batch))
        batch = []
    if sum(map(len, rows)) >= most:
        break
np.save(io.BytesIO(), np.concatenate(rows))
print(json.dumps({"images": most, "seconds": time.perf_counter() - started}))
