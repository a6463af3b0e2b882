"""Writes metrics.json beside this file: inputs and what the reference implementations say about them.

Run: python make_fixtures.py   (numpy, scikit-image, torch, torchmetrics)
"""

import base64
import json
from pathlib import Path

import numpy as np
import skimage
import torch
import torch.nn.functional as F
import torchmetrics
from skimage.metrics import peak_signal_noise_ratio, structural_similarity
from torchmetrics.functional.image import structural_similarity_index_measure


def encode(array: np.ndarray) -> str:
    return base64.b64encode(np.ascontiguousarray(array).tobytes()).decode()


def formula_pair(height: int, width: int) -> tuple[np.ndarray, np.ndarray]:
    i, j, c = np.meshgrid(np.arange(height), np.arange(width), np.arange(3), indexing="ij")
    x = (7 * i + 13 * j + 29 * c) * 37 % 256
    y = np.clip(x + (5 * i + 3 * j + 11 * c) % 17 - 8, 0, 255)
    return x.astype(np.uint8), y.astype(np.uint8)


def smooth_pair(height: int, width: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    i, j, c = np.meshgrid(np.arange(height), np.arange(width), np.arange(3), indexing="ij")
    x = np.round(128 + 110 * np.sin(i / 6 + c) * np.cos(j / 9))
    noise = np.random.default_rng(seed).normal(0, 12, x.shape)
    return x.astype(np.uint8), np.clip(np.round(x + noise), 0, 255).astype(np.uint8)


def flat_pair(height: int, width: int) -> tuple[np.ndarray, np.ndarray]:
    shape = (height, width, 3)
    return np.full(shape, 200, np.uint8), np.full(shape, 190, np.uint8)


def image_case(name: str, pair: tuple[np.ndarray, np.ndarray]) -> dict:
    a, b = pair
    side = min(a.shape[:2])
    as_batch = lambda image: torch.from_numpy(image.astype(np.float64)).permute(2, 0, 1)[None]
    return {
        "name": name,
        "width": a.shape[1],
        "height": a.shape[0],
        "a": encode(a),
        "b": encode(b),
        "psnr": peak_signal_noise_ratio(a, b),
        "ssimUniform": structural_similarity(a, b, channel_axis=-1, data_range=255) if side >= 7 else None,
        "ssimGaussian": structural_similarity_index_measure(as_batch(a), as_batch(b), data_range=255.0).item()
        if side >= 11
        else None,
    }


def labelled(seed: int, rows: int, classes: int, dim: int) -> tuple[np.ndarray, np.ndarray]:
    centres = np.random.default_rng(0).normal(0, 1, (classes, dim))
    random = np.random.default_rng(seed)
    labels = random.integers(0, classes, rows)
    features = centres[labels] + random.normal(0, 1.4, (rows, dim))
    features[:, 3] = 2.5  # a constant column
    features[:, 5] *= 100  # a column of another scale
    return features.astype(np.float32), labels * 10 - 10


def cosines(queries: np.ndarray, gallery: np.ndarray) -> torch.Tensor:
    rows = [torch.from_numpy(x).double() for x in (queries, gallery)]
    q, g = (F.normalize(F.layer_norm(x, x.shape[-1:], eps=1e-6), dim=-1) for x in rows)
    return q @ g.T


def probe(train: tuple, test: tuple, C: float) -> dict:
    """The optimum of mean cross-entropy + |W|^2 / (2 C n) on standardised features, by torch's L-BFGS in float64."""
    features, labels = torch.from_numpy(train[0]).double(), train[1]
    mean, std = features.mean(0), features.std(0, correction=0)
    std[std == 0] = 1
    scale = lambda x: (torch.as_tensor(x).double() - mean) / std
    classes = np.unique(labels)
    targets = torch.from_numpy(np.searchsorted(classes, labels))
    weight = torch.zeros(len(classes), features.shape[1], dtype=torch.float64, requires_grad=True)
    bias = torch.zeros(len(classes), dtype=torch.float64, requires_grad=True)
    optimizer = torch.optim.LBFGS(
        [weight, bias], max_iter=2000, tolerance_grad=1e-10, tolerance_change=0, line_search_fn="strong_wolfe"
    )

    def objective():
        return F.cross_entropy(scale(train[0]) @ weight.T + bias, targets) + weight.square().sum() / (2 * C * len(labels))

    def closure():
        optimizer.zero_grad()
        loss = objective()
        loss.backward()
        return loss

    optimizer.step(closure)
    predict = lambda x: classes[(scale(x) @ weight.T + bias).argmax(-1).numpy()]
    return {
        "C": C,
        "loss": objective().item(),
        "predictions": predict(test[0]).tolist(),
        "trainAccuracy": float((predict(train[0]) == labels).mean()),
        "testAccuracy": float((predict(test[0]) == test[1]).mean()),
    }


def features_case() -> dict:
    dim = 16
    train, test = labelled(1, 80, 4, dim), labelled(2, 60, 4, dim)
    among = cosines(train[0], train[0]).fill_diagonal_(-2)
    return {
        "dim": dim,
        "train": {"features": encode(train[0]), "labels": train[1].tolist()},
        "test": {"features": encode(test[0]), "labels": test[1].tolist()},
        "nearestNeighbour": float((train[1][cosines(test[0], train[0]).argmax(-1).numpy()] == test[1]).mean()),
        "leaveOneOut": float((train[1][among.argmax(-1).numpy()] == train[1]).mean()),
        "probes": [probe(train, test, C) for C in (0.1, 1.0)],
    }


def main() -> None:
    images = [
        image_case("the formula pair of 32 x 32", formula_pair(32, 32)),
        image_case("wide", formula_pair(19, 44)),
        image_case("tall and smooth", smooth_pair(51, 26, 7)),
        image_case("the smallest for the Gaussian window", smooth_pair(11, 11, 8)),
        image_case("the smallest for the uniform window", formula_pair(7, 7)),
        image_case("narrow", smooth_pair(7, 40, 9)),
        image_case("flat", flat_pair(16, 12)),
        image_case("one pixel", flat_pair(1, 1)),
    ]
    fixture = {
        "versions": {m.__name__: m.__version__ for m in (np, skimage, torch, torchmetrics)},
        "images": images,
        "features": features_case(),
    }
    (Path(__file__).parent / "metrics.json").write_text(json.dumps(fixture, indent=1) + "\n")


if __name__ == "__main__":
    main()
