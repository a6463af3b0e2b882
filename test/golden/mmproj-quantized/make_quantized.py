"""Makes the quantized mmproj files beside this file, and the embeddings that transformers makes with their numbers.

    LLAMA_CPP=<a checkout of llama.cpp v0.5.0> python make_quantized.py

Made with torch 2.13.0, torchvision 0.28.0, transformers 5.18.0, gguf 0.19.0.

`<family>-q8_0.gguf`, of models whose rows are whole blocks: llama.cpp's converter with `--outtype q8_0`, as the files on the hub
are made. The same converter writes F32 of the model whose weights went to Q8_0 and back: both files have the same numbers, and
`<family>-q8_0.safetensors` holds what `get_image_features` of that model makes of `picture(i)`.

`mixed.gguf`: an Idefics3 whose linears are of every other type that is read, a linear each; Q4_0 to Q5_1 as gguf-py quantizes,
the K types of random blocks, which gguf-py brings to floats for the model of `mixed.safetensors`.
"""

import json
import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path
from unittest import mock

import gguf
import numpy as np
import torch
import transformers as tf
from safetensors.torch import load_file, save_file

HERE = Path(__file__).parent
sys.path[:0] = [str(HERE / "../projector"), str(HERE / "../mmproj")]
import make_projectors as made  # noqa: E402
from make_mmproj import gemma3, internvl, same  # noqa: E402
from tiny_vlms import TEXT, randomise  # noqa: E402

CONVERTER = Path(os.environ["LLAMA_CPP"]) / "convert_hf_to_gguf.py"
TYPES = gguf.GGMLQuantizationType
VISION = made.VISION | dict(hidden_size=32, intermediate_size=64)
MADE = {"idefics3": (made.idefics3, same), "gemma3": (made.gemma3, gemma3), "internvl": (made.internvl, internvl)}


def there_and_back(array, kind=TYPES.Q8_0):
    return torch.from_numpy(gguf.dequantize(gguf.quantize(array, kind), kind))


def as_stored(name, tensor):
    """What is left of a tensor in the converter's file: of matrices Q8_0, of gemma3's projection F16 (it stays in 16 bits)."""
    if "mm_input_projection" in name:
        tensor.copy_(tensor.half())
    elif re.search("vision|multi_modal|connector", name) and tensor.ndim == 2 and "position" not in name:
        tensor.copy_(there_and_back(tensor.numpy()))


def convert(folder, outtype, out, change):
    with tempfile.TemporaryDirectory() as copy:
        copy = Path(copy)
        config = json.loads((folder / "config.json").read_text())
        tensors = change(load_file(folder / "model.safetensors"), config)
        save_file({key: t.contiguous() for key, t in tensors.items()}, copy / "model.safetensors")
        (copy / "config.json").write_text(json.dumps(config))
        processor = json.loads((folder / "processor_config.json").read_text())
        processor["image_seq_length"] = config.get("mm_tokens_per_image", processor.get("image_seq_length"))
        (copy / "processor_config.json").write_text(json.dumps(processor))
        command = [sys.executable, CONVERTER, copy, "--mmproj", "--outtype", outtype, "--outfile", out]
        subprocess.run([*command, "--model-name", out.stem], check=True)


def floats(file):
    return {t.name: gguf.dequantize(t.data, t.tensor_type) for t in gguf.GGUFReader(file).tensors}


def keep_models(vision, scratch, change_model):
    """Runs a maker of ../projector on models of other sizes, which `change_model` changes, into a folder of its own."""
    run = made.run

    def changed(name, model, *rest, **more):
        with torch.no_grad():
            for key, p in model.named_parameters():
                change_model(key, p)
        return run(name, model, *rest, **more)

    return mock.patch.multiple(made, HERE=scratch, VISION=vision, TEXT=TEXT | {"hidden_size": 32}, run=changed)


def q8_0(family):
    make, change = MADE[family]
    with tempfile.TemporaryDirectory() as scratch:
        scratch = Path(scratch)
        with keep_models(VISION, scratch / "whole", lambda key, p: None):
            make()
        with keep_models(VISION, scratch / "rounded", as_stored):
            make()
        convert(scratch / "whole" / family, "q8_0", HERE / f"{family}-q8_0.gguf", change)
        convert(scratch / "rounded" / family, "f32", scratch / "rounded.gguf", change)
        ours, theirs = floats(HERE / f"{family}-q8_0.gguf"), floats(scratch / "rounded.gguf")
        types = {t.name: t.tensor_type.name for t in gguf.GGUFReader(HERE / f"{family}-q8_0.gguf").tensors}
        assert ours.keys() == theirs.keys() and "Q8_0" in types.values()
        for name, values in ours.items():
            assert np.array_equal(values, theirs[name]), (family, name, types[name])
        save_file(load_file(scratch / "rounded" / family / "expected.safetensors"), HERE / f"{family}-q8_0.safetensors")
        print(family, {kind: list(types.values()).count(kind) for kind in set(types.values())})


def mixed():
    """Two blocks of rows of 256, which the K types need; every linear of another type than the one before it."""
    kinds = [TYPES[name] for name in ("Q4_0", "Q4_1", "Q5_0", "Q5_1", "Q4_K", "Q5_K", "Q6_K")]
    random = np.random.default_rng(1)
    with tempfile.TemporaryDirectory() as scratch:
        scratch = Path(scratch)
        vision = VISION | dict(hidden_size=256, intermediate_size=256, num_hidden_layers=1)
        blocks = {}

        def quantized(name, tensor):
            if not (re.search(r"vision.*layers|connector", name) and tensor.ndim == 2):
                return
            kind = kinds[len(blocks) % len(kinds)]
            if kind.name.endswith("_K"):
                elements, size = gguf.GGML_QUANT_SIZES[kind]
                data = random.integers(0, 256, (tensor.shape[0], tensor.shape[1] // elements, size), dtype=np.uint8)
                # The scales, two bytes each, small; Q6_K's is last.
                scales = [size - 2] if kind == TYPES.Q6_K else [0, 2]
                for at in scales:
                    small = np.float16(1e-4 if kind == TYPES.Q6_K else 4e-4 / (1 if at else 4))
                    data[..., at : at + 2] = np.frombuffer(small.tobytes(), np.uint8)
                data = data.reshape(tensor.shape[0], -1)
            else:
                data = gguf.quantize(tensor.numpy() * 0.3, kind)
            values = gguf.dequantize(data, kind)
            blocks[values.tobytes()] = (data, kind)
            tensor.copy_(torch.from_numpy(values))

        with keep_models(vision, scratch, quantized):
            made.idefics3()
        convert(scratch / "idefics3", "f32", scratch / "mixed.gguf", same)
        rewrite(scratch / "mixed.gguf", HERE / "mixed.gguf", blocks)
        save_file(load_file(scratch / "idefics3/expected.safetensors"), HERE / "mixed.safetensors")


def rewrite(source, target, blocks):
    """The file with the tensors that have these numbers in their blocks."""
    reader = gguf.GGUFReader(source)
    writer = gguf.GGUFWriter(target, "clip")
    for field in reader.fields.values():
        if field.name.startswith("GGUF.") or field.name == "general.architecture":
            continue
        kind = field.types[0]
        writer.add_key_value(field.name, field.contents(), kind, field.types[-1] if kind == gguf.GGUFValueType.ARRAY else None)
    kinds = set()
    for t in reader.tensors:
        data, kind = blocks.get(t.data.tobytes(), (t.data, None))
        kinds.add(kind)
        writer.add_tensor(t.name, data, raw_dtype=kind)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    print(sorted(kind.name for kind in kinds if kind is not None))


if __name__ == "__main__":
    mixed()
    for family in MADE:
        q8_0(family)
