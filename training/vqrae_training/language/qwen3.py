"""The small language model: transformers' own Qwen3, every size in plain sight."""

from __future__ import annotations

from dataclasses import dataclass

from transformers import Qwen3Config, Qwen3ForCausalLM


@dataclass(frozen=True)
class LanguageSection:
    """Qwen3's sizes. The output shares the embeddings' weights, and the attention is PyTorch's fused one."""

    hidden_size: int = 192
    intermediate_size: int = 512
    layers: int = 4
    heads: int = 3
    kv_heads: int = 1
    head_dim: int = 64
    context: int = 4096  # positions that the model file promises
    rope_theta: float = 10000.0
    rms_norm_eps: float = 1e-6
    vocabulary: int = 1024  # entries of the tokenizer, special ones included; it may come out smaller


def build_language_model(section: LanguageSection, vocabulary: int) -> Qwen3ForCausalLM:
    """Build the model with random weights, float32, in training mode. vocabulary: the tokenizer's true size."""
    config = Qwen3Config(
        vocab_size=vocabulary,
        hidden_size=section.hidden_size,
        intermediate_size=section.intermediate_size,
        num_hidden_layers=section.layers,
        num_attention_heads=section.heads,
        num_key_value_heads=section.kv_heads,
        head_dim=section.head_dim,
        max_position_embeddings=section.context,
        rope_parameters={"rope_type": "default", "rope_theta": section.rope_theta},
        rms_norm_eps=section.rms_norm_eps,
        tie_word_embeddings=True,
        use_cache=False,
        attn_implementation="sdpa",
    )
    return Qwen3ForCausalLM(config).train()
