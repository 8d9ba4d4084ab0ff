"""Recognising eye disease in fundus photographs with PaddlePaddle."""

from paddle_eye.processor import enable_avx2_on_amd

__version__ = "0.1.0"

enable_avx2_on_amd()
