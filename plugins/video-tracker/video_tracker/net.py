"""A small one-stage detector without anchors.

Z. Tian et al., "FCOS: Fully Convolutional One-Stage Object Detection", ICCV 2019, cut down: one level
of stride 8, separable convolutions, a head of one convolution. Each cell says how likely each class
has its centre there, and how far the four edges of its box are.
"""

from typing import Final

import torch
from torch import Tensor, nn

STRIDE: Final = 8
RARE: Final = -4.6
"""The head begins at a probability of 0.01: nearly every cell is background (T.-Y. Lin et al.,
"Focal Loss for Dense Object Detection", ICCV 2017)."""


class ShapeNet(nn.Module):
    """Pictures (n, 3, height, width), 0 to 1, sides divisible by 8 -> logits (n, classes, h, w) and
    distances in cells to left, top, right, bottom (n, 4, h, w)."""

    def __init__(self, classes: int, width: int = 32) -> None:
        super().__init__()
        self.body = nn.Sequential(
            _dense(3, width // 2, stride=2),
            _separable(width // 2, width, stride=2),
            _separable(width, 2 * width, stride=2),
            _Residual(2 * width, dilation=1),
            _Residual(2 * width, dilation=2),
            _Residual(2 * width, dilation=4),
            _Residual(2 * width, dilation=1),
        )
        self.head = _dense(2 * width, 2 * width)
        self.classes = nn.Conv2d(2 * width, classes, 1)
        self.edges = nn.Conv2d(2 * width, 4, 1)
        nn.init.constant_(self.classes.bias, RARE)  # type: ignore[arg-type]

    def forward(self, pictures: Tensor) -> tuple[Tensor, Tensor]:
        features = self.head(self.body(pictures * 2 - 1))
        # Bounded: half precision has no numbers for what exp() makes of a wild guess.
        return self.classes(features), torch.exp(self.edges(features).clamp(-4.0, 5.0))


class _Residual(nn.Module):
    """Sees further with each dilation, at the same cost."""

    def __init__(self, channels: int, *, dilation: int) -> None:
        super().__init__()
        self.inner = _separable(channels, channels, dilation=dilation)

    def forward(self, features: Tensor) -> Tensor:
        return features + self.inner(features)


def _dense(inputs: int, outputs: int, *, stride: int = 1) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(inputs, outputs, 3, stride=stride, padding=1, bias=False),
        nn.BatchNorm2d(outputs),
        nn.ReLU(inplace=True),
    )


def _separable(inputs: int, outputs: int, *, stride: int = 1, dilation: int = 1) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(
            inputs, inputs, 3, stride=stride, padding=dilation, dilation=dilation, groups=inputs,
            bias=False,
        ),
        nn.BatchNorm2d(inputs),
        nn.Conv2d(inputs, outputs, 1, bias=False),
        nn.BatchNorm2d(outputs),
        nn.ReLU(inplace=True),
    )  # fmt: skip
