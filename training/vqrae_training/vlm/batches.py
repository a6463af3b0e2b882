"""Pack all conversations about a picture into one sequence:

    <|im_start|>user\n<|vision_start|> picture <|vision_end|> | question <|im_end|> ... answer <|im_end|> | question ...

A conversation sees the picture and itself alone, at the positions that it has when it is the only one. The loss is on the answers
with their <|im_end|>. One pass over a picture's tokens serves all its questions.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from tokenizers import Tokenizer
from torch import Tensor

from ..language.tokenizer import END, IMAGE_END, IMAGE_PAD, IMAGE_START, START
from .questions import Turn

SHARED, PADDING = -1, -2  # in place of a conversation's number


@dataclass(frozen=True)
class Picture:
    """A picture and its conversations. features: float16 [tiles, t, d], or text that stands in for the image."""

    seen: Tensor | str
    conversations: Sequence[Sequence[Turn]]


@dataclass(frozen=True)
class Batch:
    ids: Tensor  # int64 [n, length]
    features: Tensor | None  # float16 [tiles of all, t, d]
    image_at: Tensor  # bool [n, length]
    mask: Tensor  # bool [n, 1, length, length]: who sees whom
    positions: Tensor  # int64 [n, length]
    answered: Tensor  # bool [n, length]: places whose next token is part of an answer
    targets: Tensor  # int64 [answer tokens]
    turn_of: Tensor  # int64 [answer tokens]: turns are numbered through the batch
    turns: int

    def to(self, device: torch.device) -> Batch:
        return Batch(**{name: part.to(device) if isinstance(part, Tensor) else part for name, part in vars(self).items()})


def make_batch(pictures: Sequence[Picture], tokenizer: Tokenizer) -> Batch:
    """Pack each picture with its conversations into a sequence, and pad the sequences to one length."""
    rows = [_pack(picture, tokenizer) for picture in pictures]
    length = max(len(row) for row in rows)
    columns = []
    for field, empty in (("id", 0), ("image", False), ("conversation", PADDING), ("position", 0), ("target", -1), ("turn", -1)):
        columns.append(torch.tensor([[getattr(t, field) for t in row] + [empty] * (length - len(row)) for row in rows]))
    ids, image_at, conversation, positions, targets, turns = columns
    same = conversation[:, :, None] == conversation[:, None, :]
    mask = (same | (conversation == SHARED)[:, None, :]).tril()[:, None]
    answered = targets >= 0
    turn_of = turns[answered]
    first = torch.tensor([0, *(int(row.max()) + 1 for row in turns)]).cumsum(0)[:-1]
    turn_of = (turns + first[:, None])[answered]
    features = [p.seen for p in pictures if not isinstance(p.seen, str)]
    return Batch(
        ids=ids,
        features=torch.cat(features) if features else None,
        image_at=image_at,
        mask=mask,
        positions=positions,
        answered=answered,
        targets=targets[answered],
        turn_of=turn_of,
        turns=int(first[-1] + turns[-1].max() + 1),
    )


def image_ids(seen: Tensor | str, tokenizer: Tokenizer) -> list[int]:
    """Return what stands between the marks of an image: a place for each embedding, or the text that stands in for the image."""
    if isinstance(seen, str):
        return tokenizer.encode(seen).ids
    tiles, tokens, _ = seen.shape
    return [tokenizer.token_to_id(IMAGE_PAD)] * (tiles * tokens // 4)


def before_image(tokenizer: Tokenizer) -> list[int]:
    return tokenizer.encode(f"{START}user\n{IMAGE_START}").ids


def after_image(tokenizer: Tokenizer) -> list[int]:
    return tokenizer.encode(IMAGE_END).ids


def question_ids(question: str, tokenizer: Tokenizer, follows: bool = False) -> list[int]:
    """Return a question's ids up to where its answer begins. follows: it comes after an answer, not after the image."""
    return tokenizer.encode(f"{f'{chr(10)}{START}user{chr(10)}' if follows else ''}{question}{END}\n{START}assistant\n").ids


@dataclass
class _Token:
    id: int
    image: bool
    conversation: int
    position: int
    turn: int
    target: int = -1  # the next token, where it is part of an answer


def _pack(picture: Picture, tokenizer: Tokenizer) -> list[_Token]:
    is_image = not isinstance(picture.seen, str)
    shared = [(i, False) for i in before_image(tokenizer)] + [(i, is_image) for i in image_ids(picture.seen, tokenizer)]
    shared += [(i, False) for i in after_image(tokenizer)]
    packed = [_Token(i, image, SHARED, position, -1) for position, (i, image) in enumerate(shared)]
    turn = 0
    for number, conversation in enumerate(picture.conversations):
        position = len(shared)
        for k, (question, answer) in enumerate(conversation):
            asked = question_ids(question, tokenizer, follows=k > 0)
            said = tokenizer.encode(f"{answer}{END}").ids
            # The last token before the answer predicts its first one. <|im_end|> predicts nothing.
            targets = [-1] * (len(asked) - 1) + said + [-1]
            for i, target in zip(asked + said, targets, strict=True):
                packed.append(_Token(i, False, number, position, turn if target >= 0 else -1, target))
                position += 1
            turn += 1
    return packed
