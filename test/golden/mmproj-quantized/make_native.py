"""Makes the quantized mmproj files of Qwen2.5-VL, Qwen3-VL and Pixtral beside this file, and the embeddings that transformers makes with
their numbers.

    LLAMA_CPP=<a checkout of llama.cpp v0.5.0> python make_native.py

Made with torch 2.13.0, torchvision 0.28.0, transformers 5.18.0, gguf 0.19.0.

Every linear of the tower and the projector goes to blocks and back before llama.cpp's converter writes F32 of it. Then the rows that
came of blocks are put into the file as these blocks: the converter permutes rows of Pixtral's queries and keys, and changes none.
Q8_0 is what gguf-py makes of random numbers; Q4_K are random blocks, rows of 16 kinds. `<name>.safetensors` holds what
`get_image_features` makes of a square (make_two_files.py's `native`).
"""

import os
import sys
import tempfile
from pathlib import Path

import numpy as np
import torch
import transformers as tf
from safetensors.torch import save_file

HERE = Path(__file__).parent.resolve()
LLAMA_CPP = Path(os.environ["LLAMA_CPP"])
sys.path[:0] = [str(LLAMA_CPP), str(LLAMA_CPP / "gguf-py"), str(HERE.parent / "two-files")]
import gguf  # noqa: E402  the checkout's
from families import MISTRAL, QWEN, TEXT, VISION, WORDS, Mistral, Qwen, is_vision, qwen_ids, randomise, rope, tokenizer  # noqa: E402
from make_two_files import convert, native, older  # noqa: E402

SIDE = 48
TYPES = gguf.GGMLQuantizationType


def qwen2_5_vl(token, width):
    names = tf.models.qwen2_5_vl.configuration_qwen2_5_vl
    text = names.Qwen2_5_VLTextConfig(**TEXT, vocab_size=len(QWEN) + WORDS, rope_parameters=rope([2, 3, 3]))
    sizes = {"hidden_size": width, "intermediate_size": width, "out_hidden_size": TEXT["hidden_size"], "patch_size": 4, "window_size": 112}
    vision = {**VISION, **sizes, "fullatt_block_indexes": [0, 1, 2], "hidden_act": "silu"}
    config = names.Qwen2_5_VLConfig(text_config=text.to_dict(), vision_config=vision, **qwen_ids(token))
    return tf.Qwen2_5_VLForConditionalGeneration(config), vision


def qwen3_vl(token, width):
    names = tf.models.qwen3_vl.configuration_qwen3_vl
    text = names.Qwen3VLTextConfig(**TEXT, head_dim=16, vocab_size=len(QWEN) + WORDS, rope_parameters=rope([3, 3, 2], mrope_interleaved=True))
    sizes = {"hidden_size": width, "intermediate_size": width, "out_hidden_size": TEXT["hidden_size"], "patch_size": 4, "num_position_embeddings": 16}
    vision = {**VISION, **sizes, "depth": 1, "deepstack_visual_indexes": [], "hidden_act": "gelu_pytorch_tanh"}
    config = names.Qwen3VLConfig(text_config=text.to_dict(), vision_config=vision, tie_word_embeddings=True, **qwen_ids(token))
    return tf.Qwen3VLForConditionalGeneration(config), vision


def pixtral(token, width):
    sizes = {"hidden_size": width, "intermediate_size": width, "num_hidden_layers": 3, "num_attention_heads": 2, "patch_size": 4, "image_size": 64, "hidden_act": "silu"}
    vision = tf.PixtralVisionConfig(**sizes, rope_parameters={"rope_type": "axial", "rope_theta": 10000.0})
    text = tf.MistralConfig(**TEXT, head_dim=16, sliding_window=None, vocab_size=len(MISTRAL) + WORDS)
    config = tf.LlavaConfig(
        vision_config=vision, text_config=text, image_token_index=token("[IMG]"), vision_feature_layer=-1,
        vision_feature_select_strategy="full", tie_word_embeddings=True,
    )  # fmt: skip
    return tf.LlavaForConditionalGeneration(config), sizes


def blocks_of(weight, kind, random):
    """The blocks of a matrix, a row a row."""
    if kind == TYPES.Q8_0:
        return gguf.quantize(weight.numpy(), kind)
    elements, size = gguf.GGML_QUANT_SIZES[kind]
    rows = random.integers(0, 256, (16, weight.shape[1] // elements, size), dtype=np.uint8)
    for at, scale in ((0, 4e-4), (2, 1e-4)):  # the scales of a block, small
        rows[..., at : at + 2] = np.frombuffer(np.float16(scale / (weight.shape[1] / 256)).tobytes(), np.uint8)
    return rows.reshape(16, -1)[random.integers(0, 16, weight.shape[0])]


def make(name, build, family, kind, width):
    tok = tokenizer(family.special)
    model, vision = build(tok.convert_tokens_to_ids, width)
    randomise(model, 5)
    random = np.random.default_rng(5)
    stored = {}
    with torch.no_grad():
        for key, weight in sorted(model.named_parameters()):
            if is_vision(key) and weight.ndim == 2 and weight.shape[1] % width == 0:
                blocks = blocks_of(weight, kind, random)
                values = gguf.dequantize(blocks, kind)
                stored |= {row.tobytes(): block for row, block in zip(values, blocks)}
                weight.copy_(torch.from_numpy(values))
    file = HERE / f"{name}-{kind.name.lower()}.gguf"
    processor, _ = family.processor(vision)
    with tempfile.TemporaryDirectory() as scratch:
        scratch = Path(scratch)
        model.save_pretrained(scratch / "hf")
        tok.save_pretrained(scratch / "hf")
        processor.save_pretrained(scratch / "hf")
        older(scratch / "hf", family.special is MISTRAL)
        convert(scratch / "hf", scratch / "f32.gguf", "--outtype", "f32", "--mmproj", "--model-name", name)
        rewrite(scratch / "f32.gguf", file, stored, kind)
    pixels = dict(processor([native(SIDE)], return_tensors="pt"))
    with torch.no_grad():
        save_file({"square": family.embeddings(model, pixels).contiguous()}, HERE / f"{file.stem}.safetensors")


def rewrite(source, target, stored, kind):
    """The file with blocks in the place of the rows that are made of them."""
    reader = gguf.GGUFReader(source)
    writer = gguf.GGUFWriter(target, "clip")
    for field in reader.fields.values():
        if field.name.startswith("GGUF.") or field.name == "general.architecture":
            continue
        of = field.types[-1] if field.types[0] == gguf.GGUFValueType.ARRAY else None
        writer.add_key_value(field.name, field.contents(), field.types[0], of)
    count = 0
    for t in reader.tensors:
        rows = [stored.get(row.tobytes()) for row in t.data] if t.data.ndim == 2 else [None]
        if any(row is None for row in rows):
            writer.add_tensor(t.name, t.data)
        else:
            writer.add_tensor(t.name, np.stack(rows), raw_dtype=kind)
            count += 1
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    print(target.name, count, "of", len(reader.tensors))


if __name__ == "__main__":
    make("qwen2_5_vl", qwen2_5_vl, Qwen((3136, 12845056)), TYPES.Q8_0, 32)
    make("qwen3_vl", qwen3_vl, Qwen((65536, 16777216)), TYPES.Q4_K, 256)
    make("pixtral", pixtral, Mistral(1), TYPES.Q8_0, 32)
    make("pixtral", pixtral, Mistral(1), TYPES.Q4_K, 256)
