"""Results as one self-contained HTML page."""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined

from paddle_eye.report.fonts import are_drawable


def render(
    results: Mapping[str, Any],
    history: Sequence[Mapping[str, Any]],
    pictures: Mapping[str, bytes],
    shown: Mapping[str, Any],
    template: str,
) -> str:
    """The report of a run.

    Args:
        results: what ``metrics.json`` holds.
        history: one row per evaluation.
        pictures: PNG files by name, which are put into the page: ``curves`` and those that the template shows.
        shown: what the template needs beside ``results``: ``criterion``, ``figures`` …
        template: a file of this room: ``page.html``, or one that extends it.
    """
    environment = Environment(
        loader=PackageLoader("paddle_eye.report", "."),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["figure"] = figure
    encoded = {name: base64.b64encode(data).decode("ascii") for name, data in pictures.items()}
    page = environment.get_template(template)
    numbered = [] if are_drawable(results["classes"]) else results["classes"]
    return page.render(results=results, history=history, pictures=encoded, numbered=numbered, **shown)


def figure(value: float | None, interval: Sequence[float] | None = None) -> str:
    """A figure with four decimals and its 95 % interval, or a dash where it is not defined."""
    if value is None:
        return "–"
    return f"{value:.4f}" + (f" [{interval[0]:.4f}, {interval[1]:.4f}]" if interval else "")
