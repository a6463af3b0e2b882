"""Foreign weights: files with the names and shapes of the references' code (no published file was at hand)."""

import json

import pytest
import torch
import torch.nn.functional as F
from conftest import CROP, VIT, randomise
from safetensors.torch import load_file, save_file
from torch import nn
from transformers import ViTForImageClassification

from vqrae_training import import_weights
from vqrae_training.errors import UserError
from vqrae_training.models import rename_maps
from vqrae_training.models.checkpoint import checkpoint_config, checkpoint_tensors, load_checkpoint, load_start, read_head
from vqrae_training.models.decoder import DecoderConfig
from vqrae_training.models.encoder import Encoder, load_encoder
from vqrae_training.models.positions import stretch_positions
from vqrae_training.models.vqrae import VQRAE, CodebookConfig

D, MLP, Q, GRID = 24, 48, 4, 4
DECODER = DecoderConfig(hidden_size=D, intermediate_size=MLP, layers=2, heads=2, patch_size=Q, layer_norm_eps=1e-12)


def rae_names(diffusers: bool) -> dict[str, tuple[int, ...]]:
    shapes: dict[str, tuple[int, ...]] = {"trainable_cls_token": (1, 1, D), "decoder_pos_embed": (1, GRID**2 + 1, D)}

    def linear(name: str, d_in: int, d_out: int) -> None:
        shapes.update({f"{name}.weight": (d_out, d_in), f"{name}.bias": (d_out,)})

    linear("decoder_embed", 32, D)
    linear("decoder_pred", D, Q * Q * 3)
    attention = ("to_q", "to_k", "to_v", "to_out.0") if diffusers else (
        "attention.query", "attention.key", "attention.value", "output.dense"
    )  # fmt: skip
    for i in range(2):
        for name in attention:
            linear(f"decoder_layers.{i}.attention.{name}", D, D)
        linear(f"decoder_layers.{i}.intermediate.dense", D, MLP)
        linear(f"decoder_layers.{i}.output.dense", MLP, D)
        for norm in ("layernorm_before", "layernorm_after"):
            shapes |= {f"decoder_layers.{i}.{norm}.weight": (D,), f"decoder_layers.{i}.{norm}.bias": (D,)}
    shapes |= {"decoder_norm.weight": (D,), "decoder_norm.bias": (D,)}
    if not diffusers:
        return shapes
    others = {"encoder.model.embeddings.cls_token": (1, 1, 32), "_latents_mean": (1,), "_latents_std": (1,)}
    others |= {"encoder_mean": (1, 3, 1, 1), "encoder_std": (1, 3, 1, 1)}
    return {f"decoder.{n}": s for n, s in shapes.items()} | others


def rae_tensors(diffusers: bool) -> dict[str, torch.Tensor]:
    torch.manual_seed(0)
    return {name: torch.randn(shape) * 0.2 for name, shape in rae_names(diffusers).items()}


def rae_forward(t: dict[str, torch.Tensor], diffusers: bool, x: torch.Tensor) -> torch.Tensor:
    """The reference's decoder without its class token: tokens [n, t, 32] -> patches [n, t, q * q * 3]."""
    t = {n.removeprefix("decoder."): v for n, v in t.items()}
    q, k, v, o = ("to_q", "to_k", "to_v", "to_out.0") if diffusers else (
        "attention.query", "attention.key", "attention.value", "output.dense"
    )  # fmt: skip

    def linear(name: str, x: torch.Tensor) -> torch.Tensor:
        return F.linear(x, t[f"{name}.weight"], t[f"{name}.bias"])

    def norm(name: str, x: torch.Tensor) -> torch.Tensor:
        return F.layer_norm(x, (D,), t[f"{name}.weight"], t[f"{name}.bias"], 1e-12)

    x = linear("decoder_embed", x) + t["decoder_pos_embed"][:, 1:]
    for i in range(2):
        b = f"decoder_layers.{i}."
        h = norm(b + "layernorm_before", x)
        heads = [linear(f"{b}attention.{name}", h).unflatten(-1, (2, D // 2)).transpose(1, 2) for name in (q, k, v)]
        a = (heads[0] @ heads[1].transpose(-1, -2) / (D // 2) ** 0.5).softmax(-1) @ heads[2]
        x = x + linear(f"{b}attention.{o}", a.transpose(1, 2).flatten(2))
        x = x + linear(b + "output.dense", F.gelu(linear(b + "intermediate.dense", norm(b + "layernorm_after", x))))
    return linear("decoder_pred", norm("decoder_norm", x))


def model(**codebook) -> VQRAE:
    torch.manual_seed(1)
    return randomise(VQRAE(Encoder(VIT, CROP), CodebookConfig(64, 32, **codebook), DECODER))


@pytest.mark.parametrize("kind", ["rae", "rae-diffusers"])
def test_rae_decoders_compute_the_same_without_their_class_token(kind, tmp_path):
    diffusers = kind == "rae-diffusers"
    foreign = rae_tensors(diffusers)
    token = "decoder.trainable_cls_token" if diffusers else "trainable_cls_token"
    file, out = tmp_path / "foreign.pt", tmp_path / "ours.safetensors"
    torch.save({"model": {f"module.{n}": t for n, t in foreign.items()}}, file)
    with pytest.raises(UserError, match="attends to a class token"):
        import_weights.main([str(file), "--from", kind, "--out", str(out)])
    assert not out.exists()
    import_weights.main([str(file), "--from", kind, "--out", str(out), "--drop", token])

    ours = model()
    left = load_start(ours, out)
    assert left == [f"quantizer.{n}" for n in ("codebook.weight", "codebook_proj.weight", "in_proj.bias", "in_proj.weight")]
    x = torch.randn(2, GRID**2, 32)
    with torch.no_grad():
        pixels = ours.decoder(ours.quantizer.out_proj(x))
        patches = rae_forward(foreign, diffusers, x)
    wanted = patches.view(2, GRID, GRID, Q, Q, 3).permute(0, 5, 1, 3, 2, 4).reshape(2, 3, GRID * Q, GRID * Q)
    torch.testing.assert_close(pixels, wanted * 0.5 + 0.5, atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize("quantizer", ["simvq", "vq"])
def test_simvq_codes_keep_their_vectors(quantizer, tmp_path):
    table, proj = torch.randn(64, 32), nn.Linear(32, 32)
    names = {"quantize.embedding.weight": table, "quantize.embedding_proj.weight": proj.weight.detach()}
    names |= {"quantize.embedding_proj.bias": proj.bias.detach(), "encoder.conv_in.weight": torch.zeros(1)}
    torch.save({"state_dict": names | {"model_ema.decay": torch.zeros(1)}, "epoch": 3}, tmp_path / "last.ckpt")
    out = tmp_path / "codebook.safetensors"
    import_weights.main([str(tmp_path / "last.ckpt"), "--from", "simvq", "--out", str(out)])
    imported = [f"quantizer.{n}" for n in ("codebook.weight", "codebook_proj.bias", "codebook_proj.weight")]
    assert sorted(load_file(out)) == imported
    ours = model(quantizer=quantizer)
    before = ours.quantizer.in_proj.weight.clone()
    load_start(ours, out)
    with torch.no_grad():
        torch.testing.assert_close(ours.quantizer.effective_codebook(), proj(table))
    assert torch.equal(ours.quantizer.in_proj.weight, before)


def test_a_map_of_ones_own_makes_a_whole_checkpoint(tmp_path):
    theirs = model(layers=(3,))
    foreign = {}
    for name, tensor in checkpoint_tensors(theirs).items():
        foreign[f"net/{name}"] = tensor
    for i in range(2):  # fused, as many trainers store it
        for end in ("weight", "bias"):
            parts = [foreign.pop(f"net/decoder.layer.{i}.attention.attention.{n}.{end}") for n in ("query", "key", "value")]
            foreign[f"net/decoder.{i}.qkv.{end}"] = torch.cat(parts)
    save_file(foreign | {"net/step": torch.zeros(1)}, tmp_path / "foreign.safetensors")
    targets = [rf"decoder.layer.\1.attention.attention.{n}.\2" for n in ("query", "key", "value")]
    rules = [[r"net/decoder\.(\d+)\.qkv\.(weight|bias)", targets], [r"net/((?:encoder|quantizer|decoder)\..*)", r"\1"]]
    (tmp_path / "map.json").write_text(json.dumps({"rules": rules, "ignore": ["net/step"]}))
    (tmp_path / "config.json").write_text(json.dumps(checkpoint_config(theirs)))
    arguments = [str(tmp_path / "foreign.safetensors"), "--from", str(tmp_path / "map.json"), "--config",
                 str(tmp_path / "config.json"), "--out", str(tmp_path / "out")]  # fmt: skip
    import_weights.main(arguments)
    loaded = load_checkpoint(tmp_path / "out").state_dict()
    assert all(torch.equal(t, loaded[name]) for name, t in theirs.state_dict().items())

    del foreign["net/quantizer.in_proj.weight"]
    save_file(foreign, tmp_path / "foreign.safetensors")
    with pytest.raises(UserError, match="(?s)quantizer.*in_proj.weight"):
        import_weights.main(arguments)


def test_what_no_rule_maps_is_listed(tmp_path):
    tensors = {"quantize.embedding.weight": torch.zeros(4, 2), "other.a": torch.zeros(3), "other.b": torch.zeros(2, 2)}
    with pytest.raises(UserError, match=r"(?s)received 2 others.*\n  other.a \[3\]\n  other.b \[2, 2\]"):
        rename_maps.rename(tensors, rename_maps.MAPS["simvq"])
    renamed = rename_maps.rename(tensors, rename_maps.MAPS["simvq"], ("other.a", "other.b"))
    assert list(renamed) == ["quantizer.codebook.weight"]


def test_bad_files_and_maps_are_said(tmp_path):
    (tmp_path / "text.pt").write_text("hello")
    torch.save({"epoch": 3}, tmp_path / "empty.pt")
    (tmp_path / "map.json").write_text(json.dumps({"rulez": []}))
    arguments = ["--from", "simvq", "--out", str(tmp_path / "o.safetensors")]
    for file, message in (("nothing.pt", "not there"), ("text.pt", "Expected tensors"), ("empty.pt", "named tensors")):
        with pytest.raises(UserError, match=message):
            import_weights.main([str(tmp_path / file), *arguments])
    own = str(tmp_path / "map.json")
    for source, message in (("vae", "Expected one of rae, rae-diffusers, timm-vit, simvq"), (own, "received rulez")):
        with pytest.raises(UserError, match=message):
            import_weights.main([str(tmp_path / "empty.pt"), "--from", source, "--out", "o"])


def test_a_start_that_does_not_fit_is_refused(tmp_path):
    save_file({"quantizer.codebook.weight": torch.zeros(64, 8)}, tmp_path / "small.safetensors")
    save_file({"decoder.layer.7.layernorm_before.bias": torch.zeros(D)}, tmp_path / "deep.safetensors")
    with pytest.raises(UserError, match=r"Expected shape \[64, 32\] .* quantizer.codebook.weight \[64, 8\]"):
        load_start(model(), tmp_path / "small.safetensors")
    with pytest.raises(UserError, match="received decoder.layer.7.layernorm_before.bias"):
        load_start(model(), tmp_path / "deep.safetensors")


def test_timms_vit_computes_the_same_under_hugging_faces_names(tmp_path):
    """timm's forward pass on its own names, against transformers' classifier on ours."""
    torch.manual_seed(0)
    d, mlp = VIT["hidden_size"], VIT["intermediate_size"]
    shapes = {"cls_token": (1, 1, d), "pos_embed": (1, 17, d), "patch_embed.proj.weight": (d, 3, 8, 8), "patch_embed.proj.bias": (d,)}
    for i in range(VIT["num_hidden_layers"]):
        for name, out, inner in (("attn.qkv", 3 * d, d), ("attn.proj", d, d), ("mlp.fc1", mlp, d), ("mlp.fc2", d, mlp)):
            shapes |= {f"blocks.{i}.{name}.weight": (out, inner), f"blocks.{i}.{name}.bias": (out,)}
        shapes |= {f"blocks.{i}.{norm}.{part}": (d,) for norm in ("norm1", "norm2") for part in ("weight", "bias")}
    shapes |= {"norm.weight": (d,), "norm.bias": (d,), "head.weight": (5, d), "head.bias": (5,)}
    t = {name: torch.randn(shape) * 0.2 for name, shape in shapes.items()}
    save_file(t, tmp_path / "timm.safetensors")
    config = VIT | {"id2label": {str(i): f"class {i}" for i in range(5)}}
    (tmp_path / "config.json").write_text(json.dumps(config))
    arguments = [str(tmp_path / "timm.safetensors"), "--from", "timm-vit", "--config", str(tmp_path / "config.json")]
    import_weights.main([*arguments, "--out", str(tmp_path / "vit")])

    pixels, heads = torch.randn(2, 3, 32, 32), VIT["num_attention_heads"]
    x = F.conv2d(pixels, t["patch_embed.proj.weight"], t["patch_embed.proj.bias"], stride=8).flatten(2).transpose(1, 2)
    x = torch.cat([t["cls_token"].expand(2, -1, -1), x], 1) + t["pos_embed"]
    norm = lambda x, name: F.layer_norm(x, (d,), t[f"{name}.weight"], t[f"{name}.bias"], 1e-6)
    linear = lambda x, name: F.linear(x, t[f"{name}.weight"], t[f"{name}.bias"])
    for i in range(VIT["num_hidden_layers"]):
        qkv = linear(norm(x, f"blocks.{i}.norm1"), f"blocks.{i}.attn.qkv").reshape(2, 17, 3, heads, d // heads)
        q, k, v = qkv.permute(2, 0, 3, 1, 4)
        x = x + linear(F.scaled_dot_product_attention(q, k, v).transpose(1, 2).reshape(x.shape), f"blocks.{i}.attn.proj")
        x = x + linear(F.gelu(linear(norm(x, f"blocks.{i}.norm2"), f"blocks.{i}.mlp.fc1")), f"blocks.{i}.mlp.fc2")
    wanted = linear(norm(x, "norm")[:, 0], "head")
    model = ViTForImageClassification.from_pretrained(tmp_path / "vit").eval()
    assert torch.allclose(model(pixels).logits, wanted, atol=1e-4)
    larger = {"image_size": [48, 48]}
    (tmp_path / "config.json").write_text(json.dumps(config | larger))
    import_weights.main([*arguments, "--out", str(tmp_path / "larger")])
    positions = load_encoder(tmp_path / "larger").tower.state_dict()["embeddings.position_embeddings"]
    assert positions.shape == (1, 37, d) and torch.equal(positions[:, 0], t["pos_embed"][:, 0])
    head = read_head(tmp_path / "vit")
    assert head.labels == [f"class {i}" for i in range(5)] and torch.equal(head.weight, t["head.weight"])


def test_an_encoder_keeps_its_processor_and_may_be_stored_in_half(tmp_path, capsys):
    torch.manual_seed(0)
    whole = Encoder(VIT).disk_tensors()
    (tmp_path / "config.json").write_text(json.dumps(VIT))
    processor = {"image_processor_type": "ViTImageProcessor", "image_mean": [0.1, 0.2, 0.3], "image_std": [0.4, 0.5, 0.6]}
    (tmp_path / "processor.json").write_text(json.dumps(processor))
    (tmp_path / "map.json").write_text(json.dumps({"rules": [["(.*)", "\\1"]]}))
    save_file(whole, tmp_path / "whole.safetensors")
    arguments = [str(tmp_path / "whole.safetensors"), "--from", str(tmp_path / "map.json"), "--config", str(tmp_path / "config.json")]
    import_weights.main([*arguments, "--half", "--processor", str(tmp_path / "processor.json"), "--out", str(tmp_path / "vit")])
    assert "mean (0.1, 0.2, 0.3) and std (0.4, 0.5, 0.6)" in capsys.readouterr().out
    assert load_encoder(tmp_path / "vit").mean == (0.1, 0.2, 0.3)
    stored = load_file(tmp_path / "vit/model.safetensors")
    assert {t.dtype for t in stored.values() if t.ndim > 1} == {torch.float16}
    assert {t.dtype for t in stored.values() if t.ndim == 1} == {torch.float32}


def test_positions_are_stretched_over_the_grid_and_the_class_tokens_stays():
    """A plane over the grid stays that plane but for the edges, where bicubic has no neighbours."""
    plane = lambda side: (torch.arange(side) + 0.5)[:, None].expand(side, side) / side
    positions = torch.cat([torch.full((1, 1, 1), 9.0), plane(14).reshape(1, -1, 1)], 1)
    stretched = stretch_positions(positions, 16)
    assert stretched.shape == (1, 257, 1) and stretched[0, 0, 0] == 9
    inside = stretched[0, 1:, 0].reshape(16, 16)[3:13, 3:13]
    assert torch.allclose(inside, plane(16)[3:13, 3:13], atol=5e-3)
    assert stretch_positions(positions, 14) is positions
    with pytest.raises(UserError, match="square grid"):
        stretch_positions(positions[:, :-1], 16)
