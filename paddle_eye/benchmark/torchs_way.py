"""The same in PyTorch, where it is installed: ResNet-50 as torchvision builds it."""

from __future__ import annotations

from typing import Any

from paddle_eye.benchmark.contract import Conditions, Work
from paddle_eye.benchmark.drawn import side
from paddle_eye.processor import peak_memory, usable_cores

_BATCH = 10
_STAGES, _QUICK_STAGES = ((3, 64), (4, 128), (6, 256), (3, 512)), ((1, 8), (1, 16))  # blocks, width


def _network(stages: tuple[tuple[int, int], ...]) -> Any:
    import torch
    from torch import nn

    def convolution(channels: int, filters: int, size: int, stride: int = 1) -> list[nn.Module]:
        return [nn.Conv2d(channels, filters, size, stride, size // 2, bias=False), nn.BatchNorm2d(filters)]

    class Bottleneck(nn.Module):
        def __init__(self, channels: int, width: int, stride: int) -> None:
            super().__init__()
            self.path = nn.Sequential(
                *convolution(channels, width, 1),
                nn.ReLU(inplace=True),
                *convolution(width, width, 3, stride),
                nn.ReLU(inplace=True),
                *convolution(width, 4 * width, 1),
            )
            changed = stride != 1 or channels != 4 * width
            self.shortcut = nn.Sequential(*(convolution(channels, 4 * width, 1, stride) if changed else []))

        def forward(self, inputs: torch.Tensor) -> torch.Tensor:
            return torch.relu(self.path(inputs) + self.shortcut(inputs))

    first = stages[0][1]
    layers = [*convolution(3, first, 7, 2), nn.ReLU(inplace=True), nn.MaxPool2d(3, 2, 1)]
    channels = first
    for blocks, width in stages:
        for number in range(blocks):
            layers.append(Bottleneck(channels, width, 2 if number == 0 and width != first else 1))
            channels = 4 * width
    return nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(channels, 2))


def training_step(conditions: Conditions, cores: int | None = None) -> Work:
    """One step of 10 pictures that are in memory; None takes all cores."""
    before = peak_memory()
    import torch

    model, inputs = _ready(conditions, cores)
    labels = torch.arange(_BATCH, device=inputs.device) % 2
    optimizer = torch.optim.SGD(model.parameters(), lr=0.0001, momentum=0.9)

    def step() -> dict[str, float]:
        loss = torch.nn.functional.cross_entropy(model(inputs), labels)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        loss.item()
        return _memory_since(before)

    return Work(step)


def forward(conditions: Conditions) -> Work:
    """The network in evaluation mode on 10 pictures that are in memory, on all cores."""
    before = peak_memory()
    import torch

    model, inputs = _ready(conditions, None)
    model.eval()

    @torch.no_grad()
    def run() -> dict[str, float]:
        model(inputs).cpu()
        return _memory_since(before)

    return Work(run)


def _ready(conditions: Conditions, cores: int | None) -> tuple[Any, Any]:
    """Network and pictures on the device."""
    import torch

    torch.set_num_threads(cores or usable_cores())
    device = {"cpu": "cpu", "gpu": "cuda"}[conditions.device]
    model = _network(_QUICK_STAGES if conditions.quick else _STAGES).to(device)
    return model, torch.rand(_BATCH, 3, side(conditions), side(conditions), device=device)


def _memory_since(before: int | None) -> dict[str, float]:
    """The most memory without what the process took before PyTorch was imported, such as Paddle's."""
    return {} if before is None else {"peak": (peak_memory() - before) / 2**20}
