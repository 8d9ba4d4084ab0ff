import pytest

from paddle_eye.data.identity import digest_of_pictures
from paddle_eye.errors import InputError
from paddle_eye.run_folder import RunFolder
from paddle_eye.runs.start import require_same_data
from paddle_eye.tasks.base import Data

DATA = Data(None, None, None, ["a", "b"], ["c"], "digest", [], [], "validation images")
KNOWN = {"digest": "digest", "training_digest": digest_of_pictures(["b", "a"])}
ORIGIN = {"data": KNOWN, "classes": ["normal", "ill"]}


def test_a_run_goes_on_with_the_data_that_it_was_started_with(tmp_path):
    require_same_data(RunFolder(tmp_path, "run"), ORIGIN, DATA, ("normal", "ill"))
    require_same_data(RunFolder(tmp_path, "run"), {}, DATA, ("normal", "ill"))


@pytest.mark.parametrize(
    ("origin", "classes"),
    [
        ({"data": {**KNOWN, "digest": "another"}}, ("normal", "ill")),
        ({}, ("ill", "normal")),
        ({"data": {**KNOWN, "training_digest": digest_of_pictures(["a", "held out"])}}, ("normal", "ill")),
    ],
    ids=["digest", "names of classes", "another hold-out"],
)
def test_a_run_does_not_go_on_with_other_data(tmp_path, origin, classes):
    with pytest.raises(InputError, match="are others than when the run was started, or the labels have other names"):
        require_same_data(RunFolder(tmp_path, "run"), {**ORIGIN, **origin}, DATA, classes)
