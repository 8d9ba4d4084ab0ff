"""The page, run by Streamlit; ``tools/serve.py`` starts it."""

from __future__ import annotations

import argparse
from collections import Counter, defaultdict
from collections.abc import Collection, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, NamedTuple

import paddle
import pandas as pd
import streamlit as st

from paddle_eye.engine.device import select_device
from paddle_eye.errors import InputError, JobError
from paddle_eye.inference.exported import is_exported
from paddle_eye.inference.predictor import BUNDLED_WEIGHTS, EXAMPLE_PICTURE
from paddle_eye.inference.trained import Shown, TrainedNetwork
from paddle_eye.report import predictions
from paddle_eye.run_folder import best_weights_in, found_below, weight_file
from paddle_eye.runs.predict import open_predictor
from paddle_eye.web.hosts import is_own
from paddle_eye.web.uploads import MOST_MEGABYTES, read_upload
from paddle_eye.weights.opened import reservations

paddle.disable_signal_handler()  # Paddle's own may block the server for good where it was taking memory

BUNDLED = "the one that comes with the project"
_MOST_NETWORKS = 4  # that answer side by side, and stay in memory
_MOST_TOGETHER = 2048  # MB of pictures; they stay in memory as long as they are on the page
_DRAWN = 12  # pictures; the table has all of them
_TYPES = ["jpg", "jpeg", "png", "bmp", "tif", "tiff", "webp"]


class Chosen(NamedTuple):
    """A network that answers on the page.

    Args:
        name: in the list.
        network: opened.
        changed: when its files were, in nanoseconds; its answers are kept until then.
    """

    name: str
    network: TrainedNetwork
    changed: int


def main(output: Path, given: Sequence[Path], names: Collection[str]) -> None:
    """Draw the page.

    Args:
        output: the folder of the runs.
        given: other networks; when there are any, they are chosen at first.
        names: by which the page may be reached.
    """
    st.set_page_config("paddle_eye", page_icon="👁", layout="wide")
    st.title("paddle_eye")
    host = st.context.headers.get("Host", "")
    if not is_own(host, names):
        st.error(_as_text(f"{host} is no name of this machine; if it is right, start the page with --name {host}"))
        return
    st.warning(
        "A research tool, **not a medical device**. Nothing on this page is a diagnosis. "
        "A network has an answer to any picture, be it no eye at all."
    )
    with st.sidebar:
        chosen = _choose_networks(output, given)
    if not chosen:
        return
    lines = []
    pictures = _choose_pictures([each.network for each in chosen])
    for number, (name, data) in enumerate(pictures):
        lines += _answer_picture(chosen, name, data, drawn=number < _DRAWN)
    if not lines:
        return
    table = pd.concat(lines, ignore_index=True)
    if len(pictures) > _DRAWN:
        st.info(f"{_DRAWN} of {len(pictures)} pictures are drawn; the table has all of them.")
    st.divider()
    st.dataframe(table, hide_index=True)
    st.download_button("Download as CSV", predictions.as_csv(table), "predictions.csv", "text/csv")
    st.download_button("Download for Excel", predictions.as_xlsx(table), "predictions.xlsx")


def listed(output: Path, given: Sequence[Path]) -> tuple[dict[str, Path], list[str]]:
    """The networks to choose from by their names, and the names of those that were given.

    Args:
        output: a folder of runs, whose exported networks are listed, too.
        given: weight files, and folders of runs and of exported networks.
    """
    found = {BUNDLED: BUNDLED_WEIGHTS}
    for path in best_weights_in(output):
        run = str(path.parent.relative_to(output))
        found[run if run not in found else str(path.relative_to(output))] = path
    folders = filter(is_exported, found_below(output, "*"))
    found.update({str(folder.relative_to(output)): folder for folder in folders})
    known = {path.resolve(): name for name, path in found.items()}
    names = []
    for path in given:
        try:
            network = path if is_exported(path) else weight_file(path)
        except InputError:  # opening it says why
            network = path
        free = (name for name in (str(path), f"./{path}", str(network.resolve())) if name not in found)
        name = known.get(network.resolve()) or next(free)
        known[network.resolve()] = name
        found.setdefault(name, network)
        names.append(name)
    return found, names


def _choose_networks(output: Path, given: Sequence[Path]) -> list[Chosen]:
    """Those that could be opened; what is wrong with the others is said."""
    found, names = listed(output, given)
    first = list(dict.fromkeys(names))[:_MOST_NETWORKS] or [BUNDLED]
    chosen = []
    for name in st.multiselect("Networks", list(found), first, max_selections=_MOST_NETWORKS):
        path = found[name]
        try:
            changed = max(file.stat().st_mtime_ns for file in (path, *path.glob("*")))
            network = _open(path, changed)
            sentences = described(network)
        except (InputError, OSError) as error:
            st.error(_as_text(error))
            continue
        except (AttributeError, KeyError, TypeError, ValueError, OverflowError):
            st.error(_as_text(f"{path}: what this file says of itself is damaged"))
            continue
        st.subheader(network.title)
        for sentence in [name, *sentences]:
            st.markdown(_as_text(sentence))
        chosen.append(Chosen(name, network, changed))
    return chosen


def described(network: TrainedNetwork) -> list[str]:
    """What a weight file says of its network, in sentences; an accuracy with its 95 % interval."""
    description = network.description
    sentences = [f"Classes: {', '.join(network.classes)}."]
    data = description.get("data", {})
    if "training_images" in data:
        sentences.append(f"Trained on {data['training_images']} images of {data['name']}.")
    return [*sentences, *reservations(description), *claimed(network)]


def claimed(network: TrainedNetwork) -> list[str]:
    """The main figure of a network and what it was measured on, in a sentence; none if its file does not say."""
    description = network.description
    data, figures = description.get("data", {}), description.get("figures", {})
    count = figures.get("images", data.get("images_chosen_on"))
    main = network.claim(figures, count)
    if main is None:
        return []
    chosen_on = figures.get("epoch_chosen_on", data.get("best_epoch_chosen_on"))
    epoch = "epoch {}, which was chosen on them" if chosen_on else "its last epoch, {}"
    after = epoch.format(description["epoch"])
    return [f"{main} on {count} {chosen_on or 'validation images'}, after {after}."]


@st.cache_resource
def _paddle() -> ThreadPoolExecutor:
    """The one thread that computes.

    Streamlit runs a page in ever new threads, and mode, device and number of threads are Paddle's by thread.
    """

    def prepare() -> None:
        paddle.disable_static()
        select_device("auto")

    return ThreadPoolExecutor(max_workers=1, initializer=prepare)


@st.cache_resource(max_entries=_MOST_NETWORKS, show_spinner="opening the network …")
def _open(path: Path, changed: int) -> TrainedNetwork:
    return _paddle().submit(open_predictor, path).result()


def _choose_pictures(networks: Sequence[TrainedNetwork]) -> list[tuple[str, bytes]]:
    """Name and content of each file."""
    megapixels = " or ".join(map(str, sorted({network.most_megapixels for network in networks})))
    limits = f"up to {MOST_MEGABYTES} MB and {megapixels} megapixels each, {_MOST_TOGETHER} MB together"
    example = all(network.of_fundi for network in networks)
    sources = ["pictures", "a folder of pictures", *(["the example"] if example else [])]
    source = st.radio("What to look at", sources, horizontal=True)
    if source == "the example":
        st.caption(
            "A validation photograph of iChallenge-PM (PALM): Fang et al., Scientific Data 11, 99 (2024), CC BY 4.0"
        )
        return [(EXAMPLE_PICTURE.name, EXAMPLE_PICTURE.read_bytes())]
    many = True if source == "pictures" else "directory"
    uploads = st.file_uploader(f"Drop {source} here ({limits})", type=_TYPES, accept_multiple_files=many, key=source)
    if sum(upload.size for upload in uploads) > _MOST_TOGETHER * 2**20:
        st.error(f"These are more than {_MOST_TOGETHER} MB together; take fewer, or ask with tools/predict.py.")
        return []
    names = Counter[str]()
    pictures = []
    for upload in uploads:
        names[upload.name] += 1
        number = f" ({names[upload.name]})" if names[upload.name] > 1 else ""
        pictures.append((upload.name + number, upload.getvalue()))
    return pictures


def _answer_picture(chosen: Sequence[Chosen], name: str, data: bytes, drawn: bool) -> list[pd.DataFrame]:
    """Ask every network about a picture, draw the answers side by side or not, and give the table's lines."""
    lines, faults = [], defaultdict(list)
    several = len(chosen) > 1
    if drawn:
        st.divider()
    for each, column in zip(chosen, st.columns(len(chosen)) if drawn else chosen):
        asked = (each.network, each.network.source, each.changed, data, name)
        try:
            answer = _drawn(*asked) if drawn else None
            row = answer.row if drawn else _row(*asked)
        except (InputError, JobError) as error:
            faults[str(error)].append(each.name)
            continue
        if drawn:
            with column:
                if several:
                    st.markdown(f"#### {_as_text(each.name)}")
                    st.caption(_as_text(" ".join([f"{each.network.title}.", *claimed(each.network)])))
                _show(each.name, name, answer, narrow=several)
        line = each.network.table([name], [row])
        if several:
            line.insert(1, "network", each.name)
        lines.append(line)
    for fault, names in faults.items():
        st.error(_as_text(fault if len(names) == len(chosen) else f"{', '.join(names)}: {fault}"))
    return lines


def _ask(network: TrainedNetwork, data: bytes, name: str) -> Shown:
    picture = read_upload(data, name, network.most_megapixels)
    return _paddle().submit(network.show, picture).result()


# Asked again, as with every click on the page, an answer is not computed again. Its pictures may be large: they are
# kept of those that are drawn, and of the others what the table has.


@st.cache_data(max_entries=_DRAWN * _MOST_NETWORKS, show_spinner="looking …")
def _drawn(_network: TrainedNetwork, source: Path, changed: int, data: bytes, name: str) -> Shown:
    return _ask(_network, data, name)


@st.cache_data(max_entries=1000, show_spinner="looking …")
def _row(_network: TrainedNetwork, source: Path, changed: int, data: bytes, name: str) -> Any:
    return _ask(_network, data, name).row


def _show(network: str, name: str, answer: Shown, narrow: bool) -> None:
    """Draw an answer: its pictures side by side and then what it says in words and shares, or that above them."""
    wordy, count = answer.heading is not None, len(answer.pictures)
    if narrow:
        words, *places = (st.container() for _ in range(1 + count))
    else:
        places = st.columns([2] * count + [3] * wordy)
        words = places[-1]
    (first, _), *_ = answer.pictures
    captions = [", ".join(filter(None, (name, first))), *(caption for caption, _ in answer.pictures[1:])]
    for place, caption, (_, picture) in zip(places, captions, answer.pictures):
        place.image(picture, _as_text(caption), width="stretch")
    if answer.mask is not None:
        file = f"{name}-mask.png"
        places[count - 1].download_button("Download the mask", answer.mask, file, "image/png", key=f"{network} {name}")
    if wordy:
        with words:
            if answer.warning is not None:
                st.warning(_as_text(answer.warning))
            st.markdown(f"### {_as_text(answer.heading)}")
            for title, share in answer.shares:
                st.progress(float(min(share, 1)), text=f"{_as_text(title)}: {share:.1%}")


def _as_text(words: object) -> str:
    """Words from outside, so that Markdown shows them as they are."""
    return "".join(f"\\{letter}" if letter in r"\`*_{}[]()#+-!<>|~:$" else letter for letter in str(words))


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("output", type=Path)
    parser.add_argument("networks", type=Path, nargs="*")
    parser.add_argument("--name", action="append", default=[])
    arguments = parser.parse_args()
    main(arguments.output, arguments.networks, arguments.name)
