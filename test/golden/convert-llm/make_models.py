"""Tiny random models, and the SHA-256 of what llama.cpp's own converter makes of them.

    LLAMA_CPP=<llama.cpp v0.5.0> python make_models.py

transformers 5.18, torch 2.13, tokenizers, gguf and conversion/ of llama.cpp v0.5.0. The tiny tokenizers' hashes are of nobody's
pre-tokenizer: it is named "qwen2" by hand, as the option preTokenizer does.
"""
import hashlib, json, os, sys, tempfile
from pathlib import Path
import torch, transformers as tf
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


B = dict(vocab_size=272, hidden_size=32, intermediate_size=48, num_hidden_layers=1, num_attention_heads=4, num_key_value_heads=2, max_position_embeddings=512, bos_token_id=265, eos_token_id=266)
V = dict(hidden_size=16, intermediate_size=16, num_hidden_layers=1, num_attention_heads=2)
QV = dict(hidden_size=16, out_hidden_size=32, intermediate_size=16, depth=1, num_heads=2)
LLAMA3 = {"rope_type": "llama3", "rope_theta": 500000.0, "factor": 8.0, "low_freq_factor": 1.0, "high_freq_factor": 4.0, "original_max_position_embeddings": 256}
M = {"rope_type": "default", "rope_theta": 1e6}
CASES = {
    "llama-3-tiny-instruct": (lambda: tf.LlamaForCausalLM(tf.LlamaConfig(**B, rope_parameters=LLAMA3)), True, torch.float16),
    "qwen2-tiny": (lambda: tf.Qwen2ForCausalLM(tf.Qwen2Config(**B)), False, torch.bfloat16),
    "Qwen3-0.1B-Instruct": (lambda: tf.Qwen3ForCausalLM(tf.Qwen3Config(**B, head_dim=16, tie_word_embeddings=True)), False, torch.float32),
    "qwen2_5_vl": (lambda: tf.Qwen2_5_VLForConditionalGeneration(tf.Qwen2_5_VLConfig(text_config=dict(**B, rope_parameters={**M, "mrope_section": [2, 1, 1]}), vision_config=QV)), False, torch.bfloat16),
    "qwen3_vl": (lambda: tf.Qwen3VLForConditionalGeneration(tf.Qwen3VLConfig(text_config=dict(**B, head_dim=16, rope_parameters={**M, "mrope_section": [4, 2, 2]}), vision_config=dict(**QV, deepstack_visual_indexes=[0], num_position_embeddings=16))), False, torch.bfloat16),
    "llava": (lambda: tf.LlavaForConditionalGeneration(tf.LlavaConfig(text_config=tf.LlamaConfig(**B), vision_config=tf.CLIPVisionConfig(**V, image_size=16, patch_size=8))), True, torch.float16),
    "smolvlm": (lambda: tf.SmolVLMForConditionalGeneration(tf.SmolVLMConfig(text_config=tf.LlamaConfig(**B), vision_config=dict(**V, image_size=16, patch_size=8), scale_factor=2)), False, torch.bfloat16),
}


def make():
    for seed, (name, (model, bos, dtype)) in enumerate(CASES.items()):
        torch.manual_seed(seed)
        m = model()
        with torch.no_grad():
            for _, p in sorted(m.named_parameters()):
                p.copy_(torch.randn(p.shape) * 0.1 + (1 if p.ndim == 1 else 0))
        folder = HERE / name
        m.to(dtype).save_pretrained(folder)
        t = tokenizer(bos)
        t.chat_template = TEMPLATE
        t.save_pretrained(folder)
        if name == "smolvlm":  # as the hub's own config has it
            config = json.loads((folder / "config.json").read_text())
            config["text_config"]["architectures"] = ["VLlama3ForCausalLM"]
            (folder / "config.json").write_text(json.dumps(config, indent=2) + "\n")


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
