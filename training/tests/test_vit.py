import torch
from transformers import ViTConfig, ViTModel

from vqrae_training.models.decoder import Decoder, DecoderConfig
from vqrae_training.models.encoder import Encoder
from vqrae_training.models.vit import Layers


def test_blocks_equal_transformers_under_the_names_on_disk(vit):
    own = Layers(3, 32, 2, 64, 1e-6)
    tensors = {k.removeprefix("encoder."): t for k, t in vit.disk_tensors().items() if k.startswith("encoder.layer.")}
    own.load_state_dict(tensors)
    x = torch.randn(2, 5, 32)
    with torch.no_grad():
        y, wanted = x, x
        for block, reference in zip(own.layer, vit.blocks, strict=True):
            y, wanted = block(y), reference(wanted)
    torch.testing.assert_close(y, wanted, atol=1e-5, rtol=0)


def test_a_tower_equals_its_transformers_model(vit, tmp_path):
    reference = ViTModel(ViTConfig(**vit.config), add_pooling_layer=False).eval()
    reference.load_state_dict(vit.tower.state_dict())
    pixels = torch.randn(2, 3, 32, 32)
    with torch.no_grad():
        expected = reference(pixels, output_hidden_states=True)
        taps = vit(pixels, (1, 2, 3))
    for k, tap in enumerate(taps, start=1):
        torch.testing.assert_close(tap, expected.hidden_states[k], atol=1e-5, rtol=0)
    torch.testing.assert_close(vit.final_norm(taps[-1]), expected.last_hidden_state, atol=1e-5, rtol=0)


def gradients(module: torch.nn.Module, loss: torch.Tensor) -> dict[str, torch.Tensor]:
    module.zero_grad()
    loss.backward()
    return {name: p.grad.clone() for name, p in module.named_parameters() if p.grad is not None}


def test_checkpointing_changes_no_gradient(vit):
    decoder = Decoder(DecoderConfig(hidden_size=32, intermediate_size=64, layers=2, heads=2, patch_size=4), grid=4)
    pixels = torch.randn(2, 3, 32, 32)

    def run() -> dict[str, torch.Tensor]:
        both = torch.nn.ModuleList([vit, decoder])
        return gradients(both, decoder(vit(pixels, (2,))[0][:, 1:]).square().mean())

    plain = run()
    vit.enable_checkpointing()
    decoder.enable_checkpointing()
    counted = []
    hooks = [b.register_forward_pre_hook(lambda *_: counted.append(1)) for b in (vit.blocks[0], decoder.layer[0])]
    again = run()
    for hook in hooks:
        hook.remove()
    assert len(counted) == 4  # each block runs once more in the backward pass
    assert plain.keys() == again.keys() and not any("blocks.2" in name or "layers.2" in name for name in plain)
    for name, gradient in plain.items():
        torch.testing.assert_close(again[name], gradient, atol=1e-6, rtol=1e-5)


def test_a_frozen_encoder_keeps_no_graph():
    encoder = Encoder({"model_type": "vit", "hidden_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2,
                       "intermediate_size": 16, "image_size": 8, "patch_size": 4}).requires_grad_(False)  # fmt: skip
    encoder.enable_checkpointing()
    assert not encoder(torch.randn(1, 3, 8, 8), (1,))[0].requires_grad
