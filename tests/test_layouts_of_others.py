"""The commands of dataset/README.md, each with a tiny set in exactly the layout that it is for."""

import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import openpyxl
import pandas as pd
import pytest

from paddle_eye.data.sources import layouts

ROOT = Path(__file__).resolve().parents[1]
ROWS = re.findall(
    r"^\| ([^|]+) \| [^|]+ \| `(python tools/split\.py[^`]+)` \|$", (ROOT / "dataset/README.md").read_text(), re.M
)
COMMANDS = dict(ROWS)
ODIR = ["N", "D", "G", "C", "A", "H", "M", "O"]


def table(path, header, rows):
    path.parent.mkdir(parents=True, exist_ok=True)
    lines = [header, *(",".join(map(str, row)) for row in rows)]
    path.write_text("\n".join(lines) + "\n")


def book(path, header, rows):
    workbook = openpyxl.Workbook()
    for row in (header, *rows):
        workbook.active.append(row)
    path.parent.mkdir(parents=True, exist_ok=True)
    workbook.save(path)


def aptos(place, picture):
    place /= "aptos2019"
    names = [f"{number:06x}c{number}" for number in range(20)]
    table(place / "train.csv", "id_code,diagnosis", [(name, number % 5) for number, name in enumerate(names)])
    table(place / "test.csv", "id_code", [("0005cfc8afb6",)])
    picture(place / "test_images/0005cfc8afb6.png")
    return [picture(place / f"train_images/{name}.png", n % 2) for n, name in enumerate(names)]


def eyepacs(place, picture):
    place /= "eyepacs-kaggle"
    names = [f"{number}_{side}" for number in range(10) for side in ("left", "right")]
    table(place / "trainLabels.csv", "image,level", [(name, number // 4) for number, name in enumerate(names)])
    return [picture(place / f"train/{name}.jpeg", n % 2) for n, name in enumerate(names)]


def idrid(place, picture):
    place /= "idrid-archive/B. Disease Grading"
    header, made = "Image name,Retinopathy grade,Risk of macular edema ,,,,,,,,,", []
    for letter, part, count in (("a", "Training", 8), ("b", "Testing", 4)):
        rows = [(f"IDRiD_{number:03d}", number % 3, 1, *[""] * 9) for number in range(1, count + 1)]
        table(place / f"2. Groundtruths/{letter}. IDRiD_Disease Grading_{part} Labels.csv", header, rows)
        folder = place / f"1. Original Images/{letter}. {part} Set"
        made += [picture(folder / f"{row[0]}.jpg", int(row[1]) % 2, (40, 40 + len(made))) for row in rows]
    return made


def messidor(place, picture):
    place /= "messidor-base"
    names = [f"20051019_38557_0100_PP{number}.tif" for number in range(20)]
    header = ("Image name", "Ophthalmologic department", "Retinopathy grade", "Risk of macular edema ")
    book(place / "Annotation Base11.xlsx", header, [(name, "Service", n % 4, 0) for n, name in enumerate(names)])
    return [picture(place / name, n % 2) for n, name in enumerate(names)]


def messidor2(place, picture):
    place /= "messidor-2"
    names = [f"IM00{number:04d}.JPG" for number in range(8)]
    rows = [(name, n % 2, 0, 1) for n, name in enumerate(names)]
    table(place / "messidor_data.csv", "image_id,adjudicated_dr_grade,adjudicated_dme,adjudicated_gradable", rows)
    return [picture(place / f"IMAGES/{name.lower()}", n % 2) for n, name in enumerate(names)]


def rfmid(place, picture):
    place /= "rfmid-archive"
    header, made = "ID,Disease_Risk,DR,ARMD,MH,DN,MYA,BRVO,TSLN,ERM,LS,MS,CSR,ODC,CRVO,TV", []
    for folder, part, count in (("Training_Set", "Training", 8), ("Test_Set", "Test", 4)):
        rows = [(n, 1, *[int(n % 5 == k or n == 1) for k in range(5)], *[0] * 9) for n in range(1, count + 1)]
        name = "Testing" if part == "Test" else part
        table(place / f"{folder}/RFMiD_{name}_Labels.csv", header, rows)
        made += [picture(place / f"{folder}/{part}/{row[0]}.png", 0, (40, 40 + len(made))) for row in rows]
    return made


def odir(place, picture):
    place /= "odir-5k"
    header = ("ID", "Patient Age", "Patient Sex", "Left-Fundus", "Right-Fundus")
    header += ("Left-Diagnostic Keywords", "Right-Diagnostic Keywords", *ODIR)
    rows = []
    for number in range(24):
        shows = [int(k in (number % 8, (number // 3) % 8)) for k in range(8)]
        rows.append(
            (number, 60, "Male", f"{number}_left.jpg", f"{number}_right.jpg", "drusen", "normal fundus", *shows)
        )
    book(place / "data.xlsx", header, rows)
    names = [name for row in rows for name in row[3:5]]
    return [picture(place / "Training Images" / name, n % 2) for n, name in enumerate(names)]


def odir_kaggle(place, picture):
    place /= "odir-kaggle"
    header = "ID,Patient Age,Patient Sex,Left-Fundus,Right-Fundus,Left-Diagnostic Keywords,Right-Diagnostic Keywords,"
    header += "N,D,G,C,A,H,M,O,filepath,labels,target,filename"
    rows, made = [], []
    for number in range(16):
        for side in ("left", "right"):
            name = f"{number}_{side}.jpg"
            shows = [int(k == number % 2) for k in range(8)]
            of_both = (f"{number}_left.jpg", f"{number}_right.jpg", "drusen\uff0ccataract", "normal fundus")
            end = (f"../input/{name}", f"['{ODIR[number % 2]}']", f'"{shows}"', name)
            rows.append((number, 69, "Female", *of_both, *shows, *end))
            made.append(picture(place / "preprocessed_images" / name, number % 2))
    table(place / "full_df.csv", header, rows)
    return made


def g1020(place, picture):
    place /= "g1020-archive"
    names = [f"image_{number}.jpg" for number in range(8)]
    table(place / "G1020.csv", "imageID,binaryLabels", [(name, n % 2) for n, name in enumerate(names)])
    return [picture(place / "Images" / name, n % 2) for n, name in enumerate(names)]


def paddle_lists(place, picture):
    place /= "lists"
    made = []
    for part, count in (("train", 6), ("val", 4)):
        names = [f"{name}/{part}{number}.jpg" for name in ("dog", "cat") for number in range(count // 2)]
        place.mkdir(parents=True, exist_ok=True)
        lines = [f"{name} {int(name.startswith('cat'))}\n" for name in names]
        (place / f"{part}_list.txt").write_text("".join(lines))
        made += [picture(place / name, int(name.startswith("cat"))) for name in names]
    (place / "labels.txt").write_text("dog\ncat\n")
    return made


# What makes the layout, the classes, the number of photographs on both sides, and whether each has several labels.
LAYOUTS = {
    "APTOS 2019": (aptos, ("no DR", "mild", "moderate", "severe", "proliferative"), (15, 5), False),
    "EyePACS": (eyepacs, ("0", "1", "2", "3", "4"), (10, 10), False),
    "IDRiD, grading": (idrid, ("0", "1", "2"), (8, 4), False),
    "Messidor": (messidor, ("0", "1", "2", "3"), (16, 4), False),
    "Messidor-2": (messidor2, ("0", "1"), (6, 2), False),
    "RFMiD, some of its 45 diseases": (rfmid, ("DR", "ARMD", "MH", "DN", "MYA"), (8, 4), True),
    "ODIR-5K": (odir, tuple(ODIR), (38, 10), True),
    "ODIR-5K, Kaggle's `full_df.csv`": (odir_kaggle, ("D", "N"), (28, 4), False),
    "G1020": (g1020, ("no glaucoma", "glaucoma"), (6, 2), False),
    "lists of PaddleX and PaddleClas": (paddle_lists, ("dog", "cat"), (6, 4), False),
}


def test_every_row_of_the_table_has_its_layout():
    assert COMMANDS.keys() == LAYOUTS.keys()


@pytest.mark.parametrize("name", LAYOUTS)
def test_the_command_as_it_stands_makes_tables_of_the_layout(name, tmp_path, write_picture):
    make, classes, counts, several = LAYOUTS[name]
    pictures = make(tmp_path / "dataset", write_picture)
    shutil.copytree(ROOT / "tools", tmp_path / "tools")
    python, *arguments = shlex.split(COMMANDS[name])
    assert python == "python"
    done = subprocess.run([sys.executable, *arguments], cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "image is" in done.stdout
    parts = layouts.read(tmp_path / arguments[arguments.index("--out") + 1])
    assert parts.training.classes == classes
    assert (len(parts.training), len(parts.validation)) == counts, (len(parts.training), len(parts.validation))
    assert parts.training.several_labels == several
    named = {record.image.resolve() for part in parts for record in part.records}
    assert named == {path.resolve() for path in pictures}
    groups = [{record.group for record in part.records} - {None} for part in parts]
    assert not groups[0] & groups[1]


def test_the_labels_are_those_of_the_sheet(tmp_path, write_picture):
    odir(tmp_path / "dataset", write_picture)
    shutil.copytree(ROOT / "tools", tmp_path / "tools")
    subprocess.run([sys.executable, *shlex.split(COMMANDS["ODIR-5K"])[1:]], cwd=tmp_path, check=True)
    said = pd.read_excel(tmp_path / "dataset/odir-5k/data.xlsx").set_index("ID")[ODIR]
    for part in layouts.read(tmp_path / "dataset/odir"):
        for record in part.records:
            assert record.label == tuple(said.loc[int(record.image.name.split("_")[0])])
            assert record.group == record.image.name.split("_")[0]
