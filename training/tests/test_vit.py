import torch
from transformers import ViTModel

from vqrae_training.models.checkpoint import load_encoder, save_encoder
from vqrae_training.models.vit import ViTEncoder


def test_equals_transformers(tiny, tmp_path):
    torch.manual_seed(1)
    encoder = ViTEncoder(tiny).eval()
    save_encoder(encoder, tmp_path)
    reference = ViTModel.from_pretrained(tmp_path, add_pooling_layer=False).eval()
    pixels = torch.randn(2, 3, 32, 32)
    with torch.no_grad():
        expected = reference(pixels, output_hidden_states=True)
        taps = encoder(pixels, (1, 2, 3))
    for k, tap in enumerate(taps, start=1):
        torch.testing.assert_close(tap, expected.hidden_states[k], atol=1e-5, rtol=0)
    torch.testing.assert_close(encoder.layernorm(taps[-1]), expected.last_hidden_state, atol=1e-5, rtol=0)


def test_loads_what_it_saved(tiny, tmp_path):
    encoder = ViTEncoder(tiny)
    save_encoder(encoder, tmp_path)
    loaded = load_encoder(tmp_path)
    assert loaded.config == tiny
    for name, tensor in encoder.state_dict().items():
        assert torch.equal(tensor, loaded.state_dict()[name]), name
