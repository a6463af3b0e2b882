"""What a feature vector knows about the class of its image: 1-NN and a linear probe, as the SDK's metrics define them.

Features are [n, d] floats, labels n strings.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import torch
import torch.nn.functional as F
from scipy.optimize import minimize
from torch import Tensor

STRENGTHS = (0.001, 0.01, 0.1, 1.0, 10.0)


def nearest_neighbour(features: Tensor, labels: list[str]) -> float:
    """Return leave-one-out 1-NN accuracy, 0 to 1, by cosine after a LayerNorm without affine."""
    directions = _directions(features)
    return _hits((directions @ directions.T).fill_diagonal_(-2), labels, labels)


def nearest_neighbour_accuracy(train: Tensor, train_labels: list[str], val: Tensor, val_labels: list[str]) -> float:
    """Return the share of `val` whose nearest row of `train` has its label, 0 to 1, by the same cosine."""
    return _hits(_directions(val) @ _directions(train).T, val_labels, train_labels)


def _directions(features: Tensor) -> Tensor:
    rows = features.float()
    return F.normalize(F.layer_norm(rows, rows.shape[-1:], eps=1e-6), dim=-1)


def _hits(similarity: Tensor, queries: list[str], gallery: list[str]) -> float:
    nearest = similarity.argmax(1).tolist()
    return sum(label == gallery[j] for label, j in zip(queries, nearest, strict=True)) / len(queries)


class LogisticFit(NamedTuple):
    parameters: Tensor  # float64 [d + 1, classes]: weights, then the bias
    loss: float  # mean cross-entropy + |W|² / (2 C n)
    gradient: float  # the gradient's largest entry there


def fit_logistic(rows: Tensor, targets: Tensor, classes: int, C: float, start: Tensor | None = None) -> LogisticFit:
    """Fit multinomial logistic regression by L-BFGS: rows float64 [n, d], targets int64 [n] in [0, classes).

    The objective is scikit-learn's, mean cross-entropy + |W|² / (2 C n) with a free bias. It is convex: `start` [d + 1,
    classes] changes the time, not the answer.
    """
    n, d = rows.shape
    index = torch.arange(n)

    def objective(flat: np.ndarray) -> tuple[float, np.ndarray]:
        p = torch.from_numpy(flat).view(d + 1, classes)
        log_probabilities = F.log_softmax(rows @ p[:-1] + p[-1], dim=1)
        loss = -log_probabilities[index, targets].mean() + p[:-1].square().sum() / (2 * C * n)
        error = log_probabilities.exp_()
        error[index, targets] -= 1
        gradient = torch.cat([rows.T @ error / n + p[:-1] / (C * n), error.mean(0, keepdim=True)])
        return loss.item(), gradient.flatten().numpy()

    first = torch.zeros(d + 1, classes, dtype=torch.float64) if start is None else start
    options = {"maxiter": 1000, "maxfun": 2000, "gtol": 1e-5, "ftol": 0.0, "maxcor": 20}
    found = minimize(objective, first.flatten().numpy(), jac=True, method="L-BFGS-B", options=options)
    return LogisticFit(torch.from_numpy(found.x).view(d + 1, classes), float(found.fun), float(np.abs(found.jac).max()))


def linear_probe(
    train: Tensor, train_labels: list[str], val: Tensor, val_labels: list[str], strengths: tuple[float, ...] = STRENGTHS
) -> dict:
    """Train on features standardised by `train`. Returns {"accuracy": on val, 0 to 1, "C": the inverse L2 strength taken}.

    C is the one of `strengths` that answers best on a fifth of `train`: every fifth image of each class, in the order given. The
    smaller of two equal ones wins, also where no class has five images. Then all of `train` is fitted. Nothing is random. With
    strengths (1.0,) this is the SDK's trainLinearProbe, which the model card uses. A label that `train` lacks counts as wrong.
    Raises ValueError for fewer than two classes.
    """
    names = sorted(set(train_labels))
    if len(names) < 2:
        raise ValueError(f"Expected at least two classes for the linear probe but received {names}")
    number = {name: i for i, name in enumerate(names)}
    targets = torch.tensor([number[label] for label in train_labels])
    x = train.double()
    deviation = x.std(0, correction=0)
    deviation[deviation == 0] = 1
    rows, queries = ((t.double() - x.mean(0)) / deviation for t in (train, val))
    wanted = torch.tensor([number.get(label, -1) for label in val_labels])
    best = strengths[0] if len(strengths) == 1 else _choose_strength(rows, targets, len(names), strengths)
    fit = fit_logistic(rows, targets, len(names), best)
    return {"accuracy": _accuracy(fit, queries, wanted), "C": best}


def _choose_strength(rows: Tensor, targets: Tensor, classes: int, strengths: tuple[float, ...]) -> float:
    seen = [0] * classes
    held = torch.zeros(len(targets), dtype=torch.bool)
    for i, t in enumerate(targets.tolist()):
        held[i] = seen[t] % 5 == 4
        seen[t] += 1
    best, highest, start = min(strengths), 0.0, None
    for C in sorted(strengths) if held.any() else ():
        fit = fit_logistic(rows[~held], targets[~held], classes, C, start)
        start = fit.parameters  # the next optimum lies near
        accuracy = _accuracy(fit, rows[held], targets[held])
        if accuracy > highest:
            best, highest = C, accuracy
    return best


def _accuracy(fit: LogisticFit, rows: Tensor, targets: Tensor) -> float:
    answers = (rows @ fit.parameters[:-1] + fit.parameters[-1]).argmax(1)
    return (answers == targets).double().mean().item()
