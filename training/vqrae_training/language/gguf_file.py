"""Write model and tokenizer as one GGUF file that llama.cpp runs, and read it back."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path

import gguf
import numpy as np
import torch
from tokenizers import AddedToken, Tokenizer, models
from transformers import Qwen3ForCausalLM

from ..errors import UserError
from .qwen3 import LanguageSection, build_language_model
from .tokenizer import CHAT_TEMPLATE, END, PAD, bpe_tokenizer

ARCHITECTURE = "qwen3"
TIED = "lm_head.weight"  # is the embeddings, which the file holds once


def write_gguf(
    path: str | Path,
    model: Qwen3ForCausalLM,
    tokenizer: Tokenizer,
    name: str,
    extra: Mapping[str, int | float | bool | str] | None = None,
    licence: str = "apache-2.0",
    about: str = "",
) -> None:
    """Write matrices in F16 and norms in F32. extra: further key-value pairs, such as {"vqrae.image_tokens": 49}. licence: an
    SPDX identifier in small letters, or words. about: what the model knows, in a sentence.

    Raises ValueError where the model's vocabulary is not the tokenizer's.
    """
    c, size = model.config, tokenizer.get_vocab_size()
    if c.vocab_size != size:
        raise ValueError(f"Expected {size} entries, the tokenizer's, for the model's vocabulary but received {c.vocab_size}")
    writer = gguf.GGUFWriter(path, ARCHITECTURE)
    writer.add_type(gguf.GGUFType.MODEL)
    writer.add_name(name)
    if " " in licence:
        writer.add_license("other")
        writer.add_license_name(licence)
    else:
        writer.add_license(licence)
    if about:
        writer.add_description(about)
    writer.add_context_length(c.max_position_embeddings)
    writer.add_embedding_length(c.hidden_size)
    writer.add_block_count(c.num_hidden_layers)
    writer.add_feed_forward_length(c.intermediate_size)
    writer.add_head_count(c.num_attention_heads)
    writer.add_head_count_kv(c.num_key_value_heads)
    writer.add_key_length(c.head_dim)
    writer.add_value_length(c.head_dim)
    writer.add_rope_freq_base(c.rope_parameters["rope_theta"])
    writer.add_layer_norm_rms_eps(c.rms_norm_eps)
    writer.add_vocab_size(size)
    writer.add_file_type(gguf.LlamaFileType.MOSTLY_F16)
    _add_tokenizer(writer, tokenizer)
    for key, value in (extra or {}).items():
        kind = _KINDS[type(value)]
        writer.add_key_value(key, value, kind)
    names = _names(c.num_hidden_layers)
    for key, tensor in model.state_dict().items():
        if key == TIED:
            continue
        stored = np.float16 if tensor.ndim == 2 else np.float32
        writer.add_tensor(names(key), tensor.detach().float().cpu().numpy().astype(stored))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def read_gguf(path: str | Path) -> tuple[Qwen3ForCausalLM, Tokenizer]:
    """Read what `write_gguf` wrote, widened to float32. Returns the model and its tokenizer."""
    path = Path(path)
    if not path.is_file():
        raise UserError(f"Expected a GGUF file for the language model but received {path}")
    reader = gguf.GGUFReader(path)
    fields, stored = reader.fields, {tensor.name: tensor.data for tensor in reader.tensors}
    of = lambda key: fields[f"{ARCHITECTURE}.{key}"].contents()
    section = LanguageSection(
        hidden_size=of("embedding_length"),
        intermediate_size=of("feed_forward_length"),
        layers=of("block_count"),
        heads=of("attention.head_count"),
        kv_heads=of("attention.head_count_kv"),
        head_dim=of("attention.key_length"),
        context=of("context_length"),
        rope_theta=of("rope.freq_base"),
        rms_norm_eps=of("attention.layer_norm_rms_epsilon"),
        vocabulary=of("vocab_size"),
    )
    model = build_language_model(section, section.vocabulary)
    names = _names(section.layers)
    weights = {key: torch.from_numpy(stored[names(key)].astype(np.float32)) for key in model.state_dict() if key != TIED}
    model.load_state_dict(weights | {TIED: weights["model.embed_tokens.weight"]})
    return model.eval(), _read_tokenizer(fields)


def copy_weights(read: Qwen3ForCausalLM, model: Qwen3ForCausalLM, path: str | Path) -> None:
    """Put the weights of `read`, which came from `path`, into `model`, to train on from there. Raises UserError where their sizes
    differ."""
    sizes = [key for key in _SIZES if getattr(read.config, key) != getattr(model.config, key)]
    if sizes:
        wanted = ", ".join(f"{key} {getattr(model.config, key)}" for key in sizes)
        received = ", ".join(str(getattr(read.config, key)) for key in sizes)
        raise UserError(f"Expected {wanted} for the language model {path} but received {received}. Set [language] to its sizes")
    model.load_state_dict(read.state_dict())


def _names(layers: int) -> Callable[[str], str]:
    """Map transformers' name of a tensor to GGUF's."""
    names = gguf.get_tensor_name_map(gguf.MODEL_ARCH.QWEN3, layers)
    return lambda key: names.get_name(key, try_suffixes=(".weight",))


def _add_tokenizer(writer: gguf.GGUFWriter, tokenizer: Tokenizer) -> None:
    stored = json.loads(tokenizer.to_str())
    special = {token["content"] for token in stored["added_tokens"]}
    tokens = [tokenizer.id_to_token(i) for i in range(tokenizer.get_vocab_size())]
    kinds = [gguf.TokenType.CONTROL if token in special else gguf.TokenType.NORMAL for token in tokens]
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre("qwen2")
    writer.add_token_list(tokens)
    writer.add_token_types(kinds)
    writer.add_token_merges([" ".join(pair) for pair in stored["model"]["merges"]])
    writer.add_eos_token_id(tokenizer.token_to_id(END))
    writer.add_pad_token_id(tokenizer.token_to_id(PAD))
    writer.add_add_bos_token(False)
    writer.add_chat_template(CHAT_TEMPLATE)


def _read_tokenizer(fields: Mapping[str, gguf.ReaderField]) -> Tokenizer:
    tokens, kinds, merges = (fields[f"tokenizer.ggml.{name}"].contents() for name in ("tokens", "token_type", "merges"))
    special = [token for token, kind in zip(tokens, kinds, strict=True) if kind == gguf.TokenType.CONTROL]
    vocabulary = {token: i for i, token in enumerate(tokens) if token not in set(special)}
    tokenizer = bpe_tokenizer(models.BPE(vocab=vocabulary, merges=[tuple(pair.split(" ")) for pair in merges]))
    tokenizer.add_special_tokens([AddedToken(token, special=True, normalized=False) for token in special])
    return tokenizer


_SIZES = ("hidden_size", "intermediate_size", "num_hidden_layers", "num_attention_heads", "num_key_value_heads", "head_dim")
_SIZES += ("vocab_size",)
_KINDS = {
    bool: gguf.GGUFValueType.BOOL,
    int: gguf.GGUFValueType.UINT32,
    float: gguf.GGUFValueType.FLOAT32,
    str: gguf.GGUFValueType.STRING,
}
