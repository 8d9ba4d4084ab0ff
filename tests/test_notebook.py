"""The notebook, run from top to bottom on the demonstration set, as on a machine without photographs.

Only the number of epochs is another.
"""

import os
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient

ROOT = Path(__file__).resolve().parents[1]


@pytest.fixture(scope="module")
def stored():
    return nbformat.read(ROOT / "docs/aistudio.ipynb", as_version=4)


def outputs(notebook):
    """The outputs of each code cell."""
    return [cell.outputs for cell in notebook.cells if cell.cell_type == "code"]


def text(notebook):
    return "".join(output.get("text", "") for cell in outputs(notebook) for output in cell)


def pictures(notebook):
    return [output for cell in outputs(notebook) for output in cell if "image/png" in output.get("data", {})]


def test_it_runs_and_shows_curves_matrices_and_a_predicted_photograph(stored, tmp_path, monkeypatch):
    for name in ("tools", "configs"):
        (tmp_path / name).symlink_to(ROOT / name)
    (tmp_path / "docs").mkdir()
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("MPLBACKEND", raising=False)  # Streamlit sets it, and the kernel would draw nothing
    monkeypatch.setenv("PATH", os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]]))
    notebook = nbformat.from_dict(stored)
    (recipe,) = [cell for cell in notebook.cells if cell.source.startswith("EPOCHS = 6")]
    recipe.source = recipe.source.replace("EPOCHS = 6", "EPOCHS = 1")
    where = {"metadata": {"path": tmp_path / "docs"}}
    NotebookClient(notebook, timeout=900, kernel_name="python3", resources=where).execute()
    assert "DEMONSTRATION SET" in text(notebook)
    assert "[validation]:===model:ResNet50-D===" in text(notebook)
    assert "[validation]:===model:ResNet18-NAM===" in text(notebook)
    assert "McNemar's test p " in text(notebook)
    assert "error:" not in text(notebook)
    assert len(pictures(notebook)) == 6
    assert (tmp_path / "output/notebook/resnet18_nam_DEMO/report.html").is_file()


def test_packages_in_the_home_folder_are_found_by_its_cells_and_by_what_they_start(stored, tmp_path):
    (tmp_path / "external-libraries").mkdir()
    (tmp_path / "external-libraries/kept_package.py").write_text("")
    first = next(cell.source for cell in stored.cells if cell.cell_type == "code")
    started = "subprocess.run([sys.executable, '-c', 'import kept_package, paddle_eye'], check=True)"
    program = "\n".join([first.replace("!pip install -q -e .", "raise"), "import kept_package, subprocess", started])
    clean = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    command = [sys.executable, "-c", program]
    done = subprocess.run(command, cwd=ROOT / "docs", env={**clean, "HOME": str(tmp_path)}, capture_output=True)
    assert done.returncode == 0, done.stderr.decode()


def test_it_is_stored_with_its_outputs_and_they_say_what_they_are(stored):
    assert [cell.execution_count for cell in stored.cells if cell.cell_type == "code"] == list(range(1, 10))
    assert "DEMONSTRATION SET" in text(stored)
    assert len(pictures(stored)) == 6
    assert not [output for cell in outputs(stored) for output in cell if output.output_type == "error"]
    assert str(Path.home()) + "/" not in text(stored)
