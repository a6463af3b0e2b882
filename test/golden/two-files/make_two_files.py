"""Makes the tiny random models of families.py beside this file: the vision part as a folder of the hub, the language model and the mmproj as GGUF files that llama.cpp's own converter wrote, and what transformers 5.18
gives with the whole.

    pip install transformers==5.18 torch torchvision safetensors gguf pillow
    LLAMA_CPP=<a clone of llama.cpp v0.5.0> python make_two_files.py [family...]

With WHOLE=<folder> it leaves the whole HF folders there. make-llama.ts beside it then asks llama.cpp about the two files.
"""

import copy
import json
import math
import os
import runpy
import shutil
import sys
import tempfile
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from safetensors.torch import load_file, save_file

from families import FAMILIES, MISTRAL, SHARED, SIDES, VISION_TYPES, WIDTH, WORDS, is_vision, randomise, tokenizer

HERE = Path(__file__).parent.resolve()
LLAMA_CPP = Path(os.environ.get("LLAMA_CPP", "llama.cpp"))
PHOTO = HERE.parents[2] / "examples/images/cat.jpg"
sys.path[:0] = [str(LLAMA_CPP), str(LLAMA_CPP / "gguf-py"), str(HERE.parent / "mmproj-more")]
torch.set_num_threads(1)  # the same bits on any machine
LENGTH = 24
VARIETY = 4  # different tokens in an answer
NEAR_TIE = 0.02  # in logits, between the likeliest token and the next
def native(side):
    """A square that no processor resizes."""
    y, x = np.mgrid[0:side, 0:side]
    return Image.fromarray(np.stack([x * 3 + y, 255 - y, (x * y) // 5], axis=2).astype(np.uint8))


def answer(model, tok, family, pixels, texts, text):
    """`texts` in the places of <image> in `text`."""
    first, *rest = text.split("<image>")
    text = first + "".join(one + behind for one, behind in zip(texts, rest, strict=True))
    ids = tok(text, add_special_tokens=False, return_tensors="pt")["input_ids"]
    image = tok.convert_tokens_to_ids(family.image)
    chosen, top, near = [], None, math.inf
    for _ in range(LENGTH):
        longer = torch.cat([ids, torch.tensor([chosen], dtype=torch.long)], 1)
        with torch.no_grad():
            logits = model(input_ids=longer, **family.inputs(longer, image), **pixels, use_cache=False).logits[0, -1].float()
        logits = torch.log_softmax(logits, -1)
        best = torch.topk(logits, 5)
        near = min(near, float(best.values[0] - best.values[1]))
        top = top or [[int(i), float(v)] for v, i in zip(best.values, best.indices)]
        chosen.append(int(best.indices[0]))
        if near < NEAR_TIE or chosen[-1] >= WORDS:  # no special tokens, of which transformers would make images
            return None, 0
    return {"ids": ids[0].tolist(), "greedy": chosen, "top": top}, near


def convert(folder, out, *more):
    """llama.cpp's own converter, told the pre-tokenizer, which it knows published tokenizers by."""
    import conversion.base

    conversion.base.TextModel.get_vocab_base_pre = lambda self, tokenizer: "qwen2"
    before = sys.argv
    sys.argv = ["convert_hf_to_gguf.py", str(folder), "--outfile", str(out), *more]
    runpy.run_path(str(LLAMA_CPP / "convert_hf_to_gguf.py"), run_name="__main__")
    sys.argv = before


def as_on_the_hub(folder, family):
    tensors = load_file(folder / "model.safetensors")
    config = json.loads((folder / "config.json").read_text())
    family.hub(tensors, config)
    save_file(tensors, folder / "model.safetensors", metadata={"format": "pt"})
    (folder / "config.json").write_text(json.dumps(config, indent=2) + "\n")


def older(folder, image_break):
    """The converter of llama.cpp v0.5.0 drops [IMG_BREAK]'s embedding, without which llama.cpp loads no Pixtral: it knows the
    table by an older name still."""
    tensors = load_file(folder / "model.safetensors")
    table = [name for name in tensors if name.endswith("embed_tokens.weight")]
    renamed = {name: tensor for name, tensor in tensors.items() if name not in table}
    if image_break:
        renamed["embed_tokens.weight"] = tensors[table[0]]
    save_file(renamed, folder / "model.safetensors")


def mmprojs(whole, folder, name, family):
    with tempfile.TemporaryDirectory() as other:
        shutil.copytree(whole, other, dirs_exist_ok=True)
        older(Path(other), family.special is MISTRAL)
        for dtype in ("f32", "f16"):
            convert(other, folder / f"mmproj-{dtype}.gguf", "--outtype", dtype, "--mmproj", "--model-name", name)


def make(name, build, family, seed):
    tok = tokenizer(family.special)
    model, vision = build(tok.convert_tokens_to_ids)
    model.config._attn_implementation = "eager"
    processor, fields = family.processor(vision)
    side = SIDES[name] * vision["patch_size"]
    photo = Image.open(PHOTO).convert("RGB")
    ask = family.turn.format
    cases = {
        "native": ([native(side)], ask("<image>What is it?")),
        "photo": ([photo], ask("<image>What is it?")),
        "two": ([photo, native(side)], ask("One: <image> two: <image>!") + "Cat." + family.end + ask("Both?")),
    }
    batches = {key: dict(processor(images, return_tensors="pt")) for key, (images, _) in cases.items()}
    texts = {key: family.texts(pixels, vision) for key, pixels in batches.items()}
    for attempt in range(seed, seed + 200):  # one whose answers hang on no near tie
        randomise(model, attempt)
        answers = {}
        for key, (_, text) in cases.items():
            answers[key] = answer(model, tok, family, batches[key], texts[key], text)
            if answers[key][1] < NEAR_TIE or len(set(answers[key][0]["greedy"])) < VARIETY:
                break
        else:
            break
    else:
        raise SystemExit("near ties")

    folder = HERE / name
    folder.mkdir(exist_ok=True)
    whole = Path(os.environ.get("WHOLE", tempfile.mkdtemp())) / name
    whole.mkdir(parents=True, exist_ok=True)
    model.save_pretrained(whole)
    tok.save_pretrained(whole)
    preprocessor = {**fields, "image_mean": list(processor.image_mean), "image_std": list(processor.image_std)}
    for place in (folder, whole):
        (place / "preprocessor_config.json").write_text(json.dumps(preprocessor, indent=2) + "\n")
    as_on_the_hub(whole, family)
    convert(whole, folder / "llm.gguf", "--outtype", "f32")
    if name == "llava":  # of which this converter writes none
        from make_more import legacy

        for dtype in ("f32", "f16"):
            legacy(copy.deepcopy(model), folder / f"mmproj-{dtype}.gguf", {"vision_feature_layer": -2}, False, dtype)
    else:
        mmprojs(whole, folder, name, family)
    shared = {key: value for key, value in model.config.to_dict().items() if key in SHARED}
    if "spatial_merge_size" in shared or family.special is MISTRAL:
        shared["text_config"] = {"hidden_size": WIDTH, "rms_norm_eps": model.config.text_config.rms_norm_eps}
    config = {**shared, "vision_config": {"model_type": VISION_TYPES.get(name, name), **vision}}
    (folder / "config.json").write_text(json.dumps(config, indent=2) + "\n")
    tower = {key: weight for key, weight in model.state_dict().items() if is_vision(key)}
    save_file({key.replace("model.", "", 1): weight.half().contiguous() for key, weight in tower.items()}, folder / "model.safetensors")
    with torch.no_grad():
        embeddings = {key: family.embeddings(model, batches[key]).contiguous() for key in ("native", "photo")}
    save_file(embeddings, folder / "embeddings.safetensors")
    image = tok.convert_tokens_to_ids(family.image)
    expected = {"side": side, "image": image, "prompt": cases["native"][1], "cases": {key: one for key, (one, _) in answers.items()}}
    (folder / "expected.json").write_text(json.dumps(expected) + "\n")
    print(name, "seed", attempt, {key: (len(one["ids"]), round(near, 3)) for key, (one, near) in answers.items()})


if __name__ == "__main__":
    for name in sys.argv[1:] or FAMILIES:
        make(name, *FAMILIES[name], seed=1)
