#!/usr/bin/env python
"""Write a trained network as files that run without this project, and check that they compute the same.

Beside the network stands description.json: its classes and what its pictures must go through.

Examples:
  python tools/export.py output/resnet50_vD_PALM                   for Paddle Inference; also for tools/predict.py
  python tools/export.py output/resnet50_vD_PALM --format onnx     pip install -e ".[onnx]"; Paddle 3
"""

from pathlib import Path

from paddle_eye import cli
from paddle_eye.errors import InputError
from paddle_eye.files import best_weights_in


def main() -> None:
    parser = cli.parser(__doc__)
    parser.add_argument("run", type=Path, metavar="RUN", help="a run's folder, or a weight file")
    parser.add_argument("--format", choices=("paddle", "onnx"), default="paddle", help="default: paddle")
    parser.add_argument("--output", type=Path, help="the folder to make (default: exported-FORMAT beside the weights)")
    arguments = parser.parse_args()
    weights = [arguments.run] if arguments.run.is_file() else best_weights_in(arguments.run)
    if len(weights) != 1:
        raise InputError(f"{arguments.run}: expected a weight file or a run with one, found {len(weights)}")

    from paddle_eye.inference.export import export

    target = arguments.output or weights[0].parent / f"exported-{arguments.format}"
    difference = export(weights[0], target, arguments.format)
    print(f"{target}: probabilities differ from the training network's by at most {difference:.1e}")


if __name__ == "__main__":
    cli.run(main)
