"""Writes processors.json: what each image processor of transformers has by itself, and which arguments it knows.

    python make_processors.py

Made with transformers 5.18.0, torchvision 0.28.0. For each class of sdk/families/image/all.ts, and for those of families with a processor of their own:
    defaults  what `to_json_string` writes of one made without arguments
    kwargs    the names of `valid_kwargs`, by which preprocessor_config.json is read
"""

from __future__ import annotations

import json
from pathlib import Path

import transformers
from transformers.models.bit.image_processing_pil_bit import BitImageProcessorPil
from transformers.models.clip.image_processing_pil_clip import CLIPImageProcessorPil
from transformers.models.deit.image_processing_pil_deit import DeiTImageProcessorPil
from transformers.models.gemma3.image_processing_pil_gemma3 import Gemma3ImageProcessorPil
from transformers.models.got_ocr2.image_processing_pil_got_ocr2 import GotOcr2ImageProcessorPil
from transformers.models.idefics3.image_processing_pil_idefics3 import Idefics3ImageProcessorPil
from transformers.models.janus.image_processing_pil_janus import JanusImageProcessorPil
from transformers.models.lfm2_vl.image_processing_lfm2_vl import Lfm2VlImageProcessor
from transformers.models.llava.image_processing_pil_llava import LlavaImageProcessorPil
from transformers.models.llava_next.image_processing_pil_llava_next import LlavaNextImageProcessorPil
from transformers.models.llava_onevision.image_processing_pil_llava_onevision import LlavaOnevisionImageProcessorPil
from transformers.models.pixtral.image_processing_pil_pixtral import PixtralImageProcessorPil
from transformers.models.qwen2_vl.image_processing_pil_qwen2_vl import Qwen2VLImageProcessorPil
from transformers.models.siglip.image_processing_pil_siglip import SiglipImageProcessorPil
from transformers.models.siglip2.image_processing_pil_siglip2 import Siglip2ImageProcessorPil
from transformers.models.smolvlm.image_processing_pil_smolvlm import SmolVLMImageProcessorPil
from transformers.models.vit.image_processing_pil_vit import ViTImageProcessorPil
from transformers.processing_utils import ImagesKwargs

CLASSES = [
    ViTImageProcessorPil, DeiTImageProcessorPil, CLIPImageProcessorPil, BitImageProcessorPil, SiglipImageProcessorPil,
    Siglip2ImageProcessorPil, LlavaImageProcessorPil, LlavaNextImageProcessorPil, LlavaOnevisionImageProcessorPil,
    GotOcr2ImageProcessorPil, Gemma3ImageProcessorPil, Idefics3ImageProcessorPil, SmolVLMImageProcessorPil,
    Lfm2VlImageProcessor, JanusImageProcessorPil, Qwen2VLImageProcessorPil, PixtralImageProcessorPil,
]  # fmt: skip


def main() -> None:
    classes = {}
    for made in CLASSES:
        kwargs = {*ImagesKwargs.__annotations__, *made.valid_kwargs.__annotations__}
        classes[made.__name__.removesuffix("Pil")] = {
            "defaults": json.loads(made().to_json_string()),
            "kwargs": sorted(kwargs),
        }
    lines = ",\n".join(f"{json.dumps(name)}:{json.dumps(one, separators=(',', ':'))}" for name, one in classes.items())
    text = f'{{"transformers":{json.dumps(transformers.__version__)},"classes":{{\n{lines}\n}}}}\n'
    (Path(__file__).parent / "processors.json").write_text(text)


if __name__ == "__main__":
    main()
