"""How well a small head answers questions about images from frozen tokens, continuous or discrete.

The question is a bag of words, as in easy-VQA's own baseline (github.com/vzhou842/easy-VQA-keras). Mean pooling brings the
image's tokens to at most 14 x 14. Squares of 2 x 2 become one token (InternVL's pixel shuffle). One linear layer brings them to
the head's width; only that layer differs between token widths.
"""

from __future__ import annotations

import math
from collections import Counter

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ..data.easy_vqa import EasyVQA, Split

MAX_GRID = 14  # tokens a side that the head sees
WIDTH = 64
IMAGES = 16  # of a step, with all their questions (about ten each)
RATE = 2e-3
EPOCHS = 20


def pool_tokens(tokens: Tensor) -> Tensor:
    """Pool [n, g * g, d] to contiguous [n, h * h, d] with h = min(g, 14), by adaptive means."""
    n, t, d = tokens.shape
    grid = math.isqrt(t)
    if grid * grid != t:
        raise ValueError(f"Expected a square number of tokens for a grid but received {t}")
    if grid <= MAX_GRID:
        return tokens.contiguous()
    square = tokens.transpose(1, 2).reshape(n, d, grid, grid)
    return F.adaptive_avg_pool2d(square, MAX_GRID).flatten(2).transpose(1, 2).contiguous()


def fold(tokens: Tensor) -> Tensor:
    """Make one token of each 2 x 2 square: [n, g * g, d] -> [n, ceil(g / 2)², 4 d]. Zeros follow an odd edge."""
    n, t, d = tokens.shape
    grid = math.isqrt(t)
    half = -(-grid // 2)
    square = F.pad(tokens.view(n, grid, grid, d), (0, 0, 0, grid % 2, 0, grid % 2))
    return square.view(n, half, 2, half, 2, d).transpose(2, 3).reshape(n, half * half, 4 * d)


class Head(nn.Module):
    """(bag of words [q, v], tokens [n, t, d], row of `tokens` for each question [q]) -> logits [q, answers]."""

    def __init__(self, vocabulary: int, dim: int, answers: int):
        super().__init__()
        self.question = nn.Sequential(nn.Linear(vocabulary, WIDTH), nn.Tanh(), nn.Linear(WIDTH, WIDTH), nn.Tanh())
        self.token = nn.Sequential(nn.Linear(dim, WIDTH), nn.GELU(), nn.Linear(WIDTH, WIDTH))
        self.key = nn.Linear(WIDTH, WIDTH)
        self.image = nn.Sequential(nn.Linear(3 * WIDTH, WIDTH), nn.Tanh())
        self.answer = nn.Sequential(nn.Linear(2 * WIDTH, WIDTH), nn.GELU(), nn.Linear(WIDTH, answers))

    def forward(self, words: Tensor, tokens: Tensor, image_of: Tensor) -> Tensor:
        q = self.question(words)
        x = self.token(tokens)  # (n, t, w)
        keys, values = self.key(x)[image_of], x[image_of]  # (q, t, w)
        weights = (torch.einsum("qw,qtw->qt", q, keys) / WIDTH**0.5).softmax(-1)
        attended = torch.einsum("qt,qtw->qw", weights, values)
        pooled = torch.cat([attended, x.mean(1)[image_of], x.amax(1)[image_of]], -1)
        return self.answer(torch.cat([self.image(pooled) * q, q], -1))


def vqa_accuracy(train_tokens: Tensor, test_tokens: Tensor, data: EasyVQA, seed: int = 0, epochs: int = EPOCHS) -> dict:
    """Train the head on `train_tokens` [n, t, d] (the images of data.train, in order) and answer data.test's questions.

    Tokens are an encoder's features or the codebook's vectors. Both are standardised by column; head, steps, rate and order of
    images are the same. Returns shares of right answers, 0 to 1: "accuracy", "yes_no", "other".
    """
    for name, tokens, split in (("train", train_tokens, data.train), ("test", test_tokens, data.test)):
        if tokens.ndim != 3 or len(tokens) != len(split.images):
            wanted = f"[{len(split.images)}, tokens, width]"
            raise ValueError(f"Expected {wanted} for the {name} images' tokens but received {list(tokens.shape)}")
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return _train_and_answer(fold(pool_tokens(train_tokens)), fold(pool_tokens(test_tokens)), data, epochs)


def vqa_baselines(data: EasyVQA, seed: int = 0, epochs: int = EPOCHS) -> dict:
    """Answer without images: "majority" gives the train questions' commonest answer, "blind" is the same head on zeros."""
    commonest = Counter(data.train.answers).most_common(1)[0][0]
    majority = sum(a == commonest for a in data.test.answers) / len(data.test.answers)
    nothing = [torch.zeros(len(split.images), 1, 1) for split in (data.train, data.test)]
    return {"majority": majority, "blind": vqa_accuracy(*nothing, data, seed, epochs)["accuracy"]}


def _train_and_answer(train_tokens: Tensor, test_tokens: Tensor, data: EasyVQA, epochs: int) -> dict:
    vocabulary = sorted({w for words in data.train.words for w in words})
    words, test_words = (_bag(split, vocabulary) for split in (data.train, data.test))
    targets, wanted = (torch.tensor([data.answers.index(a) for a in s.answers]) for s in (data.train, data.test))
    mean, deviation = _column_statistics(train_tokens)
    see = lambda tokens: (tokens.float() - mean) / deviation
    head = Head(len(vocabulary), train_tokens.shape[-1], len(data.answers))
    optimiser = torch.optim.AdamW(head.parameters(), lr=RATE, weight_decay=0.01)
    count = len(train_tokens)
    steps = epochs * math.ceil(count / IMAGES)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, RATE, total_steps=steps, pct_start=0.1)
    first = torch.searchsorted(data.train.image_of, torch.arange(count + 1))  # questions lie in the images' order
    for _ in range(epochs):
        for images in torch.randperm(count).split(IMAGES):
            questions = torch.cat([torch.arange(int(first[i]), int(first[i + 1])) for i in images])
            row = torch.repeat_interleave(torch.arange(len(images)), first[images + 1] - first[images])
            loss = F.cross_entropy(head(words[questions], see(train_tokens[images]), row), targets[questions])
            optimiser.zero_grad(set_to_none=True)
            loss.backward()
            optimiser.step()
            schedule.step()
    right = _answer(head, test_words, see, test_tokens, data.test.image_of) == wanted
    yes_no = torch.tensor([a in ("yes", "no") for a in data.test.answers])
    share = lambda of: right[of].double().mean().item() if of.any() else math.nan
    return {"accuracy": right.double().mean().item(), "yes_no": share(yes_no), "other": share(~yes_no)}


@torch.no_grad()
def _answer(head: Head, words: Tensor, see, tokens: Tensor, image_of: Tensor) -> Tensor:
    logits = []
    for questions in torch.arange(len(words)).split(512):
        images, row = image_of[questions].unique(return_inverse=True)
        logits.append(head(words[questions], see(tokens[images]), row))
    return torch.cat(logits).argmax(-1)


def _bag(split: Split, vocabulary: list[str]) -> Tensor:
    """Return [questions, vocabulary] of 0 and 1, without words that training never saw."""
    number = {word: i for i, word in enumerate(vocabulary)}
    seen = [(row, number[word]) for row, words in enumerate(split.words) for word in words if word in number]
    bag = torch.zeros(len(split.words), len(vocabulary))
    bag[tuple(torch.tensor(seen).T)] = 1
    return bag


def _column_statistics(tokens: Tensor) -> tuple[Tensor, Tensor]:
    """Return mean and deviation [d] over all tokens [n, t, d]. Going image by image, half precision needs no copy."""
    total, squares, count = 0.0, 0.0, tokens.shape[0] * tokens.shape[1]
    for part in tokens.split(64):
        rows = part.double().flatten(0, 1)
        total, squares = total + rows.sum(0), squares + rows.square().sum(0)
    mean = total / count
    deviation = (squares / count - mean.square()).clamp_min(0).sqrt()
    deviation[deviation < 1e-6] = 1
    return mean.float(), deviation.float()
