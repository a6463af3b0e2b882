"""CIDEr-D (Vedantam et al. 2015) as pycocoevalcap's cider/cider_scorer.py computes "CIDEr": n-grams of one to
four words, weighted by how few images have them, clipped, with a Gaussian on the difference in length."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence

LONGEST = 4
SIGMA = 6.0

Words = Sequence[str]


class CiderD:
    """Scores captions. `images`: the references of each image, in words; they say how rare an n-gram is."""

    def __init__(self, images: Sequence[Sequence[Words]]):
        self.images_with = Counter(gram for references in images for gram in {g for r in references for g in _grams(r)})
        self.log_images = math.log(max(1, len(images)))

    def score(self, caption: Words, references: Sequence[Words]) -> float:
        """Return 10 times the mean over the references: 0 to 10."""
        own = self._weights(caption)
        return 10 * sum(self._alike(own, self._weights(r)) for r in references) / len(references)

    def _weights(self, words: Words) -> tuple[list[dict[Words, float]], list[float], int]:
        vectors: list[dict[Words, float]] = [{} for _ in range(LONGEST)]
        counts = _grams(words)
        for gram, often in counts.items():
            vectors[len(gram) - 1][gram] = often * (self.log_images - math.log(max(1.0, self.images_with[gram])))
        # pycocoevalcap takes the number of pairs of words as the length.
        pairs = sum(often for gram, often in counts.items() if len(gram) == 2)
        return vectors, [math.sqrt(sum(w * w for w in v.values())) for v in vectors], pairs

    def _alike(self, own: tuple, other: tuple) -> float:
        (vectors, norms, length), (other_vectors, other_norms, other_length) = own, other
        total = 0.0
        for n in range(LONGEST):
            shared = sum(min(w, other_vectors[n].get(g, 0.0)) * other_vectors[n].get(g, 0.0) for g, w in vectors[n].items())
            if norms[n] and other_norms[n]:
                shared /= norms[n] * other_norms[n]
            total += shared
        return total / LONGEST * math.exp(-((length - other_length) ** 2) / (2 * SIGMA**2))


def _grams(words: Words) -> Counter[tuple[str, ...]]:
    return Counter(tuple(words[i : i + n]) for n in range(1, LONGEST + 1) for i in range(len(words) - n + 1))
