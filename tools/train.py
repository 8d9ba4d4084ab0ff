#!/usr/bin/env python
"""Train a network: on iChallenge-PM (PALM), on the demonstration set if no photographs are there, or on your own.

Examples:
  python tools/train.py --version D
  python tools/train.py --version D --resume              go on after the last finished epoch
  python tools/train.py --layers 101 --set train.momentum=0.95
  python tools/train.py --config configs/fundus6_resnet18_nam.yaml
  python tools/train.py --config configs/membrane_damu_unet.yaml     masks: U-Net and its kin
  python tools/train.py --model shufflenet_v2_x0_5 --data DIR    DIR holds train.csv and test.csv, or train/ and val/
"""

from __future__ import annotations

import argparse
import shlex
import sys

from paddle_eye import cli, config
from paddle_eye.errors import InputError

FLAGS = {  # flag: (setting, type, help)
    "--model": ("model.name", str, "resnet (50, 101 or 152 layers, versions O, B, C, D), resnet18, unet …"),
    "--version": ("model.version", str, "O, B, C or D"),
    "--layers": ("model.layers", int, "50, 101 or 152"),
    "--attention": ("model.attention", str, "nam or nam+spatial, in resnet18"),
    "--epochs": ("train.epochs", int, "passes over the training photographs"),
    "--batch-size": ("train.batch_size", int, "photographs per batch, of each process"),
    "--accumulate": ("train.accumulate", int, "batches per step"),
    "--amp": ("train.amp", str, "off, bf16 or fp16: compute with 16 bits on a GPU"),
    "--lr": ("train.lr", float, "learning rate"),
    "--optim": ("train.optim", str, "SGD (with momentum), Adam or AdamW"),
    "--lrf": ("train.lrf", float, "the cosine schedule ends at this share of the learning rate"),
    "--freeze": (
        "train.freeze",
        str,
        "stem, stageN (stem and stages up to N) or backbone (all but the last layers)",
    ),
    "--class-weights": ("train.class_weights", str, "balanced: the rarer a class, the more its images count"),
    "--sampler": ("train.sampler", str, "balanced: draw every class equally often"),
    "--seed": ("train.seed", int, "fixes the first weights, the order and the held-out photographs"),
    "--weights": ("train.weights", cli.path_text, "start from the weights in this file, the last layer's among them"),
    "--pretrained": (
        "train.pretrained",
        cli.path_text,
        "official, or a file: start from its weights with new last layers",
    ),
    "--holdout": ("data.holdout", float, "choose the best epoch on this share of the training photographs"),
    "--data": ("data.path", cli.path_text, "folder with the photographs, or with the folders image and label"),
    "--folds": ("data.folds", int, "masks: divide the pictures into so many blocks, test on each in turn"),
    "--fold": ("data.fold", int, "masks: test on this block alone, counted from 1 (default: the last of 5)"),
    "--preset": ("data.preset", str, "what is done to the pictures: document, imagenet or fundus"),
    "--device": ("train.device", str, "auto, cpu, gpu or gpu:N"),
}


def main() -> None:
    parser = cli.parser(__doc__)
    parser.add_argument(
        "--config", type=cli.path, help="settings (default: PALM's, those of masks or of the drawn set)"
    )
    for flag, (key, kind, text) in FLAGS.items():
        parser.add_argument(flag, dest=key, type=kind, metavar=flag[2:].upper(), help=text)
    parser.add_argument("--set", action="append", default=[], metavar="KEY=VALUE", help="any other setting")
    parser.add_argument("--output", type=cli.folder, default="output", help="folder of the runs (default: output)")
    cli.add_cache_flag(parser)
    parser.add_argument("--visualdl", action="store_true", help="keep a log for VisualDL, RUN/vdl_log")
    existing = parser.add_mutually_exclusive_group()
    existing.add_argument("--resume", action="store_true", help="go on with the newest run of this name, if any")
    existing.add_argument("--overwrite", action="store_true", help="replace the run of this name")
    arguments = parser.parse_args()
    given = config.parse_assignments(arguments.set)
    flags = {key: getattr(arguments, key) for key, _, _ in FLAGS.values()}
    flags = {key: value for key, value in flags.items() if value is not None}
    if doubles := sorted(given.keys() & flags.keys()):
        raise InputError(f"--set {doubles[0]}: it is also given with a flag of its own; leave one")
    given.update(flags)

    cli.import_paddle()
    from paddle_eye.data.store import choose_store
    from paddle_eye.runs.cross_validation import chosen_folds, require_blocks, write_summary

    choose_store(arguments.cache)
    folds = chosen_folds(given)
    if len(folds) > 1 and not arguments.resume:
        require_blocks(arguments.config, folds[0])
    finished = [train(arguments, settings) for settings in folds]
    if len(finished) > 1 and None not in finished:
        print(f"summary {write_summary(arguments.output, finished)}")


def train(arguments: argparse.Namespace, given: dict) -> dict | None:
    """One run; what its metrics.json holds, in the process that leads."""
    from paddle_eye.engine.display import ConsoleDisplay, Displays
    from paddle_eye.engine.visualdl_log import VisualDLDisplay
    from paddle_eye.runs.choose import choose_run
    from paddle_eye.runs.train import result_lines
    from paddle_eye.runs.train import train as train_run
    from paddle_eye.tasks.registry import task_of

    display = Displays(ConsoleDisplay(), *([VisualDLDisplay()] if arguments.visualdl else []))
    run, settings, location = choose_run(
        arguments.output, arguments.config, given, resume=arguments.resume, note=display.note
    )
    if arguments.cache and task_of(settings).of_pixels:
        raise InputError(f"--cache {arguments.cache}: pictures with masks are kept in memory; leave it out")
    finished = train_run(
        settings,
        location,
        arguments.output,
        run=run,
        overwrite=arguments.overwrite,
        command=shlex.join(["python", *sys.argv]),
        display=display,
    )
    if finished is None:
        return None
    run, results = finished
    print(*result_lines(results), f"report {run.report}", sep="\n")
    return results


if __name__ == "__main__":
    cli.run(main, "stopped; it goes on after its last finished epoch with --resume")
