"""Writes config-fields.json: which fields a config.json may have, as transformers writes them.

    python make_config_fields.py path/of/transformers-4.57.6/configuration_utils.py

Made with transformers 5.18.0; the file of 4.57.6 is only read.
    pretrained  fields that every config has, and their values: of 5.18, and of 4.57, which wrote many more
    generation  names of generation's settings, which older versions wrote into every config
    classes     by model_type what `to_dict` of a config made without arguments holds
"""

from __future__ import annotations

import ast
import json
import sys
from pathlib import Path

import transformers as tf
from transformers.models.idefics3.configuration_idefics3 import Idefics3VisionConfig
from transformers.models.janus.configuration_janus import JanusVQVAEConfig
from transformers.models.qwen2_5_vl.configuration_qwen2_5_vl import Qwen2_5_VLVisionConfig

CLASSES = [
    tf.ViTConfig, tf.DeiTConfig, tf.SiglipVisionConfig, tf.Siglip2VisionConfig, tf.CLIPVisionConfig, tf.Dinov2Config,
    tf.Dinov2WithRegistersConfig, tf.InternVLVisionConfig, Idefics3VisionConfig, tf.SmolVLMVisionConfig, Qwen2_5_VLVisionConfig,
    JanusVQVAEConfig,
]  # fmt: skip


def older(file: Path) -> tuple[dict, list[str]]:
    """What PretrainedConfig.__init__ of 4.x takes, with its defaults, and the names of `_get_global_generation_defaults`."""
    tree = ast.parse(file.read_text())
    base = next(n for n in ast.walk(tree) if isinstance(n, ast.ClassDef) and n.name == "PretrainedConfig")
    methods = {n.name: n for n in base.body if isinstance(n, ast.FunctionDef)}
    arguments = methods["__init__"].args
    given = zip(arguments.kwonlyargs, arguments.kw_defaults)
    fields = {argument.arg: ast.literal_eval(default) if default else None for argument, default in given}
    for call in ast.walk(methods["__init__"]):
        is_pop = isinstance(call, ast.Call) and isinstance(call.func, ast.Attribute) and call.func.attr == "pop"
        if is_pop and ast.unparse(call.func.value) == "kwargs" and all(isinstance(one, ast.Constant) for one in call.args):
            name, default = (one.value for one in call.args)
            fields.setdefault(name, default)
    names = [key.value for n in ast.walk(methods["_get_global_generation_defaults"]) if isinstance(n, ast.Dict) for key in n.keys]
    return fields, names


def main() -> None:
    fields, names = older(Path(sys.argv[1]))
    pretrained = {**tf.PreTrainedConfig().to_dict(), **fields}
    generation = sorted({*tf.GenerationConfig._get_default_generation_params(), *names})
    classes = {made.model_type: made().to_dict() for made in CLASSES}
    content = {"transformers": tf.__version__, "pretrained": pretrained, "generation": generation, "classes": classes}
    (Path(__file__).parent / "config-fields.json").write_text(json.dumps(content, indent=1, default=str) + "\n")


if __name__ == "__main__":
    main()
