#!/usr/bin/env python
"""Write a trained network as files that run without this project, and check that they compute the same.

Beside the network stands description.json: its classes and what its pictures must go through.

Examples:
  python tools/export.py output/resnet50_vD_PALM                   for Paddle Inference; also for tools/predict.py
  python tools/export.py output/resnet50_vD_PALM --format onnx     pip install -e ".[onnx]"; Paddle 3
"""

import sys

from paddle_eye import cli
from paddle_eye.run_folder import weight_file


def main() -> None:
    parser = cli.parser(__doc__)
    parser.add_argument("run", type=cli.path, metavar="RUN", help="a run's folder, or a weight file")
    parser.add_argument("--format", choices=("paddle", "onnx"), default="paddle", help="default: paddle")
    parser.add_argument(
        "--output", type=cli.target, help="the folder to make (default: exported-FORMAT beside the weights)"
    )
    arguments = parser.parse_args()
    weights = weight_file(arguments.run)

    cli.import_paddle()
    from paddle_eye.engine.device import select_device
    from paddle_eye.inference.export import export
    from paddle_eye.runs.predict import open_predictor
    from paddle_eye.weights.opened import reservations

    target = arguments.output or weights.parent / f"exported-{arguments.format}"
    select_device("cpu")
    trained = open_predictor(weights)
    difference = export(trained, target, arguments.format)
    for sentence in reservations(trained.description):
        print(f"warning: {sentence}", file=sys.stderr)
    print(f"{target}: written and run; probabilities differ from the training network's by at most {difference:.1e}")


if __name__ == "__main__":
    cli.run(main)
