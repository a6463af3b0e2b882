"""Writes what the original repositories' own code makes of three pictures, for the tokenizers of sdk/families/vqgan/variants.ts
and sdk/families/lfq/variants.ts.

    pip install torch numpy pillow einops
    python make_tokenizers.py <folder of the repositories> [--full-size NAME <file>]

The folder holds checkouts as <owner>+<name>: FoundationVision+LlamaGen ce98ec4, deepseek-ai+Janus 1daa72f, CompVis+taming-transformers
3ba01b2, TencentARC+SEED-Voken b9a17ea, baaivision+Emu3.5 8fcf1da, facebookresearch+chameleon dbbe47f, showlab+Show-o 45a5a2d,
shallowdream204+BitDance 4c5ea90.
Made with torch 2.13, Pillow 12.3 and einops 0.8. Weights are those of `weight` of originals.py, a formula that the test has too: the fixture
holds the tensors' names and shapes alone.
"""

import functools
import importlib
import importlib.util
import json
import math
import sys
import types
from pathlib import Path

import numpy as np
import torch
from originals import resized_centre, weight
from PIL import Image
from safetensors.torch import save_file

here = Path(__file__).parent
repositories = Path(sys.argv[1])


def package(name: str, folder: str) -> None:
    """A package without its __init__, which would import far more than the modules that are run here."""
    module = types.ModuleType(name)
    module.__path__ = [str(repositories / folder)]
    sys.modules[name] = module


class Anything:
    """Stands for what the modules import and their forward pass does not use."""

    def __init__(self, *args, **kwargs):
        pass

    def __call__(self, *args, **kwargs):
        return args[0] if args and callable(args[0]) else Anything()

    def __getattr__(self, name):
        if name.startswith("__"):
            raise AttributeError(name)
        return Anything()


def stand_in(name: str, **members) -> None:
    try:
        importlib.import_module(name)
    except ImportError:
        module = types.ModuleType(name)
        module.__getattr__ = lambda key: members.get(key, Anything())
        module.__path__ = []
        sys.modules[name] = module


def fill(model: torch.nn.Module) -> None:
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            parameter.copy_(torch.from_numpy(weight(name, tuple(parameter.shape))))


class Parts(torch.nn.Module):
    """Encoder, quantizer and decoder as the repositories' Lightning modules put them together."""

    def __init__(self, model_module, quantizer, ddconfig, dim):
        super().__init__()
        self.encoder = model_module.Encoder(**ddconfig)
        self.decoder = model_module.Decoder(**ddconfig)
        self.quantize = quantizer
        self.quant_conv = torch.nn.Conv2d(ddconfig["z_channels"], dim, 1)
        self.post_quant_conv = torch.nn.Conv2d(dim, ddconfig["z_channels"], 1)


def dd(size: int, full: bool, blocks: int, attention: bool) -> dict:
    mult = [1, 1, 2, 2, 4] if full else [1, 1, 2]
    deepest = size // 2 ** (len(mult) - 1)
    return dict(
        double_z=False, z_channels=256 if full else 32, resolution=size, in_channels=3, out_ch=3, ch=128 if full else 32,
        ch_mult=mult, num_res_blocks=blocks, attn_resolutions=[deepest] if attention else [], dropout=0.0,
    )  # fmt: skip


def unit(tensor):
    return torch.nn.functional.normalize(tensor, dim=-1)


def plain_bytes(x):
    return np.clip((x.permute(0, 2, 3, 1).numpy() + 1) / 2 * 255, 0, 255).astype(np.uint8)


def llamagen(full, size, folder="FoundationVision+LlamaGen", path="tokenizer/tokenizer_image/vq_model.py"):
    spec = importlib.util.spec_from_file_location("vq_" + folder.split("+")[1], repositories / folder / path)
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    if not full:
        module.Encoder = functools.partial(module.Encoder, ch=32)
        module.Decoder = functools.partial(module.Decoder, ch=32)
    mult = [1, 1, 2, 2, 4] if full else [1, 1, 2]
    sizes = dict(codebook_size=16384, z_channels=256) if full else dict(codebook_size=64, codebook_embed_dim=4, z_channels=32)
    model = module.VQModel(module.ModelArgs(encoder_ch_mult=mult, decoder_ch_mult=mult, codebook_show_usage=False, **sizes))
    fill(model)
    model.eval()

    def encode(x):
        quant, _, (_, _, ids) = model.encode(x)
        z = unit(model.quant_conv(model.encoder(x)).permute(0, 2, 3, 1).flatten(0, 2))
        return ids, z @ unit(model.quantize.embedding.weight).T, quant.shape

    return model, encode, lambda ids, shape: model.decode_code(ids, shape)


def llamagen_images(images, size):
    package("llamagen_data", "FoundationVision+LlamaGen/dataset")
    crop = importlib.import_module("llamagen_data.augmentation").center_crop_arr
    return [np.asarray(crop(image, size)) / 255.0 * 2 - 1 for image in images]


def llamagen_bytes(x):
    return torch.clamp(127.5 * x + 128.0, 0, 255).permute(0, 2, 3, 1).to(torch.uint8).numpy()


def janus_images(images, size):
    stand_in("torchvision")
    stand_in("torchvision.transforms")
    import ast
    # The class alone, of a module that would load all of transformers: its resize and expand2square.
    source = (repositories / "deepseek-ai+Janus/janus/models/image_processing_vlm.py").read_text()
    expand = next(node for node in ast.parse(source).body if getattr(node, "name", "") == "expand2square")
    scope = {"Image": Image}
    exec(compile(ast.Module([expand], []), "expand2square", "exec"), scope)
    out = []
    for image in images:
        width, height = image.size
        longest = max(width, height)
        sides = (max(int(width / longest * size), 14), max(int(height / longest * size), 14))
        # torchvision's resize of a Pillow image is Pillow's.
        square = scope["expand2square"](image.resize(sides, Image.BICUBIC), (127, 127, 127))
        out.append(np.asarray(square) / 255.0 * 2 - 1)
    return out


def show_o(full, size):
    package("show_o_models", "showlab+Show-o/models")
    utils = types.ModuleType("show_o_models.modeling_utils")
    utils.ConfigMixin, utils.ModelMixin = type("ConfigMixin", (), {}), torch.nn.Module
    utils.register_to_config = lambda function: function
    sys.modules[utils.__name__] = utils
    misc = types.ModuleType("show_o_models.misc")
    from typing import List

    misc.List = List
    sys.modules[misc.__name__] = misc
    module = importlib.import_module("show_o_models.modeling_magvitv2")
    module.List = List
    if full:
        encoder, decoder, quantizer = module.VQGANEncoder(), module.VQGANDecoder(), module.LFQuantizer()
    else:
        encoder = module.VQGANEncoder(ch=32, ch_mult=[1, 2, 2], num_res_blocks=[2, 1, 2], z_channels=6, resolution=size)
        decoder = module.VQGANDecoder(ch=32, ch_mult=[1, 1, 2], num_res_blocks=[1, 2, 1], z_channels=6, resolution=size)
        quantizer = module.LFQuantizer(codebook_dim=6)
    model = torch.nn.Module()
    model.encoder, model.decoder, model.quantize = encoder, decoder, quantizer
    fill(model)
    model.eval()

    def encode(x):
        z = encoder(x)
        ids = quantizer.get_indices(quantizer(z)["z"]).reshape(x.shape[0], -1)
        return ids, z, ids.shape

    return model, encode, lambda ids, shape: decoder(quantizer.get_codebook_entry(ids.reshape(shape)))["output"]


def lfq_sizes(full, z, levels, ch):
    mult = ([1, 1, 2, 2, 4] if levels == 5 else [1, 1, 2, 2, 4, 4]) if full else [1, 1, 2]
    return dict(
        ch=ch if full else 32, ch_mult=mult, num_res_blocks=4 if full else 2, z_channels=z, in_channels=3, out_ch=3,
        resolution=256, double_z=False,
    )  # fmt: skip


def open_magvit2(full, size):
    package("magvit2", "TencentARC+SEED-Voken/src/Open_MAGVIT2")
    package("magvit2.modules", "TencentARC+SEED-Voken/src/Open_MAGVIT2/modules")
    for inner in ("diffusionmodules", "vqvae"):
        package(f"magvit2.modules.{inner}", f"TencentARC+SEED-Voken/src/Open_MAGVIT2/modules/{inner}")
    layers = importlib.import_module("magvit2.modules.diffusionmodules.improved_model")
    quantize = importlib.import_module("magvit2.modules.vqvae.lookup_free_quantize")
    bits = 18 if full else 6
    sizes = lfq_sizes(full, bits, 5, 128)
    model = torch.nn.Module()
    model.encoder, model.decoder = layers.Encoder(**sizes), layers.Decoder(**sizes)
    model.quantize = quantize.LFQ(dim=bits, codebook_size=2**bits)
    fill(model)
    model.eval()

    def encode(x):
        z = model.encoder(x)
        (_, _, ids), _ = model.quantize(z, return_loss_breakdown=True)
        return ids, z, z.shape

    def decode(ids, shape):
        b, c, h, w = shape
        return model.decoder(model.quantize.get_codebook_entry(ids.reshape(b, -1), (b, h, w, c), ""))

    return model, encode, decode


def bitdance(full, size):
    stand_in("utils.fs")
    package("bitdance", "shallowdream204+BitDance/modeling/vision_encoder")
    module = importlib.import_module("bitdance.autoencoder")
    model = module.VQModel(lfq_sizes(full, 32, 5, 256))
    fill(model)
    model.eval()

    def encode(x):
        signs = model.encode(x)
        bits = (signs.permute(0, 2, 3, 1) > 0).int()
        return bits.flatten(), model.encoder(x), signs.shape

    def decode(bits, shape):
        b, c, h, w = shape
        return model.decode((bits.reshape(b, h, w, c).permute(0, 3, 1, 2) * 2 - 1).float())

    return model, encode, decode


def show_o_images(images, size, resample=Image.BICUBIC):
    return [resized_centre(image, size, size, resample) / 255.0 * 2 - 1 for image in images]


def product(full, size, name, package_folder, prefix, codes):
    package(prefix, package_folder)
    for inner in ("modules", "modules.diffusionmodules", "modules.vqvae"):
        package(f"{prefix}.{inner}", f"{package_folder}/{inner.replace('.', '/')}")
    layers = importlib.import_module(f"{prefix}.modules.diffusionmodules.model")
    quantize = importlib.import_module(f"{prefix}.modules.vqvae.quantize")
    count, dim = (codes, 256) if full else (64, 8)
    model = Parts(layers, quantize.IndexPropagationQuantize(count, dim), dd(size, full, 4, True), dim)
    fill(model)
    model.eval()

    def encode(x):
        z = model.quant_conv(model.encoder(x))
        quant, _, (_, _, ids) = model.quantize(z)
        return ids.reshape(-1), z.permute(0, 2, 3, 1).flatten(0, 2) @ model.quantize.embedding.weight.T, z.shape

    def decode(ids, shape):
        b, c, h, w = shape
        return model.decoder(model.post_quant_conv(model.quantize.get_codebook_entry(ids, (b, h, w, c))))

    return model, encode, decode


def distance(full, size, model_module, quantizer, count, dim, attention):
    model = Parts(model_module, quantizer(count, dim, beta=0.25), dd(size, full, 2, attention), dim)
    fill(model)
    model.eval()

    def encode(x):
        z = model.quant_conv(model.encoder(x))
        _, _, (_, _, ids) = model.quantize(z)
        return ids, -torch.cdist(z.permute(0, 2, 3, 1).flatten(0, 2).double(), model.quantize.embedding.weight.double()), z.shape

    def decode(ids, shape):
        b, c, h, w = shape
        return model.decoder(model.post_quant_conv(model.quantize.get_codebook_entry(ids, (b, h, w, c))))

    return model, encode, decode


def taming(full, size):
    package("taming", "CompVis+taming-transformers/taming")
    for inner in ("modules", "modules.diffusionmodules", "modules.vqvae"):
        package(f"taming.{inner}", f"CompVis+taming-transformers/taming/{inner.replace('.', '/')}")
    layers = importlib.import_module("taming.modules.diffusionmodules.model")
    quantize = importlib.import_module("taming.modules.vqvae.quantize")
    return distance(full, size, layers, quantize.VectorQuantizer2, *((16384, 256) if full else (64, 8)), True)


def chameleon(full, size):
    package("chameleon_vqgan", "facebookresearch+chameleon/chameleon/inference")
    module = importlib.import_module("chameleon_vqgan.vqgan")
    return distance(full, size, module, module.VectorQuantizer2, *((8192, 256) if full else (64, 8)), False)


def lanczos_images(offset):
    def prepare(images, size):
        out = []
        for image in images:
            scale = size / min(image.size)
            image = image.resize((round(scale * image.size[0]), round(scale * image.size[1])), Image.LANCZOS)
            left, top = (offset((side - size) / 2) for side in image.size)
            out.append(np.asarray(image.crop((left, top, left + size, top + size))) / 255.0 * 2 - 1)
        return out

    return prepare


janus = functools.partial(llamagen, folder="deepseek-ai+Janus", path="janus/models/vq_model.py")
ibq = lambda full, size: product(full, size, "ibq", "TencentARC+SEED-Voken/src/IBQ", "seed_ibq", 262144)
emu = lambda full, size: product(full, size, "emu3.5", "baaivision+Emu3.5/src/vision_tokenizer", "emu_ibq", 131072)
TOKENIZERS = {
    "llamagen": (llamagen, llamagen_images, llamagen_bytes, "", 256),
    "janus": (janus, janus_images, plain_bytes, "gen_vision_model.", 384),
    "show-o": (show_o, show_o_images, plain_bytes, "", 256),
    "ibq": (ibq, show_o_images, plain_bytes, "", 256),
    "emu3.5": (emu, show_o_images, plain_bytes, "", 512),
    "chameleon": (chameleon, lanczos_images(math.floor), plain_bytes, "", 512),
    "open-magvit2": (open_magvit2, functools.partial(show_o_images, resample=Image.BILINEAR), plain_bytes, "", 256),
    "bitdance": (bitdance, llamagen_images, llamagen_bytes, "", 256),
    "taming": (taming, lanczos_images(round), plain_bytes, "", 256),
}


@torch.no_grad()
def main():
    full = sys.argv[3] if "--full-size" in sys.argv else None
    random = np.random.default_rng(1)
    sizes = [(32, 32), (45, 70), (131, 40)] if full is None else [(300, 400)]
    small = [random.integers(0, 256, (h, w, 3), dtype=np.uint8) for h, w in sizes]
    pictures = [Image.fromarray(image) for image in small]
    tensors, shapes = {f"image.{i}": torch.from_numpy(image) for i, image in enumerate(small)}, {}
    for name, (make, prepare, to_bytes, prefix, own_size) in TOKENIZERS.items():
        if full not in (None, name):
            continue
        size = own_size if full else 32
        model, encode, decode = make(full is not None, size)
        pixels = torch.from_numpy(np.stack(prepare(pictures, size))).permute(0, 3, 1, 2).float()
        ids, scores, shape = encode(pixels)
        decoded = decode(ids, shape)
        if name in ("show-o", "open-magvit2", "bitdance"):
            margin = scores.abs().min()
        else:
            best = scores.topk(2, dim=-1).values
            margin = ((best[:, 0] - best[:, 1]) / best[:, 0].abs()).min()
        print(name, "ids in use", len(ids.unique()), "least margin", float(margin), "of pixels", float(decoded.std()))
        shown = to_bytes(decoded)
        tensors[f"{name}.pixels"] = pixels.permute(0, 2, 3, 1).contiguous() if not full else pixels.flatten()[:12]
        tensors[f"{name}.ids"] = ids.reshape(len(pictures), -1).int()
        tensors[f"{name}.decoded"] = torch.from_numpy(shown)
        # Buffers that are no parameters are left out: nothing reads them.
        shapes[name] = {prefix + key: list(value.shape) for key, value in model.named_parameters()}
    target = Path(sys.argv[4]) if full else here / "expected.safetensors"
    save_file({key: value.contiguous() for key, value in tensors.items()}, target)
    if full:
        laid_out = {name: {"weights": {"model.safetensors": own}} for name, own in shapes.items()}
        target.with_suffix(".json").write_text(json.dumps(laid_out) + "\n")
    else:
        (here / "shapes.json").write_text(json.dumps(shapes) + "\n")


main()
