"""The names that settings, tables of builders and flags share, each typed once. Paddle is not imported here."""

from typing import Literal, Optional

NetworkName = Literal[
    "resnet",
    "resnet18",
    "resnet34",
    "resnet50",
    "resnet101",
    "resnet152",
    "resnext50_32x4d",
    "resnext50_64x4d",
    "resnext101_32x4d",
    "resnext101_32x8d",
    "resnext101_64x4d",
    "resnext152_32x4d",
    "resnext152_64x4d",
    "shufflenet_v2_x0_25",
    "shufflenet_v2_x0_33",
    "shufflenet_v2_x0_5",
    "shufflenet_v2_x1_0",
    "shufflenet_v2_x1_5",
    "shufflenet_v2_x2_0",
    "unet",
    "att_unet",
    "datt_unet",
    "damu_unet",
]
NetworkTask = Literal["classification", "segmentation"]
LayerCount = Literal[50, 101, 152]
Version = Literal["O", "B", "C", "D"]
Definition = Literal["document", "paper"]
Attention = Optional[Literal["nam", "nam+spatial"]]
Preset = Literal["document", "imagenet", "fundus"]
Optimizer = Literal["SGD", "Adam", "AdamW"]
LearningRateSchedule = Literal["constant", "cosine"]
MaskLoss = Literal["tversky", "focal_tversky", "dice", "bce_dice"]
Pixels = Literal["plain", "green"]
Sampler = Literal["shuffled", "balanced"]
Amp = Literal["off", "bf16", "fp16"]
Gate = Literal["warn", "refuse"]
ExportFormat = Literal["paddle", "onnx"]
