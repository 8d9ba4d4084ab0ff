"""The one import of OpenCV, so that a missing system library is explained once."""

try:
    import cv2
except ImportError as error:
    if ".so" not in str(error):
        raise
    raise ImportError(
        f"OpenCV is installed but a system library it needs is missing ({error}); "
        "on Debian or Ubuntu run: apt-get install libgl1 libglib2.0-0"
    ) from error

__all__ = ["cv2"]
