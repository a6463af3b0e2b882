"""Writes sets.json beside this file: what reference implementations say about sets of features, clusters and taps.

Run: PYTHONPATH=../../../training python make_sets.py   (numpy, scipy, scikit-learn, torch, torchmetrics)
"""

import base64
import json
from pathlib import Path

import numpy as np
import scipy
import sklearn
import torch
import torchmetrics
from scipy.linalg import sqrtm
from sklearn.cluster import KMeans
from sklearn.metrics import normalized_mutual_info_score
from torchmetrics.image.fid import _compute_fid
from vqrae_training.losses.mobilenet import perceptual_distance


def encode(array: np.ndarray) -> str:
    return base64.b64encode(np.ascontiguousarray(array, np.float32).tobytes()).decode()


def frechet_case(name: str, a: np.ndarray, b: np.ndarray) -> dict:
    a, b = (x.astype(np.float32).astype(np.float64) for x in (a, b))
    means, covariances = [x.mean(0) for x in (a, b)], [np.atleast_2d(np.cov(x, rowvar=False)) for x in (a, b)]
    root = sqrtm(covariances[0] @ covariances[1]).real
    difference = means[0] - means[1]
    by_scipy = difference @ difference + np.trace(covariances[0] + covariances[1] - 2 * root)
    tensors = [torch.from_numpy(x) for pair in zip(means, covariances, strict=True) for x in pair]
    return {
        "name": name,
        "dim": a.shape[1],
        "a": encode(a),
        "b": encode(b),
        "mean": means[0].tolist(),
        "covariance": covariances[0].ravel().tolist() if a.shape[1] <= 8 else None,
        "eigenvalues": np.linalg.eigvalsh(covariances[0]).tolist(),
        "scipy": float(by_scipy),
        "torchmetrics": _compute_fid(*tensors).item(),
    }


def frechet_cases() -> list[dict]:
    random = np.random.default_rng(3)
    mix = random.normal(0, 1, (24, 24))
    plain = random.normal(0, 1, (300, 8))
    return [
        frechet_case("8 features of 300 and 200 images", plain, random.normal(0.3, 1.4, (200, 8))),
        frechet_case("correlated features", random.normal(0, 1, (60, 24)) @ mix, random.normal(0.1, 1, (90, 24)) @ mix),
        frechet_case("far from the origin", plain + 1000, random.normal(0, 1, (200, 8)) + 1000.2),
        frechet_case("fewer images than features", random.normal(0, 1, (9, 24)), random.normal(0, 2, (7, 24)) @ mix),
        frechet_case("one feature", random.normal(0, 1, (40, 1)), random.normal(2, 3, (50, 1))),
    ]


def cluster_case(name: str, rows: np.ndarray, start: np.ndarray, labels: np.ndarray) -> dict:
    rows, start = rows.astype(np.float32), start.astype(np.float32)
    fit = KMeans(len(start), init=start.astype(np.float64), n_init=1, algorithm="lloyd", tol=0, max_iter=1000)
    fit.fit(rows.astype(np.float64))
    sizes = [np.bincount(labels[fit.labels_ == c]).max() for c in np.unique(fit.labels_)]
    best = KMeans(len(start), n_init=50, random_state=0, tol=0).fit(rows.astype(np.float64))
    return {
        "name": name,
        "dim": rows.shape[1],
        "rows": encode(rows),
        "start": encode(start),
        "labels": labels.tolist(),
        "assignments": fit.labels_.tolist(),
        "inertia": float(fit.inertia_),
        "inertiaOf50Starts": float(best.inertia_),
        "purity": float(sum(sizes) / len(labels)),
        "nmi": float(normalized_mutual_info_score(labels, fit.labels_)),
    }


def cluster_cases() -> list[dict]:
    random = np.random.default_rng(5)
    labels = random.integers(0, 5, 150)
    blobs = random.normal(0, 3, (5, 6))[labels] + random.normal(0, 1, (150, 6))
    apart = blobs[:4].copy()
    apart[3] = 1e3  # no row is near: the cluster is empty after the first step
    return [
        cluster_case("five blobs in five clusters", blobs, blobs[:5], labels),
        cluster_case("three clusters", blobs, blobs[[7, 50, 90]], labels),
        cluster_case("a centre that nothing is near", blobs, apart, labels),
    ]


def perceptual_case() -> dict:
    random = np.random.default_rng(6)
    shapes = [(4, 6, 6), (8, 3, 3), (16, 1, 1)]
    taps = [[random.normal(0, 1, s).astype(np.float32) for s in shapes] for _ in range(2)]
    taps[0][1][:, 1, 1] = 0  # a position without any activation
    distance = perceptual_distance(*[[torch.from_numpy(x)[None] for x in t] for t in taps]).item()
    rows = lambda tap: {"channels": tap.shape[0], "data": encode(tap.reshape(tap.shape[0], -1).T)}
    return {"a": [rows(t) for t in taps[0]], "b": [rows(t) for t in taps[1]], "distance": distance}


def main() -> None:
    fixture = {
        "versions": {m.__name__: m.__version__ for m in (np, scipy, sklearn, torch, torchmetrics)},
        "frechet": frechet_cases(),
        "clusters": cluster_cases(),
        "perceptual": perceptual_case(),
    }
    (Path(__file__).parent / "sets.json").write_text(json.dumps(fixture, indent=1) + "\n")


if __name__ == "__main__":
    main()
