"""Predictions as lines, tables and pictures."""

from __future__ import annotations

import io
from collections.abc import Sequence
from typing import Any

import numpy as np
import openpyxl
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.patheffects import withStroke

from paddle_eye.errors import visible
from paddle_eye.files import FORMULA_STARTS, no_formula
from paddle_eye.opencv import cv2
from paddle_eye.report.plots import png
from paddle_eye.report.table import aligned

_DPI = 100
_HEAT_SHARE = 0.4
_LARGEST_SIDE, _MOST_COLUMNS = 2048, 8


def frame(images: Sequence[str], probabilities: np.ndarray, classes: Sequence[str]) -> pd.DataFrame:
    """One row per picture: its name, the most probable class, that probability, and the probability of each class.

    Args:
        images: N names. One that a spreadsheet would take for a formula gets ``./`` before it.
        probabilities: [N, C].
        classes: C names.
    """
    table = pd.DataFrame(probabilities, columns=[f"p_{name}" for name in classes])
    table.insert(0, "probability", probabilities.max(axis=1))
    table.insert(0, "class", [classes[label] for label in probabilities.argmax(axis=1)])
    table.insert(0, "image", [*map(no_formula, images)])
    return table


def several_frame(
    images: Sequence[str], probabilities: np.ndarray, found: Sequence[str], classes: Sequence[str]
) -> pd.DataFrame:
    """One row per picture: its name, what is found in it, and the probability of each class.

    Args:
        images: N names, see `frame`.
        probabilities: [N, C].
        found: N texts.
        classes: C names.
    """
    table = pd.DataFrame(probabilities, columns=[f"p_{name}" for name in classes])
    table.insert(0, "found", found)
    table.insert(0, "image", [*map(no_formula, images)])
    return table


def mask_frame(images: Sequence[str], shares: Sequence[Sequence[float]], foreground: Sequence[str]) -> pd.DataFrame:
    """One row per picture: its name and the shares of foreground, which is named, among its pixels or its field's.

    Args:
        images: N names, see `frame`.
        shares: [N, K], 0 to 1.
        foreground: the K classes of it.
    """
    columns = {f"share of {name}": of_class for name, of_class in zip(foreground, zip(*shares))}
    return pd.DataFrame({"image": [*map(no_formula, images)], **columns})


def _harmless(cell: Any) -> Any:
    """A cell whose text no spreadsheet takes for a formula, and no terminal for a command; numbers as they are."""
    if not isinstance(cell, str):
        return cell
    text = visible(cell).replace("\r", "\\r")
    return f"'{text}" if cell.startswith(FORMULA_STARTS) else text


def _harmless_rows(table: pd.DataFrame) -> list[tuple[Any, ...]]:
    """The header and the rows of a table, every text `_harmless`."""
    return [tuple(map(_harmless, row)) for row in (tuple(table.columns), *table.itertuples(index=False, name=None))]


def as_csv(table: pd.DataFrame) -> bytes:
    """A CSV file that spreadsheets open with the right characters, too, and without running anything."""
    header, *rows = _harmless_rows(table)
    return pd.DataFrame(rows, columns=header).to_csv(index=False).encode("utf-8-sig")


def as_xlsx(table: pd.DataFrame, patients: pd.DataFrame | None = None) -> bytes:
    """An Excel file, with a second sheet for patients if there is one; every text in it is text."""
    workbook = openpyxl.Workbook()
    for row in _harmless_rows(table):
        workbook.active.append(row)
    if patients is not None:
        sheet = workbook.create_sheet("patients")
        for row in _harmless_rows(patients):
            sheet.append(row)
    file = io.BytesIO()
    workbook.save(file)
    return file.getvalue()


def lines(table: pd.DataFrame) -> str:
    """Name, class and probability of each picture, in columns; of a single picture, every class."""
    if len(table) == 1:
        row = table.iloc[0]
        shares = {name[2:]: row[name] for name in table.columns if name.startswith("p_")}
        width = max(map(len, shares))
        classes = [f"class: {name:{width}}   prob: {share:.3f}" for name, share in shares.items()]
        return "\n".join([f"{row['image']}: {row['class']}", *classes])
    cells = [(row.image, row[1], f"{row.probability:.4f}") for row in table.itertuples(index=False)]
    return aligned([("image", "class", "probability"), *cells])


def several_lines(table: pd.DataFrame) -> str:
    """A `several_frame` in columns, with the probabilities of up to eight classes, or of all for a single picture."""
    columns = [name for name in table.columns if name.startswith("p_")]
    if len(table) == 1:
        row = table.iloc[0]
        width = max(len(name) - 2 for name in columns)
        classes = [f"class: {name[2:]:{width}}   prob: {row[name]:.3f}" for name in columns]
        return "\n".join([f"{row['image']}: {row['found']}", *classes])
    shown = columns[:_MOST_COLUMNS]
    cells = [(row["image"], row["found"], *(f"{row[name]:.3f}" for name in shown)) for _, row in table.iterrows()]
    return aligned([("image", "found", *(name[2:] for name in shown)), *cells])


def mask_lines(table: pd.DataFrame) -> str:
    """A `mask_frame` in columns."""
    rows = table.itertuples(index=False)
    return aligned([tuple(table.columns), *((image, *(f"{share:.4f}" for share in shares)) for image, *shares in rows)])


def overlay(fitted: np.ndarray, heat: np.ndarray) -> np.ndarray:
    """A heat map over the picture that the network saw.

    Args:
        fitted: uint8 [S, S, 3] in BGR order.
        heat: float [S, S], 0 to 1; where it is 0 the picture stays as it is.

    Returns:
        uint8 [S, S, 3] in BGR order.
    """
    colours = cv2.applyColorMap(np.round(255 * heat).astype(np.uint8), cv2.COLORMAP_JET).astype(np.float32)
    share = _HEAT_SHARE * np.clip(2 * heat, 0, 1)[..., None]
    return np.round((1 - share) * fitted + share * colours).astype(np.uint8)


def drawn(picture: np.ndarray, text: str, *beside: np.ndarray) -> bytes:
    """A PNG file of a picture, reduced to 2048 pixels, with a text on it, and perhaps other pictures beside it.

    Args:
        picture: uint8 [H, W, 3] in BGR order.
        text: for example class and probability.
        beside: each uint8 [h, w, 3] in BGR order, drawn at the same height.
    """
    share = min(1, _LARGEST_SIDE / max(picture.shape))
    if share < 1:
        picture = cv2.resize(picture, None, fx=share, fy=share, interpolation=cv2.INTER_AREA)
    height = picture.shape[0]
    pictures = [picture]
    for other in beside:
        width = round(other.shape[1] * height / other.shape[0])
        pictures.append(cv2.resize(other, (width, height), interpolation=cv2.INTER_LINEAR))
    whole = np.concatenate(pictures, axis=1)
    figure = Figure((whole.shape[1] / _DPI, height / _DPI))
    figure.figimage(whole[..., ::-1])
    pixels = max(2, min(picture.shape[1] / 15, 1.5 * picture.shape[1] / len(text)))
    figure.text(
        0.02 * picture.shape[1] / whole.shape[1],
        0.98,
        text,
        color="red",
        verticalalignment="top",
        fontsize=pixels * 72 / _DPI,
        parse_math=False,
        path_effects=[withStroke(linewidth=pixels / 6, foreground="white")],
    )
    return png(figure, _DPI)
