"""Tiny random models, and the SHA-256 of what llama.cpp's own converter makes of them.

    LLAMA_CPP=<llama.cpp v0.5.0> python make_models.py

transformers 5.18, torch 2.13, tokenizers, sentencepiece, gguf and conversion/ of llama.cpp v0.5.0. The tiny byte-level tokenizers'
hashes are of nobody's pre-tokenizer: it is named "qwen2" by hand, as the option preTokenizer does. answers.json has a prompt of
each model and what transformers answers in F32; no token of an answer is nearer than NEAR_TIE logits to the next.
"""
import hashlib, io, json, os, sys, tempfile
from pathlib import Path
import sentencepiece, torch, transformers as tf
from safetensors.torch import load_file, save_file
from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers, processors, trainers

HERE = Path(__file__).parent
LLAMA_CPP = os.environ["LLAMA_CPP"]
TEXT = ["the quick brown fox jumps over the lazy dog. a photo of a cat.", "What is in the image?"] * 4
TEMPLATE = "{% for m in messages %}<|im_start|>{{ m.role }}\n{{ m.content }}<|im_end|>\n{% endfor %}{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"


def tokenizer(bos):
    t = Tokenizer(models.BPE())
    t.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    t.decoder = decoders.ByteLevel()
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    t.train_from_iterator(TEXT, trainers.BpeTrainer(vocab_size=264, initial_alphabet=alphabet, special_tokens=[]))
    t.add_special_tokens([AddedToken(x, special=True, normalized=False) for x in ["<|endoftext|>", "<|im_start|>", "<|im_end|>"]])
    t.add_tokens([AddedToken("<tool_call>", special=False, normalized=False)])
    if bos:
        t.post_processor = processors.TemplateProcessing(single="<|im_start|> $A", special_tokens=[("<|im_start|>", 265)])
    names = dict(bos_token="<|im_start|>") if bos else {}
    return tf.PreTrainedTokenizerFast(tokenizer_object=t, eos_token="<|im_end|>", pad_token="<|endoftext|>", **names)


def pieces(folder, gemma):
    """tokenizer.model, and what stands beside it: Gemma's tokenizer.json and tokens in their places, or Vicuna's old files."""
    model = io.BytesIO()
    special = dict(pad_id=0, eos_id=1, bos_id=2, unk_id=3) if gemma else dict(unk_id=0, bos_id=1, eos_id=2)
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter(TEXT), model_writer=model, vocab_size=310, model_type="bpe", byte_fallback=True, num_threads=1, normalization_rule_name="identity", add_dummy_prefix=not gemma, remove_extra_whitespaces=False,
        user_defined_symbols=["<mask>", "<unused0>", "▁▁"] if gemma else [], minloglevel=2, hard_vocab_limit=False, **special)
    (folder / "tokenizer.model").write_bytes(model.getvalue())
    spm = sentencepiece.SentencePieceProcessor(model_proto=model.getvalue())
    at = spm.vocab_size()
    token = lambda content, **more: dict(content=content, lstrip=False, normalized=False, rstrip=False, single_word=False, **more)
    if not gemma:
        (folder / "added_tokens.json").write_text(json.dumps({"<tool>": at, "<far>": 100_000}))
        names = {f"{k}_token": dict(__type="AddedToken", **token(v)) for k, v in dict(bos="<s>", eos="</s>", unk="<unk>").items()}
        settings = dict(add_bos_token=True, add_eos_token=False, add_prefix_space=True, **names, chat_template=TEMPLATE)
    else:
        names = dict(bos_token="<bos>", eos_token="<eos>", pad_token="<pad>", unk_token="<unk>")
        ids = {"0": "<pad>", "1": "<eos>", "2": "<bos>", "3": "<unk>", str(at): "<end_of_turn>", str(at + 1): "▁two▁words"}
        decoder = {i: token(c, special=c[0] == "<") for i, c in ids.items()}
        settings = dict(add_bos_token=True, **names, added_tokens_decoder=decoder)
        part = lambda kind, name: {kind: dict(id=name, type_id=0)}
        a, b, bos = part("Sequence", "A"), part("Sequence", "B"), part("SpecialToken", "<bos>")
        processor = dict(type="TemplateProcessing", single=[bos, a], pair=[bos, a, bos, b], special_tokens={})
        added = [dict(id=int(i), **t) for i, t in decoder.items()]
        (folder / "tokenizer.json").write_text(json.dumps(dict(added_tokens=added, post_processor=processor, model={})))
        (folder / "chat_template.jinja").write_text(TEMPLATE)
    (folder / "tokenizer_config.json").write_text(json.dumps(settings, indent=2) + "\n")


B = dict(vocab_size=272, hidden_size=32, intermediate_size=48, num_hidden_layers=1, num_attention_heads=4, num_key_value_heads=2, max_position_embeddings=512, bos_token_id=265, eos_token_id=266)
S = dict(B, vocab_size=320, bos_token_id=1, eos_token_id=2)
G = dict(S, num_hidden_layers=6, num_attention_heads=2, num_key_value_heads=1, head_dim=16, query_pre_attn_scalar=16, sliding_window=8, bos_token_id=2, eos_token_id=1)
L = dict(B, num_hidden_layers=3, layer_types=["conv", "full_attention", "conv"], block_multiple_of=16)
E = dict(B, num_hidden_layers=2, head_dim=16, num_experts=4, num_experts_per_tok=2, moe_intermediate_size=64, norm_topk_prob=True)
V = dict(hidden_size=16, intermediate_size=16, num_hidden_layers=1, num_attention_heads=2)
QV = dict(hidden_size=16, out_hidden_size=32, intermediate_size=16, depth=1, num_heads=2)
DV = dict(**QV, deepstack_visual_indexes=[0], num_position_embeddings=16)
PV = tf.PixtralVisionConfig(**V, image_size=16, patch_size=8)
LLAMA3 = {"rope_type": "llama3", "rope_theta": 500000.0, "factor": 8.0, "low_freq_factor": 1.0, "high_freq_factor": 4.0, "original_max_position_embeddings": 256}
M = {"rope_type": "default", "rope_theta": 1e6}
MROPE = {**M, "mrope_section": [4, 2, 2]}
YARN = {"rope_type": "yarn", "rope_theta": 1e6, "factor": 16.0, "original_max_position_embeddings": 32, "beta_fast": 32.0, "beta_slow": 1.0, "mscale": 1.0, "mscale_all_dim": 1.0, "llama_4_scaling_beta": 0.1}
F16, BF16, F32 = torch.float16, torch.bfloat16, torch.float32
# The model, its tokenizer ("bytes", with BOS "bytes+", "vicuna", "gemma"), the dtype of its weights.
CASES = {
    "llama-3-tiny-instruct": (lambda: tf.LlamaForCausalLM(tf.LlamaConfig(**B, rope_parameters=LLAMA3)), "bytes+", F16),
    "qwen2-tiny": (lambda: tf.Qwen2ForCausalLM(tf.Qwen2Config(**B)), "bytes", BF16),
    "Qwen3-0.1B-Instruct": (lambda: tf.Qwen3ForCausalLM(tf.Qwen3Config(**B, head_dim=16, tie_word_embeddings=True)), "bytes", F32),
    "qwen2_5_vl": (lambda: tf.Qwen2_5_VLForConditionalGeneration(tf.Qwen2_5_VLConfig(text_config=dict(**B, rope_parameters={**M, "mrope_section": [2, 1, 1]}), vision_config=QV)), "bytes", BF16),
    "qwen3_vl": (lambda: tf.Qwen3VLForConditionalGeneration(tf.Qwen3VLConfig(text_config=dict(**{**B, "num_hidden_layers": 2}, head_dim=16, rope_parameters=MROPE), vision_config=DV)), "bytes", BF16),
    "llava": (lambda: tf.LlavaForConditionalGeneration(tf.LlavaConfig(text_config=tf.LlamaConfig(**B), vision_config=tf.CLIPVisionConfig(**V, image_size=16, patch_size=8))), "bytes+", F16),
    "smolvlm": (lambda: tf.SmolVLMForConditionalGeneration(tf.SmolVLMConfig(text_config=tf.LlamaConfig(**B), vision_config=dict(**V, image_size=16, patch_size=8), scale_factor=2)), "bytes", BF16),
    "gemma-3-tiny-it": (lambda: tf.Gemma3ForCausalLM(tf.Gemma3TextConfig(**G)), "gemma", BF16),
    "gemma3": (lambda: tf.Gemma3ForConditionalGeneration(tf.Gemma3Config(text_config=dict(**G, rope_scaling={"rope_type": "linear", "factor": 8.0}), vision_config=dict(**V, image_size=16, patch_size=8), mm_tokens_per_image=1)), "gemma", F16),
    "vicuna-tiny-v1.5": (lambda: tf.LlamaForCausalLM(tf.LlamaConfig(**S)), "vicuna", F16),
    "mistral-tiny": (lambda: tf.MistralForCausalLM(tf.MistralConfig(**S, sliding_window=None)), "vicuna", BF16),
    "pixtral": (lambda: tf.LlavaForConditionalGeneration(tf.LlavaConfig(text_config=tf.MistralConfig(**B, head_dim=16), vision_config=PV)), "bytes+", BF16),
    "mistral3": (lambda: tf.Mistral3ForConditionalGeneration(tf.Mistral3Config(text_config=tf.MistralConfig(**B, head_dim=16, sliding_window=None), vision_config=PV)), "bytes+", BF16),
    "ministral3": (lambda: tf.Mistral3ForConditionalGeneration(tf.Mistral3Config(text_config=tf.Ministral3Config(**B, head_dim=16, rope_parameters=YARN), vision_config=PV)), "bytes+", BF16),
    "lfm2-tiny": (lambda: tf.Lfm2ForCausalLM(tf.Lfm2Config(**L)), "bytes+", BF16),
    "lfm2_vl": (lambda: tf.Lfm2VlForConditionalGeneration(tf.Lfm2VlConfig(text_config=tf.Lfm2Config(**{**L, "block_auto_adjust_ff_dim": False}), vision_config=dict(**V, num_patches=16, patch_size=8), projector_hidden_size=16)), "bytes+", F16),
    "qwen3-moe": (lambda: tf.Qwen3MoeForCausalLM(tf.Qwen3MoeConfig(**E)), "bytes", BF16),
    "qwen3_vl_moe": (lambda: tf.Qwen3VLMoeForConditionalGeneration(tf.Qwen3VLMoeConfig(text_config=dict(**E, rope_parameters=MROPE), vision_config=DV)), "bytes", BF16),
}
LENGTH, NEAR_TIE = 12, 0.005
CARDS = {
    "Qwen3-0.1B-Instruct": """---
library_name: transformers
license: apache-2.0
license_link: https://huggingface.co/Qwen/Qwen3-0.6B/blob/main/LICENSE
pipeline_tag: text-generation
base_model:
- Qwen/Qwen3-0.6B-Base
---

# Qwen3-0.1B
license: other
""",
    "mistral-tiny": """---
# a comment
language: [en, "fr", 'nb']   # the last is Norwegian
license: other
license_name: 'it''s mine'
tags:
  - vision   # seen
  - "a: b"
  - c
base_model:
  - https://huggingface.co/mistralai/Mistral-7B-v0.3
  - https://example.com/other
  - mistralai/Mistral-7B-Instruct-v0.2
  - alone
datasets:
- org/data-set-v2
model_creator: Someone Else
model_name: Mistral of Mine
description: "Says \\"yes\\" and no more"
widget:
  - text: hello
    example_title: x
extra_gated_prompt: >-
  two
  lines
inference: false
model-index:
- name: a
  results: []
---
""",
    "llama-3-tiny-instruct": """---
license:
- mit
- apache-2.0
language:
- no
- en
model_type: llama
---
""",
}
SAID = "What is in the image? A quick cat, naïve 猫 🚀\nand a dog."


def make():
    answers = {}
    for seed, (name, (model, kind, dtype)) in enumerate(CASES.items()):
        torch.manual_seed(seed)
        m = model().eval()
        shifted = "gemma" in name
        with torch.no_grad():
            for key, p in sorted(m.named_parameters()):
                norm = p.ndim == 1 and not (shifted and "vision" not in key)
                strong = p.ndim > 1 and "embed" not in key  # an answer is more than the last token again
                p.copy_(torch.randn(p.shape) * (0.4 if strong else 0.1) + (1 if norm else 0))
        folder = HERE / name
        m.to(dtype).save_pretrained(folder, max_shard_size="20KB" if name == "mistral-tiny" else "1GB")
        if kind in ("gemma", "vicuna"):
            pieces(folder, kind == "gemma")
        else:
            t = tokenizer(kind == "bytes+")
            t.chat_template = TEMPLATE
            t.save_pretrained(folder)
        if name == "qwen3_vl_moe":  # experts as the hub's own files have them: [experts, in, out]
            tensors = load_file(folder / "model.safetensors")
            turned = {k: v.transpose(1, 2).contiguous() if ".experts." in k else v for k, v in tensors.items()}
            save_file(turned, folder / "model.safetensors", metadata={"format": "pt"})
        config = json.loads((folder / "config.json").read_text())
        inner = {"smolvlm": "VLlama3ForCausalLM", "lfm2_vl": "Lfm2ForCausalLM"}.get(name)
        if inner:  # as the hub's own config has it
            config["text_config"]["architectures"] = [inner]
        if name == "gemma3":  # the same, which leaves to transformers what is its default
            text = config["text_config"]
            own = {k: v for k, v in text.items() if k in G or k == "model_type"}
            config["text_config"] = {**own, "rope_scaling": {"rope_type": "linear", "factor": 8.0}}
        (folder / "config.json").write_text(json.dumps(config, indent=2) + "\n")
        if name in CARDS:
            (folder / "README.md").write_text(CARDS[name])
        answers[name] = answer(m.float(), seed)
        if kind in ("gemma", "vicuna"):
            spm = sentencepiece.SentencePieceProcessor(model_file=str(folder / "tokenizer.model"))
            answers[name].update(text=SAID, ids=spm.encode(SAID))
        print(name, answers[name], flush=True)
    (HERE / "answers.json").write_text(json.dumps(answers, indent=1).replace("\n   ", "").replace("\n  ]", "]") + "\n")


def answer(model, seed):
    """A prompt whose answer has no tie, and the answer."""
    g = torch.Generator().manual_seed(seed)
    for _ in range(200):
        ids = torch.randint(4, 260, (1, 24), generator=g)
        out = model.generate(input_ids=ids, attention_mask=torch.ones_like(ids), max_new_tokens=LENGTH, do_sample=False, eos_token_id=None, pad_token_id=0, output_logits=True, return_dict_in_generate=True)
        top = torch.stack(out.logits).topk(2).values
        if len(set(out.sequences[0, 24:].tolist())) > 3 and (top[..., 0] - top[..., 1]).min() > NEAR_TIE:
            return dict(prompt=ids[0].tolist(), answer=out.sequences[0, 24:].tolist())
    raise RuntimeError("ties everywhere")


def convert():
    sys.path[:0] = [LLAMA_CPP, LLAMA_CPP + "/gguf-py"]
    import conversion.base as base

    base.TextModel.get_vocab_base_pre = lambda self, tokenizer: "qwen2"
    script = LLAMA_CPP + "/convert_hf_to_gguf.py"
    source = compile(Path(script).read_text(), script, "exec")
    expected = {}
    with tempfile.TemporaryDirectory() as out:
        for name in CASES:
            expected[name] = {}
            for dtype in ["f32", "f16", "bf16", "q8_0", "auto"]:
                sys.argv = [script, str(HERE / name), "--outfile", f"{out}/x.gguf", "--outtype", dtype]
                exec(source, {"__name__": "__main__", "__file__": script})
                expected[name][dtype] = hashlib.sha256(Path(f"{out}/x.gguf").read_bytes()).hexdigest()
    (HERE / "expected.json").write_text(json.dumps(expected, indent=2) + "\n")


make()
convert()
