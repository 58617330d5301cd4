"""Layers of a library of which others build models of their own: no weights come with them."""

from __future__ import annotations

import pytest

from tests.survey.verdicts import check

NET = """\
import timm
class Mixer(nn.Module):
    def __init__(self):
        super().__init__()
        self.encoder = {made}
        self.neck = nn.BatchNorm2d(8)  #! {neck}
"""


@pytest.mark.parametrize("layer", ["Attention", "WindowAttention", "Mlp", "Block", "PatchEmbed"])
def test_layers_of_transformers(layer: str) -> None:
    made = f"timm.models.vision_transformer.{layer}(8)"
    check(NET.format(made=made, neck="unknown"))


@pytest.mark.parametrize(
    "made",
    [
        "timm.models.vision_transformer.VisionTransformer(8)",
        "timm.models.vision_transformer.vit_base_patch16_224(pretrained=True)",
        "timm.models.levit.levit_128(pretrained=True)",
        # These are called alike, and have BatchNorm.
        "timm.models.levit.Attention(8)",
    ],
)
def test_networks(made: str) -> None:
    check(NET.format(made=made, neck="convert"))
