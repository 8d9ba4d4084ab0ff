"""Recognising eye disease in fundus photographs with PaddlePaddle."""

__version__ = "0.1.0"
