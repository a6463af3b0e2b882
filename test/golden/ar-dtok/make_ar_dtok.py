"""Writes what csuhan/Tar's own code draws after the ids of ../ta-tok, with a tiny AR-DTok and a tiny VQ-16 of LlamaGen's.

    pip install torch numpy safetensors transformers
    python make_ar_dtok.py <checkout of csuhan/Tar at 47da8e1>

Made with torch 2.13 and transformers 5.18. Weights are those of `weight` of ../tokenizers/originals.py, a formula
that the test has too: the fixture holds names and shapes alone. `arguments.pth` is a file as the authors save theirs, with
arguments beside the weights, in half precision and smaller still.

The original has no greedy drawing: at temperature 0 its `sample` divides by 1e-5, and draws what has all of the probability. No id is
nearer than NEAR_TIE logits to the next.
"""

import functools
import json
import sys
import types
from pathlib import Path

import torch
from safetensors.torch import load_file, save_file

here = Path(__file__).resolve().parent
sys.path.insert(0, str(here.parent / "tokenizers"))
from originals import weight  # noqa: E402

repository = Path(sys.argv[1])
CODES, CONDITION, STEPS, PLACES, NEAR_TIE, GUIDANCE = 64, 48, 16, 64, 0.01, 4.0


def fill(model):
    for name, parameter in model.named_parameters():
        parameter.copy_(torch.from_numpy(weight(name, tuple(parameter.shape))))
    return model.eval()


def package():
    for name in ("tok", "tok.ar_dtok"):
        module = types.ModuleType(name)
        module.__path__ = [str(repository / name.replace(".", "/"))]
        sys.modules[name] = module
    for name, member in (("einops", "rearrange"), ("torchvision.transforms", "Resize")):  # of a module that is not run here
        sys.modules[name] = types.ModuleType(name)
        setattr(sys.modules[name], member, None)
    import tok.ar_dtok.ar_model as ar
    import tok.ar_dtok.vqvae as vq
    import tok.mm_autoencoder as whole

    return ar, vq, whole


def drawer(ar, layers, dim, **arguments):
    sizes = dict(n_layer=layers, n_head=dim // 64, dim=dim, vocab_size=CODES, model_type="clip_cond", cond_dim=CONDITION)
    return ar.ARModel(ar.ModelArgs(**sizes, **arguments))


def decoder(vq):
    """A VQVAE whose constructor would read a file of the full size."""
    vq.Encoder, vq.Decoder = (functools.partial(part, ch=32) for part in (vq.Encoder, vq.Decoder))
    mult = [1, 1, 2]
    sizes = dict(codebook_size=CODES, codebook_embed_dim=4, z_channels=32, codebook_show_usage=False)
    model = vq.VQVAE.__new__(vq.VQVAE)
    torch.nn.Module.__init__(model)
    model.codebook_embed_dim = 4
    model.model = fill(vq.VQModel(vq.ModelArgs(encoder_ch_mult=mult, decoder_ch_mult=mult, **sizes)))
    model.scale_layer = vq.ScalingLayer(mean=[0.5] * 3, std=[0.5] * 3)
    return model


def teacher_forced(model, features, ids, guidance):
    """Logits before each of `ids`, [n, STEPS, CODES]: without a cache, as in training."""
    logits = lambda condition: model(ids[:, :-1], condition)[0]
    with_condition, without = logits(features), logits(torch.zeros_like(features))
    return with_condition, without + (with_condition - without) * guidance


def nearest(logits):
    return float((logits.topk(2).values @ torch.tensor([1.0, -1.0])).min())


@torch.no_grad()
def main():
    ar, vq, whole = package()
    features = load_file(here / "../ta-tok/expected.safetensors")
    auto = whole.MMAutoEncoder.__new__(whole.MMAutoEncoder)
    torch.nn.Module.__init__(auto)
    auto.decoder = decoder(vq)
    auto.ar_model = model = fill(drawer(ar, 2, 128, max_seq_len=STEPS, cls_token_num=PLACES))
    tensors = {}
    for scale in (1, 2, 3):
        condition = features[f"{scale}.decoded"]
        model.cls_token_num = condition.shape[1]  # as t2i_inference.py sets it
        auto.encoder = types.SimpleNamespace(decode_from_bottleneck=lambda _: condition)
        for name, guidance in (("guided", GUIDANCE), ("plain", 1.0)):
            pixels = auto.decode_from_encoder_indices(None, {"cfg_scale": guidance, "temperature": 0})
            ids = auto.ar_sample(condition, {"cfg_scale": guidance, "temperature": 0})
            model.reset_caches()
            plain, guided = teacher_forced(model, condition, ids.long(), GUIDANCE)
            logits = guided if name == "guided" else plain
            assert torch.equal(logits.argmax(-1), ids), "the cache changes the ids"
            print(scale, name, "nearest tie", nearest(logits), "ids", ids.unique().numel(), "of logits", float(logits.std()))
            assert nearest(logits) > NEAR_TIE
            tensors |= {f"{scale}.{name}.ids": ids.int(), f"{scale}.{name}.logits": logits, f"{scale}.{name}.pixels": pixels}
    save_file({key: value.contiguous() for key, value in tensors.items()}, here / "expected.safetensors")
    parts = {"drawer": model, "vq": auto.decoder.model}
    shapes = {part: {key: list(p.shape) for key, p in own.named_parameters()} for part, own in parts.items()}
    (here / "shapes.json").write_text(json.dumps(shapes) + "\n")

    # As it is published: by its arguments it draws 4 ids, which its positions do not tell.
    arguments = dict(max_seq_len=4, cls_token_num=70, ffn_dim_multiplier=0.25, multiple_of=64)
    small = fill(drawer(ar, 1, 64, **arguments)).half()
    saved = dict(vocab_size=CODES, model_type="clip_cond", cond_dim=CONDITION, **arguments)
    torch.save({"model": {"name": "llama-abs-tiny", "args": saved, "sd": small.state_dict()}}, here / "arguments.pth")
    small.float()
    small.cls_token_num = 70
    condition = features["1.decoded"]
    ids = torch.zeros(len(condition), 0, dtype=torch.long)
    for _ in range(4):  # without a cache: `sample` asks for as many tokens of the condition as were trained with
        (plain, _), (without, _) = small(ids, condition), small(ids, torch.zeros_like(condition))
        logits = without + (plain - without) * GUIDANCE
        assert nearest(logits[:, -1:]) > NEAR_TIE
        ids = torch.cat([ids, logits[:, -1].argmax(-1, keepdim=True)], 1)
    (here / "arguments.json").write_text(json.dumps(ids.tolist()) + "\n")


main()
