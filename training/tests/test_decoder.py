import torch

from vqrae_training.models.decoder import Decoder, DecoderConfig, pixel_patches


def test_each_token_paints_its_square():
    decoder = Decoder(DecoderConfig(hidden_size=8, intermediate_size=16, layers=0, heads=2, patch_size=4), grid=3)
    with torch.no_grad():
        decoder.position_embeddings.zero_()
        decoder.layernorm.weight.zero_()
        decoder.head.bias.copy_(torch.arange(48) / 48 - 0.5)  # row, column, channel
        decoder.layernorm.bias.zero_()
        y = decoder(torch.zeros(1, 9, 8))
    assert y.shape == (1, 3, 12, 12)
    for row, column, channel in ((0, 0, 0), (1, 2, 1), (3, 3, 2), (5, 6, 0)):
        index = ((row % 4) * 4 + column % 4) * 3 + channel
        assert abs(y[0, channel, row, column].item() - ((index / 48 - 0.5) * 0.5 + 0.5)) < 1e-6


def test_pixel_patches_follow_the_raster():
    pixels = torch.arange(3 * 8 * 8).float().view(1, 3, 8, 8)
    patches = pixel_patches(pixels, 4)
    assert patches.shape == (1, 4, 48)
    assert torch.equal(patches[0, 1].view(3, 4, 4), pixels[0, :, :4, 4:])
