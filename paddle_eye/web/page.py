"""The page, run by Streamlit; ``tools/serve.py`` starts it.

Its arguments are the folder of the runs, and the names by which it may be reached.
"""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Collection
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import paddle
import streamlit as st

from paddle_eye.engine.device import select_device
from paddle_eye.errors import InputError
from paddle_eye.inference.predictor import BUNDLED_WEIGHTS, EXAMPLE_PICTURE
from paddle_eye.inference.trained import Shown, TrainedNetwork
from paddle_eye.report import predictions
from paddle_eye.run_folder import best_weights_in
from paddle_eye.runs.predict import open_predictor
from paddle_eye.web.hosts import is_own
from paddle_eye.web.uploads import MOST_MEGABYTES, read_upload

BUNDLED = "the one that comes with the project"
_DRAWN = 12  # pictures; the table has all of them
_TYPES = ["jpg", "jpeg", "png", "bmp", "tif", "tiff", "webp"]


def main(output: Path, names: Collection[str]) -> None:
    """Draw the page."""
    st.set_page_config("paddle_eye", page_icon="👁", layout="wide")
    st.title("paddle_eye")
    host = st.context.headers.get("Host", "")
    if not is_own(host, names):
        st.error(_as_text(f"{host} is no name of this machine; if it is right, start the page with --name {host}"))
        return
    st.warning(
        "A research tool, **not a medical device**. Nothing on this page is a diagnosis. "
        "The network has an answer to any picture, be it no eye at all."
    )
    with st.sidebar:
        network = _choose_network(output)
    if network is None:
        return
    answers = []
    for name, data in _choose_pictures(network):
        try:
            answers.append((name, _ask(network, network.source, network.source.stat().st_mtime_ns, data, name)))
        except InputError as error:
            st.error(_as_text(error))
    if not answers:
        return
    for name, answer in answers[:_DRAWN]:
        st.divider()
        _show(name, answer)
    table = network.table([name for name, _ in answers], [answer.row for _, answer in answers])
    if len(answers) > _DRAWN:
        st.info(f"{_DRAWN} of {len(answers)} pictures are drawn; the table has all of them.")
    st.divider()
    st.dataframe(table, hide_index=True)
    st.download_button("Download as CSV", predictions.as_csv(table), "predictions.csv", "text/csv")
    st.download_button("Download for Excel", predictions.as_xlsx(table), "predictions.xlsx")


def _choose_network(output: Path) -> TrainedNetwork | None:
    files = {BUNDLED: BUNDLED_WEIGHTS}
    for path in best_weights_in(output):
        run = str(path.parent.relative_to(output))
        files[run if run not in files else str(path.relative_to(output))] = path
    path = files[st.selectbox("Network", list(files))]
    try:
        network = _open(path, path.stat().st_mtime_ns)
        sentences = described(network)
    except (InputError, OSError) as error:
        st.error(_as_text(error))
        return None
    except (AttributeError, KeyError, TypeError, ValueError):
        st.error(_as_text(f"{path}: what this file says of itself is damaged"))
        return None
    st.subheader(network.title)
    for sentence in sentences:
        st.markdown(_as_text(sentence))
    return network


def described(network: TrainedNetwork) -> list[str]:
    """What a weight file says of its network, in sentences; an accuracy with its 95 % interval."""
    description = network.description
    sentences = [f"Classes: {', '.join(network.classes)}."]
    data, figures = description.get("data", {}), description.get("figures", {})
    if "training_images" in data:
        sentences.append(f"Trained on {data['training_images']} images of {data['name']}.")
    if data.get("demonstration"):
        sentences.append("These were drawn by a program: it knows nothing about eyes.")
    count = figures.get("images", data.get("images_chosen_on"))
    main = network.claim(figures, count)
    if main is None:
        return sentences
    chosen_on = figures.get("epoch_chosen_on", data.get("best_epoch_chosen_on"))
    epoch = "epoch {}, which was chosen on them" if chosen_on else "its last epoch, {}"
    after = epoch.format(description["epoch"])
    return [*sentences, f"{main} on {count} {chosen_on or 'validation images'}, after {after}."]


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
def _open(path: Path, _changed: int) -> TrainedNetwork:
    return _paddle().submit(open_predictor, path).result()


def _choose_pictures(network: TrainedNetwork) -> list[tuple[str, bytes]]:
    """Name and content of each file."""
    limits = f"up to {MOST_MEGABYTES} MB and {network.most_megapixels} megapixels each"
    sources = ["pictures", "a folder of pictures", *(["the example"] if network.has_example else [])]
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


@st.cache_data(max_entries=100, show_spinner="looking …")
def _ask(_network: TrainedNetwork, source: Path, changed: int, data: bytes, name: str) -> Shown:
    """The answer; asked again, as with every click on the page, it is not computed again."""
    picture = read_upload(data, name, _network.most_megapixels)
    return _paddle().submit(_network.show, picture).result()


def _show(name: str, answer: Shown) -> None:
    """Draw an answer: its pictures side by side, then what it says in words and shares."""
    wordy = answer.heading is not None
    columns = st.columns([2] * len(answer.pictures) + [3] * wordy)
    (first, _), *_ = answer.pictures
    captions = [", ".join(filter(None, (name, first))), *(caption for caption, _ in answer.pictures[1:])]
    for column, caption, (_, picture) in zip(columns, captions, answer.pictures):
        column.image(picture, _as_text(caption), width="stretch")
    if answer.mask is not None:
        file = f"{name}-mask.png"
        columns[-1].download_button("Download the mask", answer.mask, file, "image/png", key=name)
    if wordy:
        with columns[-1]:
            if answer.warning is not None:
                st.warning(_as_text(answer.warning))
            st.markdown(f"### {_as_text(answer.heading)}")
            for title, share in answer.shares:
                st.progress(float(min(share, 1)), text=f"{_as_text(title)}: {share:.1%}")


def _as_text(words: object) -> str:
    """Words from outside, so that Markdown shows them as they are."""
    return "".join(f"\\{letter}" if letter in r"\`*_{}[]()#+-!<>|~:$" else letter for letter in str(words))


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2:])
