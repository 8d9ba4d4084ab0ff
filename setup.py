"""Metadata and dependencies of paddle_eye."""

import re
import shutil
from pathlib import Path

from setuptools import find_packages, setup
from setuptools.command.build_py import build_py

HERE = Path(__file__).resolve().parent
VERSION = re.search(r'__version__ = "(.+?)"', (HERE / "paddle_eye/__init__.py").read_text(encoding="utf-8"))[1]


class BuildWithRecipes(build_py):
    """An installed package, which has no repository around it, holds the recipes itself."""

    def run(self):
        super().run()
        if not self.editable_mode:
            shutil.copytree(HERE / "configs", Path(self.build_lib) / "paddle_eye/configs", dirs_exist_ok=True)


setup(
    name="paddle_eye",
    version=VERSION,
    description="Recognising eye disease in fundus photographs with PaddlePaddle",
    long_description=(HERE / "README.md").read_text(encoding="utf-8"),
    long_description_content_type="text/markdown",
    license="Apache-2.0",
    packages=find_packages(include=["paddle_eye", "paddle_eye.*"]),
    cmdclass={"build_py": BuildWithRecipes},
    package_data={"paddle_eye": ["bundled/*"], "paddle_eye.report": ["*.html"]},
    python_requires=">=3.9,<3.13",
    install_requires=[
        "opencv-python",
        "numpy",
        "openpyxl",
        "pandas",
        "matplotlib",
        "Pillow",
        "scikit-learn",
        "scipy",
        "PyYAML",
        "tqdm",
        "jinja2",
        "safetensors",
        "threadpoolctl",
    ],
    extras_require={
        "cpu": ["paddlepaddle>=2.6.2"],
        # 2.6.2 is the newest GPU build on the public index; it was built against numpy 1 and imports setuptools. The
        # page's tables need pyarrow, of which later releases refuse numpy 1.
        "gpu": ["paddlepaddle-gpu==2.6.2", "numpy<2", "pyarrow<25", "setuptools"],
        "onnx": ["paddle2onnx>=2", "onnxruntime"],
        "visualdl": ["visualdl"],
        "web": ["streamlit>=1.49"],
        "test": [
            "pytest",
            "pytest-xdist",
            "ruff",
            "nbclient",
            "nbformat",
            "ipykernel",
            "selenium",
            "scikit-image",
            "hypothesis",
        ],
    },
    classifiers=[
        "Development Status :: 4 - Beta",
        "Intended Audience :: Science/Research",
        "License :: OSI Approved :: Apache Software License",
        "Programming Language :: Python :: 3",
        "Programming Language :: Python :: 3.9",
        "Programming Language :: Python :: 3.10",
        "Programming Language :: Python :: 3.11",
        "Programming Language :: Python :: 3.12",
        "Topic :: Scientific/Engineering :: Artificial Intelligence",
        "Topic :: Scientific/Engineering :: Medical Science Apps.",
    ],
)
