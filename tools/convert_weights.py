#!/usr/bin/env python
"""Turn a weight file of Paddle, PaddleClas or PyTorch into one of this project, which says what it is of.

Nothing in the file is run. Names are mapped, and every one must be accounted for.

Examples:
  python tools/convert_weights.py shufflenetv2_x0.5-f707e7126e.pth shufflenet.pdparams
  python tools/convert_weights.py resnet50-0676ba61.pth resnet50_vB.pdparams --model resnet    version B of the paper
  python tools/convert_weights.py ResNet50_vd_pretrained.pdparams resnet50_vD.safetensors      version D of the paper
  python tools/convert_weights.py ResNet34.pth flowers.pdparams --classes class_indices.json   for predict.py
"""

from paddle_eye import cli


def main() -> None:
    parser = cli.parser(__doc__)
    parser.add_argument("source", type=cli.path, metavar="IN", help="the file to read")
    parser.add_argument("target", type=cli.file, metavar="OUT", help="the file to write: .pdparams or .safetensors")
    parser.add_argument("--model", help="which network it is of (default: the first whose names and shapes fit)")
    parser.add_argument("--layers", type=int, help="depth, for a file of the document's code whose name does not say")
    parser.add_argument("--version", help="O, B, C or D, for a file of the document's code whose name does not say")
    parser.add_argument("--classes", type=cli.path, metavar="FILE", help='JSON of their names: {"0": "healthy", …}')
    arguments = parser.parse_args()

    cli.import_paddle()
    from paddle_eye.weights.conversion import convert

    how = (arguments.model, arguments.layers, arguments.version, arguments.classes)
    architecture = convert(arguments.source, arguments.target, *how)
    print(f"{arguments.target}: {', '.join(f'{key} {value}' for key, value in architecture.items())}")


if __name__ == "__main__":
    cli.run(main)
