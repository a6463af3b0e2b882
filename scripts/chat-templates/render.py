"""Renders a conversation by published chat templates as transformers does, for compare.ts beside this file.

    pip install transformers==5.18 jinja2
    python render.py <folder of .jinja files> > rendered.json
"""

import json
import sys
from pathlib import Path

from transformers.utils.chat_template_utils import render_jinja_template

CONVERSATION = [("system", ["Be brief."]), ("user", [None, "What is it?"]), ("assistant", ["A cat."]), ("user", ["Sure?"])]


def messages(typed, image):
    def content(role, parts):
        parts = parts if image else [part for part in parts if part is not None]
        if role not in typed:
            return "".join(part or "" for part in parts)
        return [{"type": "image"} if part is None else {"type": "text", "text": part} for part in parts]

    return [{"role": role, "content": content(role, parts)} for role, parts in CONVERSATION]


def render(template, typed, image, **kwargs):
    try:
        texts, _ = render_jinja_template([messages(typed, image)], chat_template=template, add_generation_prompt=True, bos_token="<BOS>", eos_token="<EOS>", **kwargs)
        return texts[0]
    except Exception:
        return None


everyone = ("system", "user", "assistant")
out = {}
for file in sorted(Path(sys.argv[1]).glob("*.jinja")):
    text = file.read_text()
    out[file.name] = [
        {
            "kwargs": kwargs,
            # What a template takes: parts or texts, for all roles or for the others than the system's.
            "text": [render(text, typed, False, **kwargs) for typed in (everyone, everyone[1:], ())],
            "image": [render(text, typed, True, **kwargs) for typed in (everyone, everyone[1:])],
        }
        for kwargs in ({}, {"enable_thinking": False}, {"enable_thinking": True})
    ]
json.dump(out, sys.stdout)
