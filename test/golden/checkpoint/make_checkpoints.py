"""Makes the tiny checkpoints beside this file, and what transformers computes with each of them.

    python make_checkpoints.py

Made with torch 2.13.0, transformers 5.18.0, safetensors 0.8.0. Every checkpoint folder is as `save_pretrained` writes
it; its `expected.safetensors` holds, for the two images of `pixels()`:
    pixel_values          [2, 3, S, S]  the images, normalised as preprocessor_config.json says
    hidden_states.{k}     [2, T, D]     the residual stream after block k, before any final norm
    last_hidden_state     [2, T, D]     after the final LayerNorm
F16 and BF16 weights are computed with in float32, as they were rounded. The sharded copy holds the weights of `vit`.
SigLIP2 NaFlex keeps aspect ratios: for image i of `NATIVE_SIZES` its file holds, without the padding,
    {i}.grid              [2]           int32, rows and columns
    {i}.pixel_values      [N, 3pp]      patches ordered row, column, channel
    {i}.hidden_states.{k}, {i}.last_hidden_state  [N, D]
`idefics3` has 19 x 19 patches, of which float32 puts two in one bucket of positions; idefics3-positions.json holds the buckets
of every side up to 256 whose patches are not in order, as `{side: [patches that lie one bucket lower]}`.
"""

import json
import re
from pathlib import Path
from unittest import mock

import numpy as np
import torch
import transformers
from safetensors.torch import load_file, save_file
from transformers import CLIPConfig, CLIPModel, CLIPTextConfig, CLIPVisionConfig
from transformers import Dinov2Config, Dinov2Model, Dinov2WithRegistersConfig, Dinov2WithRegistersModel
from transformers import InternVLVisionConfig, InternVLVisionModel
from transformers import Siglip2Config, Siglip2Model, Siglip2TextConfig, Siglip2VisionConfig, Siglip2VisionModel
from transformers import SiglipConfig, SiglipModel, SiglipTextConfig, SiglipVisionConfig, SiglipVisionModel, ViTConfig
from transformers import ViTForImageClassification, ViTModel
from transformers.models.bit.image_processing_pil_bit import BitImageProcessorPil
from transformers.models.clip.image_processing_pil_clip import CLIPImageProcessorPil
from transformers.models.idefics3.configuration_idefics3 import Idefics3VisionConfig
from transformers.models.idefics3.image_processing_pil_idefics3 import Idefics3ImageProcessorPil
from transformers.models.idefics3.modeling_idefics3 import Idefics3VisionEmbeddings, Idefics3VisionTransformer
from transformers.models.siglip.image_processing_pil_siglip import SiglipImageProcessorPil
from transformers.models.siglip2.image_processing_pil_siglip2 import Siglip2ImageProcessorPil
from transformers.models.vit.image_processing_pil_vit import ViTImageProcessorPil

HERE = Path(__file__).parent
TINY = dict(hidden_size=16, num_hidden_layers=3, num_attention_heads=2, intermediate_size=24, patch_size=4)
# [width, height]: a photo's ratio, one row, one column with more rows than were trained, enlarged, both axes mixed.
NATIVE_SIZES = [(40, 30), (200, 9), (5, 200), (3, 5), (37, 53), (16, 16), (7, 90)]


def pixels(width: int, height: int | None = None) -> np.ndarray:
    """[2, height, width, 3] uint8; n counts the images, x runs to the right, y down, c is red, green, blue."""
    n, y, x, c = np.mgrid[0:2, 0 : height or width, 0:width, 0:3]
    return ((x * 7 + y * 13 + c * 29 + n * 101) * 37 % 256).astype(np.uint8)


def randomise(model: torch.nn.Module, seed: int) -> torch.nn.Module:
    """Weights large enough that every bias, norm and position shows in the output."""
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for name, p in sorted(model.named_parameters()):
            noise = torch.randn(p.shape, generator=generator) * 0.2
            is_scale = ("norm" in name and name.endswith("weight")) or "lambda" in name
            p.copy_(1 + noise if is_scale else noise)
    return model.eval()


def expect(tower: torch.nn.Module, layers, final_norm, processor, size: int) -> dict[str, torch.Tensor]:
    """Hooks see each block's own output: `output_hidden_states` may put the normed state in the last place."""
    taps = []
    hooks = [layer.register_forward_hook(lambda _m, _a, out: taps.append(out)) for layer in layers]
    images = pixels(size).astype(np.float32) / np.float32(255)
    normalised = (images - np.float32(processor.image_mean)) / np.float32(processor.image_std)
    values = torch.from_numpy(normalised).permute(0, 3, 1, 2).contiguous()
    with torch.no_grad():
        last = tower(pixel_values=values).last_hidden_state
    for hook in hooks:
        hook.remove()
    states = [t[0] if isinstance(t, tuple) else t for t in taps]
    assert torch.allclose(final_norm(states[-1]), last, atol=1e-6)
    named = {f"hidden_states.{k}": state.contiguous() for k, state in enumerate(states, start=1)}
    return {"pixel_values": values, **named, "last_hidden_state": last.clone()}


def save(name: str, model, tower, layers, final_norm, processor, size: int, dtype=torch.float32, **options) -> None:
    folder = HERE / name
    model.to(dtype).save_pretrained(folder, **options)
    processor.save_pretrained(folder)
    model.to(torch.float32)
    save_file(expect(tower, layers, final_norm, processor, size), folder / "expected.safetensors")


def main() -> None:
    # ImageNet statistics, so that a reader that ignores the file is found out.
    size = 12
    vit_processor = ViTImageProcessorPil(
        size={"height": size, "width": size},
        image_mean=[0.485, 0.456, 0.406],
        image_std=[0.229, 0.224, 0.225],
    )
    config = ViTConfig(**TINY, image_size=size, layer_norm_eps=1e-6)
    variants = {
        "vit": {},
        "vit-f16": {"dtype": torch.float16},
        "vit-bf16": {"dtype": torch.bfloat16},
        "vit-sharded": {"max_shard_size": "12KB"},
    }
    for name, options in variants.items():
        vit = randomise(ViTModel(config, add_pooling_layer=False), 1)
        save(name, vit, vit, vit.layers, vit.layernorm, vit_processor, size, **options)

    # A classifier (names begin with "vit."), without query, key and value biases, at transformers' default eps; F16.
    config = ViTConfig(**TINY, image_size=size, qkv_bias=False, num_labels=3)
    classifier = randomise(ViTForImageClassification(config), 2)
    vit = classifier.vit
    save("vit-classifier", classifier, vit, vit.layers, vit.layernorm, vit_processor, size, torch.float16)

    # 14 is no multiple of the patch: the last two pixels of each row and column are dropped.
    size = 14
    siglip_processor = SiglipImageProcessorPil(size={"height": size, "width": size}, resample=2)
    vision = SiglipVisionConfig(**TINY, image_size=size)
    tower = randomise(SiglipVisionModel(SiglipVisionConfig(**TINY, image_size=size, vision_use_head=False)), 3)
    save("siglip-vision", tower, tower, tower.encoder.layers, tower.post_layernorm, siglip_processor, size)

    text = SiglipTextConfig(
        hidden_size=16, num_hidden_layers=1, num_attention_heads=2, intermediate_size=16, vocab_size=10,
        max_position_embeddings=4, projection_size=32, bos_token_id=0, eos_token_id=1, pad_token_id=1,
    )  # fmt: skip
    whole = randomise(SiglipModel(SiglipConfig(text_config=text.to_dict(), vision_config=vision.to_dict())), 4)
    tower = whole.vision_model
    save("siglip", whole, tower, tower.encoder.layers, tower.post_layernorm, siglip_processor, size, torch.bfloat16)
    naflex()
    clips()
    dinov2s()
    intern_vits()
    idefics3()


def rewrite(source: str, target: str, rename, change) -> None:
    """A copy of a checkpoint with other tensor names and another config.json; what it computes stays the same.

    rename: tensors -> tensors; change: config -> config.
    """
    folder = HERE / target
    folder.mkdir(exist_ok=True)
    for file in ("preprocessor_config.json", "expected.safetensors"):
        (folder / file).write_bytes((HERE / source / file).read_bytes())
    config = json.loads((HERE / source / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps(change(config), indent=2) + "\n")
    save_file(rename(load_file(HERE / source / "model.safetensors")), folder / "model.safetensors", {"format": "pt"})


def naflex() -> None:
    # 4 x 4 trained positions; more patches than that, so that positions are resized both up and down.
    processor = Siglip2ImageProcessorPil(patch_size=4, max_num_patches=20)
    vision = Siglip2VisionConfig(**TINY, num_patches=16)
    text = Siglip2TextConfig(
        hidden_size=16, num_hidden_layers=1, num_attention_heads=2, intermediate_size=16, vocab_size=10,
        max_position_embeddings=4, projection_size=32, bos_token_id=0, eos_token_id=1, pad_token_id=1,
    )  # fmt: skip
    alone = randomise(Siglip2VisionModel(vision), 8)
    whole = randomise(Siglip2Model(Siglip2Config(text_config=text.to_dict(), vision_config=vision.to_dict())), 9)
    for name, model, tower, dtype in (
        ("siglip2-naflex-vision", alone, alone, torch.float32),
        ("siglip2-naflex", whole, whole.vision_model, torch.bfloat16),
    ):
        folder = HERE / name
        model.to(dtype).save_pretrained(folder)
        processor.save_pretrained(folder)
        model.to(torch.float32)
        save_file(expect_native(tower, processor), folder / "expected.safetensors")


def expect_native(tower: torch.nn.Module, processor) -> dict[str, torch.Tensor]:
    """
    All images in one batch, padded and masked as transformers does, and the real tokens of what comes out. Positions are
    interpolated in channels_last: in transformers' own layout the CPU kernel of torch 2.13 is wrong by 0.6 for grids of
    one column, as it is not for the same table turned by 90 degrees.
    """
    interpolate = torch.nn.functional.interpolate
    channels_last = lambda x, **options: interpolate(x.contiguous().to(memory_format=torch.channels_last), **options)  # noqa: E731
    taps = []
    hooks = [layer.register_forward_hook(lambda _m, _a, out: taps.append(out)) for layer in tower.encoder.layers]
    inputs = processor([pixels(*size)[0] for size in NATIVE_SIZES], return_tensors="pt")
    with torch.no_grad(), mock.patch("torch.nn.functional.interpolate", channels_last):
        last = tower(
            pixel_values=inputs.pixel_values.float(),
            pixel_attention_mask=inputs.pixel_attention_mask,
            spatial_shapes=inputs.spatial_shapes,
        ).last_hidden_state
    for hook in hooks:
        hook.remove()
    states = [t[0] if isinstance(t, tuple) else t for t in taps]
    assert torch.allclose(tower.post_layernorm(states[-1]), last, atol=1e-6)
    named = {"pixel_values": inputs.pixel_values.float(), "last_hidden_state": last}
    named |= {f"hidden_states.{k}": state for k, state in enumerate(states, start=1)}
    out = {}
    for i, grid in enumerate(inputs.spatial_shapes):
        count = int(grid.prod())
        assert inputs.pixel_attention_mask[i].sum() == count
        out[f"{i}.grid"] = grid.to(torch.int32)
        out |= {f"{i}.{name}": tensor[i, :count].contiguous() for name, tensor in named.items()}
    return out


def clips() -> None:
    size = 12
    processor = CLIPImageProcessorPil(size={"shortest_edge": size}, crop_size={"height": size, "width": size})
    identity = torch.nn.Identity()
    vision = CLIPVisionConfig(**TINY, image_size=size, projection_dim=8)
    text = CLIPTextConfig(
        hidden_size=16, num_hidden_layers=1, num_attention_heads=2, intermediate_size=16, vocab_size=10,
        max_position_embeddings=4, projection_dim=8, bos_token_id=0, eos_token_id=1, pad_token_id=1,
    )  # fmt: skip
    whole = randomise(CLIPModel(CLIPConfig(text_config=text.to_dict(), vision_config=vision.to_dict(), projection_dim=8)), 5)
    tower = whole.vision_model
    save("clip", whole, tower, tower.encoder.layers, identity, processor, size)
    # As LLaVA 1.5's files hold it.
    rewrite(
        "clip",
        "llava",
        lambda tensors: {f"vision_tower.{k}": t for k, t in tensors.items() if k.startswith("vision_model.")},
        lambda config: {"model_type": "llava", "vision_config": config["vision_config"] | {"model_type": "clip_vision_model"}},
    )


def dinov2s() -> None:
    # Trained at 20 pixels (5 x 5 patches), used at 12 (3 x 3): positions are interpolated.
    trained, size = 20, 12
    processor = BitImageProcessorPil(size={"shortest_edge": size}, crop_size={"height": size, "width": size})
    tiny = {k: v for k, v in TINY.items() if k != "intermediate_size"}
    for name, model in {
        "dinov2": Dinov2Model(Dinov2Config(**tiny, mlp_ratio=2, image_size=trained)),
        "dinov2-swiglu": Dinov2Model(Dinov2Config(**tiny, mlp_ratio=4, use_swiglu_ffn=True, image_size=trained)),
        "dinov2-registers": Dinov2WithRegistersModel(
            Dinov2WithRegistersConfig(**tiny, mlp_ratio=2, num_register_tokens=2, image_size=trained)
        ),
    }.items():
        model = randomise(model, 6)
        save(name, model, model, model.encoder.layer, model.layernorm, processor, size)


def intern_vits() -> None:
    size = 12
    processor = CLIPImageProcessorPil(
        size={"shortest_edge": size}, crop_size={"height": size, "width": size},
        image_mean=[0.485, 0.456, 0.406], image_std=[0.229, 0.224, 0.225],
    )  # fmt: skip
    identity = torch.nn.Identity()
    large = dict(attention_bias=True)
    six = dict(attention_bias=False, use_qk_norm=True, norm_type="rms_norm")
    for name, options in {"internvl": large, "internvl-6b": six}.items():
        config = InternVLVisionConfig(**TINY, image_size=size, **options)
        model = randomise(InternVLVisionModel(config), 7)
        save(name, model, model, model.encoder.layer, identity, processor, size)
    common = {"hidden_size", "num_hidden_layers", "num_attention_heads", "intermediate_size", "hidden_act", "layer_norm_eps"}

    def original(config: dict) -> dict:
        own = {k: v for k, v in config.items() if k in common} | {"image_size": size, "patch_size": TINY["patch_size"]}
        return own | {
            "model_type": "intern_vit_6b",
            "qk_normalization": config["use_qk_norm"],
            "qkv_bias": config["attention_bias"],
            "norm_type": config["norm_type"],
        }

    # OpenGVLab's own names, the vision tower alone and inside a VLM.
    rewrite("internvl-6b", "intern-vit-6b", as_published, original)
    rewrite(
        "internvl",
        "internvl-chat",
        lambda tensors: {f"vision_model.{k}": t for k, t in as_published(tensors).items()},
        lambda config: {"model_type": "internvl_chat", "vision_config": original(config)},
    )


def idefics3() -> None:
    size = 19
    config = Idefics3VisionConfig(**TINY | dict(hidden_size=8, num_hidden_layers=2, patch_size=1), image_size=size)
    model = randomise(Idefics3VisionTransformer(config), 10)
    processor = Idefics3ImageProcessorPil(size={"longest_edge": size}, max_image_size={"longest_edge": size})
    save("idefics3", model, model, model.encoder.layers, model.post_layernorm, processor, size)
    sides = {}
    for side in range(1, 257):
        buckets = buckets_of(side)
        moved = [i for i, bucket in enumerate(buckets) if bucket != i]
        assert all(buckets[i] == i - 1 for i in moved)
        if moved:
            sides[side] = moved
    text = json.dumps({"transformers": transformers.__version__, "sides": sides}, separators=(",", ":"))
    (HERE / "idefics3-positions.json").write_text(text.replace("],", "],\n") + "\n")


def buckets_of(side: int) -> list[int]:
    """The position ids that the model itself looks up for one row of patches."""
    embeddings = Idefics3VisionEmbeddings(Idefics3VisionConfig(hidden_size=1, image_size=side, patch_size=1, num_attention_heads=1))
    asked = []
    embeddings.position_embedding.register_forward_hook(lambda _m, args, _out: asked.append(args[0]))
    with torch.no_grad():
        embeddings(torch.zeros(1, 3, side, side), torch.ones(1, side, side, dtype=torch.bool))
    grid = asked[0].reshape(side, side)
    row = grid[0] - grid[0, 0]
    assert torch.equal(grid, row[:, None] * side + row[None, :])
    return row.tolist()


def as_published(tensors: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """transformers' InternVL vision names -> OpenGVLab's modeling_intern_vit.py, which fuses query, key and value."""
    rules = {
        r"embeddings\.cls_token": "embeddings.class_embedding",
        r"embeddings\.patch_embeddings\.projection": "embeddings.patch_embedding",
        r"embeddings\.position_embeddings": "embeddings.position_embedding",
        r"encoder\.layer\.": "encoder.layers.",
        r"layernorm_before": "norm1",
        r"layernorm_after": "norm2",
        r"attention\.projection_layer": "attn.proj",
        r"attention\.(q|k)_norm": r"attn.\1_norm",
        r"lambda_": "ls",
    }
    out = {}
    for name, tensor in tensors.items():
        if match := re.fullmatch(r"(.*)attention\.q_proj\.(weight|bias)", name):
            start, kind = match.groups()
            parts = [tensors[f"{start}attention.{part}_proj.{kind}"] for part in "qkv"]
            name, tensor = f"{start}attn.qkv.{kind}", torch.cat(parts)
        elif re.search(r"attention\.[kv]_proj", name):
            continue
        for pattern, new in rules.items():
            name = re.sub(pattern, new, name)
        out[name] = tensor.contiguous()
    return out


if __name__ == "__main__":
    main()
