"""Writes small files as torch.save makes them, and what torch.load reads of them.

Made with Python 3.12 and torch 2.13.0: python test/golden/torch-zip/make_torch_zips.py
"""

import argparse
import collections
import json
import pathlib
import tarfile
import io

import torch

HERE = pathlib.Path(__file__).parent
torch.manual_seed(0)


class Trainer:
    """A class that no reader knows."""

    def __init__(self):
        self.epochs = 3


def values(tensor):
    return {"shape": list(tensor.shape), "dtype": str(tensor.dtype), "values": tensor.detach().double().flatten().tolist()}


def save(name, value, weights, **options):
    torch.save(value, HERE / name, **options)
    expected[name] = {key: values(tensor) for key, tensor in weights.items()}


expected = {}
base = torch.randn(6, 5)
half = torch.randn(4, 3).half()
plain = {
    "f32": torch.randn(3, 4),
    "f16": half,
    "bf16": torch.randn(2, 3).bfloat16(),
    "f64": torch.randn(3).double(),
    "i64": torch.arange(5),
    "bool": torch.tensor([True, False]),
    "scalar": torch.tensor(2.5),
    "empty": torch.zeros(0, 4),
    "one": torch.arange(3.0).expand(1, 3),
}
save("plain.pt", plain, plain)
views = collections.OrderedDict(
    base=base,
    transposed=base.t(),
    rows=base[2:4],
    columns=base[:, 1:3],
    every_other=base[::2],
    expanded=base[0].expand(3, 5),
    permuted=torch.randn(2, 3, 4).permute(2, 0, 1),
    half_transposed=half.t(),
    bf16_transposed=torch.randn(3, 2).bfloat16().t(),
    parameter=torch.nn.Parameter(base[1]),
)
save("views.pt", views, views)
module = torch.nn.Sequential(torch.nn.Linear(3, 2), torch.nn.LayerNorm(2))
optimizer = torch.optim.AdamW(module.parameters())
module(torch.randn(1, 3)).sum().backward()
optimizer.step()
state = module.state_dict()
averages = {"model_ema." + name.replace(".", ""): tensor + 1 for name, tensor in state.items()}
lightning = {
    "epoch": 3,
    "global_step": 10**12,
    "state_dict": {**state, **averages, "model_ema.decay": torch.tensor(0.999), "model_ema.num_updates": torch.tensor(3)},
    "optimizer_states": [optimizer.state_dict()],
    "callbacks": {Trainer: {"best": 0.5}},
    "hyper_parameters": argparse.Namespace(lr=1e-4, name="x"),
    "trainer": Trainer(),
}
save("lightning.ckpt", lightning, {name: averages["model_ema." + name.replace(".", "")] for name in state})
ema = {name: tensor + 1 for name, tensor in state.items()}
save("ema.pt", {"model": state, "ema": ema, "optimizer": optimizer.state_dict(), "steps": 7, "args": argparse.Namespace(a=1)}, ema)
save("protocol-5.pth", {"model": {"args": {"dim": 3, "sizes": (1, 2, 3, 4), "tags": {"a"}}, "sd": dict(state)}}, state, pickle_protocol=5)
shards = HERE / "sharded"
shards.mkdir(exist_ok=True)
torch.save({"a": plain["f32"]}, shards / "pytorch_model-00001-of-00002.bin")
torch.save({"b": plain["bf16"]}, shards / "pytorch_model-00002-of-00002.bin")
index = {"metadata": {}, "weight_map": {"a": "pytorch_model-00001-of-00002.bin", "b": "pytorch_model-00002-of-00002.bin"}}
(shards / "pytorch_model.bin.index.json").write_text(json.dumps(index))
expected["sharded"] = {"a": values(plain["f32"]), "b": values(plain["bf16"])}

# What is refused.
torch.save(plain, HERE / "legacy.pt", _use_new_zipfile_serialization=False)
with tarfile.open(HERE / "tar.pt", "w") as tar:
    info = tarfile.TarInfo("storages")
    info.size = 4
    tar.addfile(info, io.BytesIO(b"0000"))
torch.jit.save(torch.jit.trace(torch.nn.Linear(2, 1), torch.zeros(1, 2)), HERE / "script.pt")


class Evil:
    def __reduce__(self):
        import os

        return os.system, ("exit 1",)


torch.save(Evil(), HERE / "evil.pt")
save("evil-beside.pt", {"model": dict(state), "evil": Evil()}, state)
(HERE / "expected.json").write_text(json.dumps(expected) + "\n")
