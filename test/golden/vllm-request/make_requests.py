"""Makes requests.json: what the client of vLLM's documentation (docs/features/multimodal_inputs.md, commit 0138834, "Image
Embedding Inputs") sends for two images of the tiny models beside, whose embeddings are transformers' own. Where that client has
the base64 of a tensor, the file has its type, shape and numbers.

    pip install torch safetensors
    python make_requests.py
"""

import json
from pathlib import Path

from safetensors.torch import load_file

HERE = Path(__file__).parent
QWENS = ["qwen2-vl", "qwen2-5-vl", "qwen3-vl"]
PLAIN = ["llava-1.5", "llava-next", "internvl", "gemma3"]


def tensor(values):
    return {"dtype": str(values.dtype)[6:], "shape": list(values.shape), "values": [round(value, 6) for value in values.flatten().tolist()]}


def body(model, parts):
    first, second = parts
    content = [first, {"type": "text", "text": "and"}, second, {"type": "text", "text": "what is it?"}]
    messages = [{"role": "system", "content": "be short"}, {"role": "user", "content": content}]
    return {"model": model, "messages": messages, "temperature": 0, "max_tokens": 9, "top_k": 3}


requests = {}
for name in QWENS:
    expected = load_file(HERE.parent / "qwen-vl" / name / "expected.safetensors")
    parts = []
    for i in range(2):
        rows, columns = expected[f"{i}.grid"].tolist()
        grid = {"dtype": "int64", "shape": [3], "values": [1, rows, columns]}
        embeds = {"image_embeds": tensor(expected[f"{i}.embeddings"]), "image_grid_thw": grid}
        parts.append({"type": "image_embeds", "image_embeds": embeds})
    requests[name] = body(name, parts)

for name in PLAIN:
    expected = load_file(HERE.parent / "projector" / name / "expected.safetensors")
    parts = [{"type": "image_embeds", "image_embeds": tensor(expected[str(i)])} for i in range(2)]
    requests[name] = body(name, parts)

(HERE / "requests.json").write_text(json.dumps(requests) + "\n")
