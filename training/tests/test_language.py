from __future__ import annotations

import gguf
import pytest
import torch
from transformers import AutoConfig, AutoModelForCausalLM, AutoTokenizer

from vqrae_training.errors import UserError
from vqrae_training.language.gguf_file import read_gguf, write_gguf
from vqrae_training.language.muon import orthogonal
from vqrae_training.language.qwen3 import LanguageSection, build_language_model
from vqrae_training.language.tokenizer import CHAT_TEMPLATE, CHAT_TOKENS, END, PAD, START, train_tokenizer

TEXTS = ["what shape is in the image?", "a yellow triangle", "There is a tower with 12 blocks."] * 3
SMALL = LanguageSection(hidden_size=64, intermediate_size=96, layers=2, heads=3, kv_heads=1, head_dim=32, context=512)
UNSEEN = f"{START}user\nÜber 345 tiny  cats, isn't it?\n\n{END}\n"


@pytest.fixture
def tokenizer():
    return train_tokenizer(TEXTS, 330, ["<|code_0|>", "<|code_1|>"])


def test_any_text_survives_the_tokenizer_and_special_tokens_come_last(tokenizer):
    ids = tokenizer.encode(UNSEEN).ids
    assert tokenizer.decode(ids, skip_special_tokens=False) == UNSEEN
    size = tokenizer.get_vocab_size()
    assert [tokenizer.id_to_token(i) for i in range(size - 8, size)] == [*CHAT_TOKENS, "<|code_0|>", "<|code_1|>"]
    assert size <= 330
    # Learnt merges: fewer tokens than bytes. Digits stay apart, as Qwen splits them.
    assert len(tokenizer.encode("yellow triangle").ids) < len("yellow triangle") / 2
    assert len(tokenizer.encode("345").ids) == 3


def test_gguf_holds_the_same_model_and_tokenizer(tmp_path, tokenizer):
    torch.manual_seed(0)
    model = build_language_model(SMALL, tokenizer.get_vocab_size()).eval()
    for p in model.parameters():  # what F16 holds exactly, and norms that are not one
        p.data = (torch.randn_like(p) * 0.2).half().float()
    file = tmp_path / "llm.gguf"
    write_gguf(file, model, tokenizer, "small", {"vqrae.tokens": 49, "vqrae.scale": 0.5, "vqrae.on": True, "vqrae.kind": "a"})
    again, read = read_gguf(file)
    ids = tokenizer.encode(UNSEEN).ids
    assert read.encode(UNSEEN).ids == ids
    # transformers' own reading agrees. 5.18 leaves the width of a head in a GGUF file out of the configuration.
    config = AutoConfig.from_pretrained(tmp_path, gguf_file="llm.gguf", head_dim=SMALL.head_dim)
    theirs = AutoModelForCausalLM.from_pretrained(tmp_path, gguf_file="llm.gguf", config=config, dtype=torch.float32)
    assert AutoTokenizer.from_pretrained(tmp_path, gguf_file="llm.gguf")(UNSEEN)["input_ids"] == ids
    with torch.no_grad():
        wanted, got, reference = (m.eval()(torch.tensor([ids])).logits for m in (model, again, theirs))
    assert torch.equal(wanted, got)
    assert torch.equal(wanted, reference)

    fields = gguf.GGUFReader(file).fields
    facts = {k: fields[k].contents() for k in fields if k.startswith(("vqrae.", "qwen3.", "tokenizer.chat"))}
    assert [facts[f"vqrae.{k}"] for k in ("tokens", "scale", "on", "kind")] == [49, 0.5, True, "a"]
    assert [facts[f"qwen3.attention.{k}"] for k in ("head_count", "head_count_kv", "key_length")] == [3, 1, 32]
    assert facts["tokenizer.chat_template"] == CHAT_TEMPLATE
    assert fields["tokenizer.ggml.eos_token_id"].contents() == tokenizer.token_to_id(END)
    assert fields["tokenizer.ggml.padding_token_id"].contents() == tokenizer.token_to_id(PAD)


def test_what_does_not_fit_is_refused(tmp_path, tokenizer):
    model = build_language_model(SMALL, tokenizer.get_vocab_size() + 1)
    with pytest.raises(ValueError, match="the tokenizer's, for the model's vocabulary"):
        write_gguf(tmp_path / "llm.gguf", model, tokenizer, "small")
    with pytest.raises(UserError, match="Expected a GGUF file for the language model"):
        read_gguf(tmp_path / "none.gguf")


@pytest.mark.parametrize("shape", [(24, 60), (60, 24)])
def test_muons_updates_are_nearly_orthogonal(shape):
    torch.manual_seed(0)
    matrix = torch.randn(shape)
    update = orthogonal(matrix)
    u, s, v = torch.linalg.svd(matrix, full_matrices=False)
    assert 0.6 < torch.linalg.svdvals(update).min() and torch.linalg.svdvals(update).max() < 1.3
    # The same directions: only singular values change.
    inside = u.T @ update @ v.T
    assert torch.allclose(inside, torch.diag(inside.diagonal()), atol=1e-4)
