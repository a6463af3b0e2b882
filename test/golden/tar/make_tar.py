"""A tiny random Qwen2 with Tar's tokens, and what transformers makes of a picture's ids and a question, as Tar's i2t_inference.py asks,
and of words that a picture is to be drawn of, as its t2i_inference.py asks.

    pip install torch transformers tokenizers safetensors
    python make_tar.py

Made with torch 2.13, transformers 5.18. The ids are those of the pictures of ../ta-tok (csuhan/Tar's own code); tokens, prompt and
template are those of csuhan/Tar at 47da8e1 (i2t_inference.py, t2i_inference.py, llava/model/llava_arch.py). Of a picture the likeliest
ids are taken, of those alone that are image tokens: the original draws of all tokens, and puts 0 in the place of what is missing. Numbers are F32, and no token of an answer is
nearer than NEAR_TIE logits to the next: the first seed of which that holds is taken.
"""

import json
from pathlib import Path

import torch
import transformers
from safetensors.torch import load_file
from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers, trainers

HERE = Path(__file__).parent
TEXT = ["Describe the image shortly. You are a helpful assistant.", "What is in the image?"] * 4
TEMPLATE = "{% for m in messages %}<|im_start|>{{ m.role }}\n{{ m.content }}<|im_end|>\n{% endfor %}{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
CODES, LENGTH, NEAR_TIE, QUESTION = 64, 12, 0.005, "Describe the image shortly."
# llama.cpp's context of a generator has its KV cache in F16: the first two of these without a nearer tie are taken.
WORDS = [f"A photo of {n} {what}." for what in ("macaws", "red cubes,\nand a blue sphere", "cats") for n in range(1, 100)]
PICTURE_TIE = 0.04


def tokenizer():
    t = Tokenizer(models.BPE())
    t.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    t.decoder = decoders.ByteLevel()
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    t.train_from_iterator(TEXT, trainers.BpeTrainer(vocab_size=280, initial_alphabet=alphabet, special_tokens=[]))
    special = ["<|endoftext|>", "<|im_start|>", "<|im_end|>", "<im_start>", "<im_end>"]
    t.add_special_tokens([AddedToken(x, special=True, normalized=False) for x in special])
    # As `add_tokens(..., special_tokens=False)` of Tar's trainer.
    for names in (["<S0>", "<S1>", "<S2>"], [f"<I{i}>" for i in range(CODES)]):
        t.add_tokens([AddedToken(x, special=False) for x in names])
    own = transformers.PreTrainedTokenizerFast(tokenizer_object=t, eos_token="<|im_end|>", pad_token="<|endoftext|>")
    own.chat_template = TEMPLATE
    return own


def random_model(config, seed):
    torch.manual_seed(seed)
    model = transformers.Qwen2ForCausalLM(config).eval()
    for key, p in sorted(model.named_parameters()):
        strong = p.ndim > 1 and "embed" not in key
        p.copy_(torch.randn(p.shape) * (0.4 if strong else 0.1) + (1 if p.ndim == 1 and "norm" in key else 0))
    return model.to(torch.bfloat16)


def answer(model, prompt):
    """The likeliest tokens; None where one has a near tie."""
    found = []
    for _ in range(LENGTH):
        logits = model(torch.tensor([prompt + found])).logits[0, -1]
        (first, second), (token, _) = (x.tolist() for x in logits.topk(2))
        if first - second <= NEAR_TIE:
            return None
        found.append(token)
    return found


def drawn(model, prompt, count, first):
    """The likeliest image tokens' ids; None where one has a near tie."""
    found = []
    for _ in range(count):
        logits = model(torch.tensor([prompt + [first + x for x in found]])).logits[0, -1, first : first + CODES]
        (one, two), (token, _) = (x.tolist() for x in logits.topk(2))
        if one - two <= PICTURE_TIE:
            return None
        found.append(token)
    return found


def picture_prompt(t, words, scale):
    messages = [{"role": "system", "content": "You are a helpful assistant."}, {"role": "user", "content": words}]
    text = t.apply_chat_template(messages, tokenize=False, add_generation_prompt=True)
    return t(text + f"<im_start><S{scale}>")["input_ids"]


@torch.no_grad()
def main():
    t = tokenizer()
    config = transformers.Qwen2Config(
        vocab_size=len(t), hidden_size=32, intermediate_size=48, num_hidden_layers=2, num_attention_heads=4, num_key_value_heads=2,
        max_position_embeddings=512, bos_token_id=None, eos_token_id=t.convert_tokens_to_ids("<|im_end|>"),
    )  # fmt: skip
    seen = load_file(HERE / "../ta-tok/expected.safetensors")
    prompts = []
    for ids in seen["2.ids"].tolist():
        image_text = "".join(f"<I{x}>" for x in ids)
        messages = [
            {"role": "system", "content": "You are a helpful assistant."},
            {"role": "user", "content": f"{image_text}\n{QUESTION}"},
        ]
        text = t.apply_chat_template(messages, tokenize=False, add_generation_prompt=True)
        prompts.append(t(text)["input_ids"])
    for seed in range(1000):
        model = random_model(config, seed).float()
        answers = [answer(model, prompt) for prompt in prompts]
        if None not in answers:
            break
    print("seed", seed, answers)
    random_model(config, seed).save_pretrained(HERE / "qwen2")
    t.save_pretrained(HERE / "qwen2")
    pairs = [{"prompt": prompt, "answer": found} for prompt, found in zip(prompts, answers)]
    (HERE / "answers.json").write_text(json.dumps(pairs) + "\n")
    first, fields = t.convert_tokens_to_ids("<I0>"), []
    for scale, count in ((1, 16), (2, 4)):
        own = []
        for words in WORDS:
            prompt = picture_prompt(t, words, scale)
            ids = drawn(model, prompt, count, first)
            own += [{"words": words, "scale": scale, "prompt": prompt, "ids": ids}] if ids else []
            if len(own) == 2:
                break
        fields += own
    print([(one["words"], one["ids"]) for one in fields])
    (HERE / "pictures.json").write_text(json.dumps(fields) + "\n")


main()
