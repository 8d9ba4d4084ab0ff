"""Recognising eye disease in fundus photographs with PaddlePaddle.

The public names below are imported when they are first used, so that ``import paddle_eye`` does not import Paddle.
"""

import zlib  # noqa: F401  # before Paddle, whose GPU build 2.6.2 has one that Python would crash with
from importlib import import_module

from paddle_eye.processor import enable_avx2_on_amd, let_waiting_threads_sleep

__version__ = "0.1.0"

_HOME_OF = {
    "list_models": "paddle_eye.models.registry",
    "create_model": "paddle_eye.models.registry",
    "train": "paddle_eye.runs.interface",
    "evaluate": "paddle_eye.runs.interface",
    "select_device": "paddle_eye.engine.device",
    "open_predictor": "paddle_eye.runs.predict",
    "predict": "paddle_eye.inference.predictor",
    "segment": "paddle_eye.inference.segmenter",
    "grad_cam": "paddle_eye.inference.cam",
    "open_weights": "paddle_eye.weights.opened",
    "ConvBNLayer": "paddle_eye.models.layers",
    "BottleneckBlock": "paddle_eye.models.resnet",
    "ResNet": "paddle_eye.models.resnet",
    "resnet18": "paddle_eye.models.resnet_nam",
    "resnet18_nam": "paddle_eye.models.resnet_nam",
    "NAMChannelAttention": "paddle_eye.models.attention",
    "NAMSpatialAttention": "paddle_eye.models.attention",
    "nam_penalty": "paddle_eye.models.attention",
    "UNet": "paddle_eye.models.unet",
    "AttentionUNet": "paddle_eye.models.unet",
    "DeepAttentionUNet": "paddle_eye.models.unet",
    "DAMUNet": "paddle_eye.models.unet",
    "dice_loss": "paddle_eye.losses",
    "tversky_loss": "paddle_eye.losses",
    "focal_tversky_loss": "paddle_eye.losses",
    "bce_dice_loss": "paddle_eye.losses",
    "read_weights": "paddle_eye.weights.format",
    "load_into": "paddle_eye.weights.format",
    "read_picture": "paddle_eye.data.images",
    "transform_img": "paddle_eye.documents.palm",
    "data_loader": "paddle_eye.documents.palm",
    "valid_data_loader": "paddle_eye.documents.palm",
    "train_pm": "paddle_eye.documents.palm",
    "valid_pm": "paddle_eye.documents.palm",
    "split_data": "paddle_eye.documents.six_classes",
    "MyDataset": "paddle_eye.documents.six_classes",
}
__all__ = list(_HOME_OF)

enable_avx2_on_amd()
let_waiting_threads_sleep()


def __getattr__(name: str) -> object:
    if name not in _HOME_OF:
        raise AttributeError(f"module 'paddle_eye' has no attribute {name!r}")
    return getattr(import_module(_HOME_OF[name]), name)


def __dir__() -> list:
    return sorted(__all__)
