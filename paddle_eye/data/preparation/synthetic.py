"""The demonstration set: photographs of a fundus drawn by a program, in PALM's layout.

It lets every tool run before the real photographs are there. The pictures show the signs of myopia that PALM's
letters stand for: P (pathologic) has pale patches of atrophy, a broad pale crescent beside the optic disc and a
tessellated ground; H (high myopia) has faint tessellation and at most a thin crescent; N has none of these. The
exposure is drawn apart from the letter, so that the mean colour of a picture does not give its class away.

Lengths without a unit are in half sides of the picture, positions in these from its middle (x to the right, y down).
Colours are blue, green, red, in 0..255 before the exposure.
"""

from __future__ import annotations

import math
from pathlib import Path
from typing import NamedTuple

import numpy as np
import openpyxl

from paddle_eye.data.sources.palm import LABEL_FILE, LABEL_OF_LETTER, TRAINING_FOLDER, VALIDATION_FOLDER
from paddle_eye.errors import InputError
from paddle_eye.files import building, put_in_place
from paddle_eye.opencv import cv2

MARKER_FILE = "DEMONSTRATION.txt"
SIZE = 224  # side of a picture in pixels

_TRAINING, _VALIDATION = 0, 1
_JPEG_QUALITY = 90
_VESSEL_SCALE = 3  # vessels are drawn this much larger and then reduced, for they are thinner than a pixel

Point = tuple[float, float]


class Signs(NamedTuple):
    """What the pictures of a letter show; each figure is drawn evenly from its range.

    Args:
        tessellation: opacity of the choroidal stripes.
        crescent: greatest breadth of the atrophy beside the disc, in radii of the disc.
        patches: number of patches of atrophy.
    """

    tessellation: tuple[float, float]
    crescent: tuple[float, float]
    patches: tuple[int, int]


SIGNS = {
    "N": Signs(tessellation=(0.0, 0.0), crescent=(0.0, 0.0), patches=(0, 0)),
    "H": Signs(tessellation=(0.08, 0.18), crescent=(0.0, 0.25), patches=(0, 0)),
    "P": Signs(tessellation=(0.35, 0.6), crescent=(0.8, 1.6), patches=(2, 4)),
}


class Fundus(NamedTuple):
    """One drawn photograph.

    Args:
        picture: uint8 [size, size, 3], BGR.
        fovea: x and y in pixels from the upper left corner.
    """

    picture: np.ndarray
    fovea: Point


class Grid(NamedTuple):
    """The position of every pixel, float32 [size, size] each."""

    x: np.ndarray
    y: np.ndarray


def is_demonstration(folder: Path) -> bool:
    """Whether `draw` made this folder."""
    return (folder / MARKER_FILE).is_file()


def draw(folder: Path, seed: int = 0, training: int = 96, validation: int = 64) -> None:
    """Draw the set to ``folder``, whole or not at all.

    Half of either part has the letter P, an eighth H, the rest N. The same seed and numbers give the same set; another
    version of OpenCV may round a few pixels to the next value.

    Args:
        folder: must not exist yet.
        seed: 0 or more.
        training: number of training pictures.
        validation: number of validation pictures.

    Raises:
        InputError: ``folder`` exists.
    """
    if folder.exists():
        raise InputError(f"{folder} exists already; move it away or give another folder")
    with building(folder) as work:
        for part in (TRAINING_FOLDER, VALIDATION_FOLDER, LABEL_FILE.parent):
            (work / part).mkdir(parents=True)
        _draw_training(work / TRAINING_FOLDER, seed, training)
        _draw_validation(work / VALIDATION_FOLDER, work / LABEL_FILE, seed, validation)
        (work / MARKER_FILE).write_text(_notice(seed), encoding="utf-8")
        put_in_place(work, folder)


def _notice(seed: int) -> str:
    return (
        "DEMONSTRATION SET\n\n"
        "These pictures are drawn by a program (synthetic.py of paddle_eye). They are not medical data: no eye was\n"
        "photographed, and nothing measured on them says anything about eyes.\n\n"
        f"seed: {seed}\n"
    )


def _letters(count: int) -> str:
    pathologic, high = count // 2, count // 8
    return "H" * high + "N" * (count - high - pathologic) + "P" * pathologic


def _draw_training(folder: Path, seed: int, count: int) -> None:
    """Files named by letter and a number within the letter: H0001.jpg, N0001.jpg, P0001.jpg …"""
    letters = _letters(count)
    for number, letter in enumerate(letters, start=1):
        fundus = draw_fundus(letter, np.random.default_rng([seed, _TRAINING, number]))
        _write_jpeg(folder / f"{letter}{number - letters.index(letter):04d}.jpg", fundus.picture)


def _draw_validation(folder: Path, label_file: Path, seed: int, count: int) -> None:
    """Files V0001.jpg … in an order of letters that only the sheet tells, with the drawn position of the fovea."""
    workbook = openpyxl.Workbook()
    workbook.active.append(["ID", "imgName", "Label", "Fovea_X", "Fovea_Y"])
    letters = np.random.default_rng([seed, _VALIDATION]).permutation(list(_letters(count)))
    for number, letter in enumerate(letters, start=1):  # from 1: numpy takes [seed, part, 0] for [seed, part]
        name = f"V{number:04d}.jpg"
        fundus = draw_fundus(letter, np.random.default_rng([seed, _VALIDATION, number]))
        _write_jpeg(folder / name, fundus.picture)
        workbook.active.append([number, name, LABEL_OF_LETTER[letter], *(round(value, 2) for value in fundus.fovea)])
    workbook.save(label_file)


def _write_jpeg(path: Path, picture: np.ndarray) -> None:
    _, data = cv2.imencode(".jpg", picture, [cv2.IMWRITE_JPEG_QUALITY, _JPEG_QUALITY])
    path.write_bytes(data.tobytes())


def draw_fundus(letter: str, generator: np.random.Generator, size: int = SIZE) -> Fundus:
    """Draw one photograph.

    Args:
        letter: ``'H'``, ``'N'`` or ``'P'``.
        generator: decides everything else about the picture.
        size: side of the picture in pixels.
    """
    signs = SIGNS[letter]
    axis = (np.arange(size, dtype=np.float32) + 0.5) * (2 / size) - 1
    grid = Grid(*np.meshgrid(axis, axis))
    nasal = generator.choice([-1, 1])  # the side of the disc: left in a left eye, right in a right one
    fovea = (-0.08 * nasal + generator.normal(0, 0.05), generator.normal(0.03, 0.05))
    disc = (fovea[0] + nasal * generator.uniform(0.54, 0.64), fovea[1] + generator.normal(-0.06, 0.03))
    disc_radius = generator.uniform(0.105, 0.135)

    picture = _ground(generator, size)
    _blend(picture, (56, 122, 210), generator.uniform(*signs.tessellation) * _stripes(generator, size))
    macula = _distance(grid, fovea) / generator.uniform(0.13, 0.19)
    picture *= 1 - generator.uniform(0.25, 0.45) * np.exp(-0.5 * macula**2)[..., None]
    for _ in range(generator.integers(signs.patches[0], signs.patches[1] + 1)):
        _draw_patch(picture, generator, grid, fovea)
    _draw_crescent(picture, generator, grid, disc, disc_radius, fovea, generator.uniform(*signs.crescent))
    _draw_disc(picture, generator, grid, disc, disc_radius)
    _draw_vessels(picture, generator, grid, disc, fovea)
    _expose(picture, generator, grid)
    return Fundus(_photograph(picture, generator, grid), tuple((float(value) + 1) * size / 2 for value in fovea))


def _ground(generator: np.random.Generator, size: int) -> np.ndarray:
    """The orange-red background, float32 [size, size, 3], slightly mottled."""
    colour = np.array([38, 84, 172]) * (1 + generator.uniform(-1, 1, 3) * [0.12, 0.12, 0.06])
    mottled = 1 + 0.04 * _noise(generator, size, 0.16) + 0.02 * _noise(generator, size, 0.03)
    return (mottled[..., None] * colour).astype(np.float32)


def _stripes(generator: np.random.Generator, size: int) -> np.ndarray:
    """Choroidal vessels, opacity 0..1: bands where elongated noise is near 0, turned by some angle."""
    breadth = generator.uniform(0.03, 0.042)
    noise = _noise(generator, size, 2 * breadth, breadth)
    turn = cv2.getRotationMatrix2D((size / 2, size / 2), generator.uniform(-40, 40), 1.0)
    noise = cv2.warpAffine(noise, turn, (size, size), borderMode=cv2.BORDER_REFLECT)
    return np.clip(1.2 - 1.4 * np.abs(noise), 0, 1)


def _draw_patch(picture: np.ndarray, generator: np.random.Generator, grid: Grid, fovea: Point) -> None:
    """One irregular patch of atrophy near the macula, with a dark rim and some choroid showing through."""
    size = len(picture)
    angle, distance = generator.uniform(0, 2 * math.pi), generator.uniform(0.05, 0.45)
    centre = (fovea[0] + distance * math.cos(angle), fovea[1] + distance * math.sin(angle))
    radius = generator.uniform(0.13, 0.24)
    ragged = 0.2 * _noise(generator, size, 0.4 * radius) + 0.08 * _noise(generator, size, 0.02)
    picture *= 1 - 0.2 * _spot(grid, centre, 1.1 * radius, 0.1, ragged)[..., None]
    paleness = generator.uniform(0.8, 0.95) * (1 - 0.35 * _stripes(generator, size))
    _blend(picture, (112, 184, 228), paleness * _spot(grid, centre, radius, generator.uniform(0.02, 0.06), ragged))


def _draw_crescent(
    picture: np.ndarray,
    generator: np.random.Generator,
    grid: Grid,
    disc: Point,
    disc_radius: float,
    fovea: Point,
    breadth: float,
) -> None:
    """Atrophy that reaches ``breadth`` radii of the disc from its rim towards the fovea; the disc is drawn over it."""
    if breadth == 0:
        return
    centre = (disc[0] + 0.5 * breadth * disc_radius * np.sign(fovea[0] - disc[0]), disc[1])
    radius = (1.06 + 0.5 * breadth) * disc_radius
    ragged = 0.06 * _noise(generator, len(picture), 0.06)
    paleness = generator.uniform(0.65, 0.85) * (1 - 0.25 * _stripes(generator, len(picture)))
    _blend(picture, (110, 186, 230), paleness * _spot(grid, centre, radius, 0.04, ragged))


def _draw_disc(
    picture: np.ndarray, generator: np.random.Generator, grid: Grid, disc: Point, disc_radius: float
) -> None:
    """The optic disc, an upright ellipse with a blurred rim, and its paler cup."""
    upright, centre = Grid(grid.x * 1.12, grid.y), (disc[0] * 1.12, disc[1])
    _blend(picture, (58, 126, 222), 0.9 * _spot(upright, centre, disc_radius, 0.035))
    _blend(picture, (116, 192, 240), 0.8 * _spot(upright, centre, generator.uniform(0.3, 0.55) * disc_radius, 0.05))


def _draw_vessels(picture: np.ndarray, generator: np.random.Generator, grid: Grid, disc: Point, fovea: Point) -> None:
    """Arteries and broader, darker veins: the arcades around the macula, the nasal ones, and twigs to the macula."""
    size = len(picture)
    ahead = math.atan2(fovea[1] - disc[1], fovea[0] - disc[0])  # from the disc to the fovea
    for width, darkness in ((0.013, 0.42), (0.019, 0.58)):
        mask = np.zeros((size * _VESSEL_SCALE,) * 2, np.uint8)
        for side in (-1, 1):
            for heading, turn, thinner, length in (
                (generator.normal(1.35, 0.12), generator.normal(-1.3, 0.12), 1.0, 1.7),
                (generator.normal(2.35, 0.2), generator.normal(0.2, 0.2), 0.7, 0.9),
                (generator.normal(0.7, 0.15), generator.normal(-0.6, 0.3), 0.4, 0.55),
            ):
                _grow(mask, generator, disc, ahead + side * heading, side * turn, thinner * width, length)
        opacity = cv2.resize(mask, (size, size), interpolation=cv2.INTER_AREA).astype(np.float32) / 255
        opacity *= 1 - np.exp(-0.5 * (_distance(grid, fovea) / 0.1) ** 2)  # the fovea has no vessels
        picture *= 1 - darkness * opacity[..., None] * np.array([0.95, 1.0, 0.5], np.float32)


def _grow(
    mask: np.ndarray,
    generator: np.random.Generator,
    start: Point,
    heading: float,
    turn: float,
    width: float,
    length: float,
) -> None:
    """Draw a vessel, which gets thinner along its way, and its branches.

    Args:
        mask: uint8, square; drawn on.
        generator: of the wobble and the branching.
        start: where the vessel begins.
        heading: its first direction in radians.
        turn: radians per unit of length, on average.
        width: at its beginning.
        length: of the vessel itself; branches have about half of what is left of it.
    """
    step, half = 0.05, len(mask) / 2
    x, y = start
    for travelled in np.arange(0, length, step).tolist():
        heading += step * turn + generator.normal(0, 0.07)
        next_x, next_y = x + step * math.cos(heading), y + step * math.sin(heading)
        thickness = width * (1 - 0.6 * travelled / length)
        ends = [(round((1 + a) * half), round((1 + b) * half)) for a, b in ((x, y), (next_x, next_y))]
        cv2.line(mask, *ends, 255, max(1, round(thickness * half)), cv2.LINE_AA)
        x, y = next_x, next_y
        if travelled > 0.1 and thickness > 0.004 and generator.random() < 0.16:
            bend = generator.choice([-1, 1]) * generator.uniform(0.4, 0.9)
            shorter = generator.uniform(0.4, 0.7) * (length - travelled)
            _grow(mask, generator, (x, y), heading + bend, -0.5 * bend, 0.65 * thickness, shorter)


def _expose(picture: np.ndarray, generator: np.random.Generator, grid: Grid) -> None:
    """Uneven light, vignetting, and the mean colour of the photograph, which is drawn whatever the picture shows."""
    away = generator.uniform(0, 2 * math.pi)
    light = 1 + generator.uniform(0, 0.25) * (math.cos(away) * grid.x + math.sin(away) * grid.y)
    light -= generator.uniform(0.15, 0.45) * (grid.x**2 + grid.y**2)
    picture *= light[..., None].astype(np.float32)
    exposure = generator.uniform(0.85, 1.15)
    mean = exposure * np.array([40, 80, 158]) * (1 + generator.uniform(-1, 1, 3) * [0.15, 0.1, 0.06])
    picture *= (mean / picture[grid.x**2 + grid.y**2 < 1].mean(axis=0)).astype(np.float32)


def _photograph(picture: np.ndarray, generator: np.random.Generator, grid: Grid) -> np.ndarray:
    """What the camera makes of it: some blur, a round field of view, noise; uint8."""
    size = len(picture)
    picture = cv2.GaussianBlur(picture, (0, 0), size * generator.uniform(0.0015, 0.0045))
    field = np.clip((generator.uniform(0.93, 0.98) - np.hypot(grid.x, grid.y)) * size / 4 + 0.5, 0, 1)[..., None]
    noise = generator.standard_normal(picture.shape, dtype=np.float32)
    picture = picture * field + 3 + generator.uniform(1, 3.5) * (0.2 + 0.8 * field) * noise
    return np.clip(np.round(picture), 0, 255).astype(np.uint8)


def _noise(generator: np.random.Generator, size: int, breadth: float, height: float | None = None) -> np.ndarray:
    """Smooth noise, float32 [size, size], mean 0 and standard deviation 1, that varies over the given lengths."""
    coarse = size // 2  # fine enough for all lengths here, and four times as quick
    white = generator.standard_normal((coarse, coarse), dtype=np.float32)
    smooth = cv2.GaussianBlur(white, (0, 0), breadth * coarse / 2, sigmaY=(height or breadth) * coarse / 2)
    smooth = cv2.resize(smooth, (size, size), interpolation=cv2.INTER_CUBIC)
    return (smooth - smooth.mean()) / smooth.std()


def _distance(grid: Grid, centre: Point) -> np.ndarray:
    return np.hypot(grid.x - np.float32(centre[0]), grid.y - np.float32(centre[1]))


def _spot(grid: Grid, centre: Point, radius: float, softness: float, ragged: np.ndarray | float = 0.0) -> np.ndarray:
    """Opacity of a round spot, 1 inside and 0 outside, with a rim ``softness`` broad; float32 [size, size].

    ``ragged`` moves the rim from place to place, in radii of the spot.
    """
    return np.clip((radius * (1 + ragged) - _distance(grid, centre)) / softness + 0.5, 0, 1)


def _blend(picture: np.ndarray, colour: tuple[int, int, int], opacity: np.ndarray) -> None:
    """Lay a colour over the picture, in place."""
    picture += opacity[..., None] * (np.array(colour, np.float32) - picture)
