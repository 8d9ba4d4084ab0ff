"""What becomes of the answers of several networks to one picture, without a browser."""

from types import SimpleNamespace

import pandas as pd
import pytest

pytest.importorskip("streamlit", reason='pip install -e ".[web]"')

from paddle_eye.errors import InputError, JobError
from paddle_eye.inference.trained import Shown
from paddle_eye.web import page


def network(tmp_path, name, answer):
    """One that gives ``answer``, or raises it."""

    def show(picture):
        if isinstance(answer, Exception):
            raise answer
        return Shown(answer, [])

    def table(images, rows):
        return pd.DataFrame({"image": images, f"p_{name}": rows})

    return page.Chosen(name, SimpleNamespace(source=tmp_path / name, most_megapixels=1, show=show, table=table), 0)


@pytest.fixture
def ask(monkeypatch, tmp_path, write_picture):
    """A function that asks networks about a picture: the table's lines and what was said to be wrong."""
    picture = write_picture(tmp_path / "eye.png").read_bytes()

    def ask(data=picture, **answers):
        said = []
        monkeypatch.setattr(page.st, "error", said.append)
        monkeypatch.setattr(page, "_as_text", str)
        chosen = [network(tmp_path, name, answer) for name, answer in answers.items()]
        return page._answer_picture(chosen, "eye.png", data, drawn=False), said

    return ask


def test_the_table_says_whose_answer_it_is_only_of_several(ask):
    ((line,), _) = ask(a=0.25)
    assert line.to_dict("records") == [{"image": "eye.png", "p_a": 0.25}]
    lines, said = ask(a=0.25, b=0.5)
    assert [line.to_dict("records") for line in lines] == [
        [{"image": "eye.png", "network": "a", "p_a": 0.25}],
        [{"image": "eye.png", "network": "b", "p_b": 0.5}],
    ]
    assert said == []


def test_one_that_fails_is_named_and_the_others_answer(ask):
    lines, said = ask(a=InputError("too large"), b=0.5, c=JobError("no finite numbers"), d=InputError("too large"))
    assert [line["network"].tolist() for line in lines] == [["b"]]
    assert said == ["a, d: too large", "c: no finite numbers"]


def test_what_all_find_is_said_once(ask):
    lines, said = ask(data=b"no picture", a=0.1, b=0.2)
    assert lines == []
    assert said == ["eye.png: this is no picture; send a JPEG, PNG, BMP, TIFF or WebP file"]


def test_a_network_that_was_written_again_is_opened_again(monkeypatch):
    opened = []
    monkeypatch.setattr(page, "open_predictor", lambda path: opened.append(path) or object())
    first, again, changed = (page._open("w", time) for time in (1, 1, 2))
    assert first is again is not changed and len(opened) == 2
