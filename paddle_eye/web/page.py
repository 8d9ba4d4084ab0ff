"""The page, run by Streamlit; ``tools/serve.py`` starts it. Its one argument is the folder of the runs."""

from __future__ import annotations

import sys
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, Dict, List, NamedTuple, Optional, Tuple, Union

import numpy as np
import paddle
import pandas as pd
import streamlit as st

from paddle_eye.engine.device import select_device
from paddle_eye.errors import InputError
from paddle_eye.files import best_weights_in
from paddle_eye.inference.predictor import BUNDLED_WEIGHTS, EXAMPLE_PICTURE, Predictor, open_predictor
from paddle_eye.inference.segmenter import Segmenter
from paddle_eye.metrics import wilson_interval
from paddle_eye.prediction import heat_picture
from paddle_eye.report import masks, predictions
from paddle_eye.web.uploads import MOST_MASK_MEGAPIXELS, MOST_MEGABYTES, MOST_MEGAPIXELS, read_upload

BUNDLED = "the one that comes with the project"
_DRAWN = 12  # pictures; the table has all of them
_TYPES = ["jpg", "jpeg", "png", "bmp", "tif", "tiff", "webp"]


Network = Union[Predictor, Segmenter]


class MaskAnswer(NamedTuple):
    """What a network of pixels says about one picture.

    Args:
        share: of the foreground, 0 to 1.
        picture: uint8 [H, W, 3] in RGB order.
        tinted: the same with the mask over it.
        mask: a PNG file of the picture's size, 255 in the foreground.
    """

    share: float
    picture: np.ndarray
    tinted: np.ndarray
    mask: bytes


class Answer(NamedTuple):
    """What a classifier says about one picture.

    Args:
        probabilities: [C].
        picture: uint8 [S, S, 3] in RGB order, as the network saw it.
        heat: the same with the evidence for the most probable class over it.
    """

    probabilities: np.ndarray
    picture: np.ndarray
    heat: np.ndarray


def main(output: Path) -> None:
    """Draw the page."""
    st.set_page_config("paddle_eye", page_icon="👁", layout="wide")
    st.title("paddle_eye")
    st.warning(
        "A research tool, **not a medical device**. Nothing on this page is a diagnosis. "
        "The network has an answer to any picture, be it no eye at all."
    )
    with st.sidebar:
        network = _choose_network(output)
    if network is None:
        return
    draws_masks = isinstance(network, Segmenter)
    ask = _ask_for_mask if draws_masks else _ask
    answers = []
    for name, data in _choose_pictures(draws_masks):
        try:
            answers.append((name, ask(network, network.source, network.source.stat().st_mtime_ns, data, name)))
        except InputError as error:
            st.error(_as_text(error))
    if not answers:
        return
    show = _show_masks if draws_masks else _show
    table = show(network, answers)
    if len(answers) > _DRAWN:
        st.info(f"{_DRAWN} of {len(answers)} pictures are drawn; the table has all of them.")
    st.divider()
    st.dataframe(table, hide_index=True)
    st.download_button("Download as CSV", predictions.as_csv(table), "predictions.csv", "text/csv")
    st.download_button("Download for Excel", predictions.as_xlsx(table), "predictions.xlsx")


def _choose_network(output: Path) -> Optional[Network]:
    files = {BUNDLED: BUNDLED_WEIGHTS}
    for path in best_weights_in(output):
        run = str(path.parent.relative_to(output))
        files[run if run not in files else str(path.relative_to(output))] = path
    path = files[st.selectbox("Network", list(files))]
    try:
        predictor = _open(path, path.stat().st_mtime_ns)
        told = described(predictor.description, predictor.classes)
    except (InputError, OSError) as error:
        st.error(_as_text(error))
        return None
    except (AttributeError, KeyError, TypeError, ValueError):
        st.error(_as_text(f"{path}: what this file says of itself is damaged"))
        return None
    st.subheader(predictor.title)
    for line in told:
        st.markdown(_as_text(line))
    return predictor


def described(description: Dict[str, Any], classes: List[str]) -> List[str]:
    """What a weight file says of its network, in sentences; an accuracy with its 95 % interval."""
    told = [f"Classes: {', '.join(classes)}."]
    data, figures = description.get("data", {}), description.get("figures", {})
    if "training_images" in data:
        told.append(f"Trained on {data['training_images']} images of {data['name']}.")
    if data.get("demonstration"):
        told.append("These were drawn by a program: it knows nothing about eyes.")
    count = figures.get("images", data.get("images_chosen_on"))
    if "dice" in figures:
        main = f"Dice of {classes[1]} {figures['dice']:.4f}"
    elif "accuracy" in figures and count:
        low, high = wilson_interval(round(figures["accuracy"] * count), count)
        main = f"Accuracy {figures['accuracy']:.4f} [{low:.3f}, {high:.3f}]"
    else:
        return told
    chosen_on = figures.get("epoch_chosen_on", data.get("best_epoch_chosen_on"))
    epoch = "epoch {}, which was chosen on them" if chosen_on else "its last epoch, {}"
    told.append(f"{main} on {count} {chosen_on or 'validation images'}, after {epoch.format(description['epoch'])}.")
    return told


@st.cache_resource
def _paddle() -> ThreadPoolExecutor:
    """The one thread that computes.

    Streamlit runs a page in ever new threads, and mode, device and number of threads are Paddle's by thread.
    """

    def prepare() -> None:
        paddle.disable_static()
        select_device("auto")

    return ThreadPoolExecutor(max_workers=1, initializer=prepare)


@st.cache_resource(max_entries=2, show_spinner="opening the network …")
def _open(path: Path, _changed: int) -> Network:
    return _paddle().submit(open_predictor, path).result()


def _choose_pictures(for_masks: bool) -> List[Tuple[str, bytes]]:
    """Name and content of each file; the example is a photograph of an eye, which has no mask."""
    most_megapixels = MOST_MASK_MEGAPIXELS if for_masks else MOST_MEGAPIXELS
    limits = f"up to {MOST_MEGABYTES} MB and {most_megapixels} megapixels each"
    sources = ["pictures", "a folder of pictures", *([] if for_masks else ["the example"])]
    source = st.radio("What to look at", sources, horizontal=True)
    if source == "the example":
        st.caption(
            "A validation photograph of iChallenge-PM (PALM): Fang et al., Scientific Data 11, 99 (2024), CC BY 4.0"
        )
        return [(EXAMPLE_PICTURE.name, EXAMPLE_PICTURE.read_bytes())]
    many = True if source == "pictures" else "directory"
    uploads = st.file_uploader(f"Drop {source} here ({limits})", type=_TYPES, accept_multiple_files=many, key=source)
    names = Counter[str]()
    pictures = []
    for upload in uploads:
        names[upload.name] += 1
        number = f" ({names[upload.name]})" if names[upload.name] > 1 else ""
        pictures.append((upload.name + number, upload.getvalue()))
    return pictures


@st.cache_data(max_entries=200, show_spinner="looking …")
def _ask(_predictor: Predictor, source: Path, changed: int, data: bytes, name: str) -> Answer:
    """The answer; asked again, as with every click on the page, it is not computed again."""
    picture = read_upload(data, name)

    def compute() -> Answer:
        (probabilities,) = _predictor.probabilities(_predictor.preprocessing(picture)[None])
        heat = heat_picture(_predictor, picture, int(probabilities.argmax()))
        return Answer(probabilities, _predictor.preprocessing.fit(picture)[..., ::-1], heat[..., ::-1])

    return _paddle().submit(compute).result()


@st.cache_data(max_entries=50, show_spinner="looking …")
def _ask_for_mask(_segmenter: Segmenter, source: Path, changed: int, data: bytes, name: str) -> MaskAnswer:
    """See `_ask`."""
    picture = read_upload(data, name, MOST_MASK_MEGAPIXELS)
    mask = _paddle().submit(_segmenter.mask, picture).result()
    tinted = masks.over(picture, mask)[..., ::-1]
    return MaskAnswer(float(mask.mean()), picture[..., ::-1], tinted, masks.as_png(255 * mask))


def _show_masks(segmenter: Segmenter, answers: List[Tuple[str, MaskAnswer]]) -> pd.DataFrame:
    """Draw the answers; the table of all of them."""
    foreground = segmenter.classes[1]
    for name, answer in answers[:_DRAWN]:
        st.divider()
        left, right = st.columns(2)
        left.image(answer.picture, _as_text(name), width="stretch")
        right.image(answer.tinted, _as_text(f"{foreground}: {answer.share:.1%} of the picture"), width="stretch")
        right.download_button("Download the mask", answer.mask, f"{name}-mask.png", "image/png", key=name)
    return predictions.mask_frame([name for name, _ in answers], [answer.share for _, answer in answers], foreground)


def _show(predictor: Predictor, answers: List[Tuple[str, Answer]]) -> pd.DataFrame:
    """Draw the answers; the table of all of them."""
    for name, answer in answers[:_DRAWN]:
        st.divider()
        left, middle, right = st.columns([2, 2, 3])
        left.image(answer.picture, _as_text(f"{name}, as the network sees it"), width="stretch")
        label = int(answer.probabilities.argmax())
        middle.image(answer.heat, _as_text(f"evidence for {predictor.classes[label]} (Grad-CAM)"), width="stretch")
        with right:
            st.markdown(f"### {_as_text(predictor.classes[label])}")
            for share, title in zip(answer.probabilities, predictor.classes):
                st.progress(float(min(share, 1)), text=f"{_as_text(title)}: {share:.1%}")
    probabilities = np.stack([answer.probabilities for _, answer in answers])
    return predictions.frame([name for name, _ in answers], probabilities, predictor.classes)


def _as_text(words: object) -> str:
    """Words from outside, so that Markdown shows them as they are."""
    return "".join(f"\\{letter}" if letter in r"\`*_{}[]()#+-!<>|~:$" else letter for letter in str(words))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
