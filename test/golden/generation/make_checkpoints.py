"""Language models with tokens that transformers added: `pip install torch==2.13.0 transformers==5.18.0; python make_checkpoints.py`.

For each case a small Qwen3 of random weights in `<case>/`, and what transformers makes of its tokenizer and its sizes when
<|boi|>, <|eoi|> and 24 visual tokens are added, in `<case>-expected.json`. "tied" has one weights file and rows to spare,
"sharded" has five shards, F16 and an output layer of its own.
"""

import json
import shutil
import tempfile
from pathlib import Path

import torch
from tokenizers import Tokenizer, decoders, models, pre_tokenizers
from transformers import PreTrainedTokenizerFast, Qwen3Config, Qwen3ForCausalLM

HERE = Path(__file__).parent
NAMES = ["<|boi|>", "<|eoi|>", *(f"<|visual_{i}|>" for i in range(24))]


def tokenizer() -> PreTrainedTokenizerFast:
    words = ["<unk>", "a", "red", "blue", "circle", "square", "on", "grey"]
    inner = Tokenizer(models.WordLevel({word: i for i, word in enumerate(words)}, unk_token="<unk>"))
    inner.pre_tokenizer = pre_tokenizers.Whitespace()
    inner.decoder = decoders.WordPiece()
    return PreTrainedTokenizerFast(tokenizer_object=inner, unk_token="<unk>", eos_token="<|im_end|>", pad_token="<|endoftext|>")


CASES = {
    "tied": ({"tie_word_embeddings": True, "vocab_size": 16}, torch.float32, "1GB"),
    "sharded": ({"tie_word_embeddings": False, "vocab_size": 10}, torch.float16, "2KB"),
}
for case, (fields, dtype, shard) in CASES.items():
    torch.manual_seed(5)
    config = Qwen3Config(
        hidden_size=16,
        intermediate_size=24,
        num_hidden_layers=2,
        num_attention_heads=2,
        num_key_value_heads=1,
        head_dim=8,
        max_position_embeddings=64,
        **fields,
    )
    model = Qwen3ForCausalLM(config).to(dtype)
    words = tokenizer()
    folder = HERE / case
    shutil.rmtree(folder, ignore_errors=True)
    model.save_pretrained(folder, max_shard_size=shard)
    words.save_pretrained(folder)

    tokens = len(words)
    words.add_special_tokens({"additional_special_tokens": NAMES})
    with tempfile.TemporaryDirectory() as saved:
        words.save_pretrained(saved)
        added = json.loads((Path(saved) / "tokenizer.json").read_text())["added_tokens"]
    embeddings = model.get_input_embeddings().weight[:tokens].double()
    expected = {
        "tokens": tokens,
        "added_tokens": added,
        "mean": embeddings.mean(0).tolist(),
    }
    (HERE / f"{case}-expected.json").write_text(json.dumps(expected) + "\n")
