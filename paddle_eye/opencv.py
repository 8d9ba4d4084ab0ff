"""The one import of OpenCV, so that a missing system library is explained once, and no picture fills the memory."""

import os

# Of a picture in any tool; it takes three bytes a pixel, several times over.
MOST_MEGAPIXELS = int(os.environ.get("PADDLE_EYE_MOST_MEGAPIXELS", 80))

os.environ.setdefault("OPENCV_IO_MAX_IMAGE_PIXELS", str(MOST_MEGAPIXELS * 10**6))  # read when OpenCV is imported

try:
    import cv2
except ImportError as error:
    if ".so" not in str(error):
        raise
    raise ImportError(
        f"OpenCV is installed but a system library it needs is missing ({error}); "
        "on Debian or Ubuntu run: apt-get install libgl1 libglib2.0-0"
    ) from error

__all__ = ["MOST_MEGAPIXELS", "cv2"]
