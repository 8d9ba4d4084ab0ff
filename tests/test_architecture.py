"""Which room of the house may import which, and what no module may do, read from the source."""

import ast
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]

# The floors from the top down; a room imports from its own floor's rooms only its own, and from any floor below.
FLOORS = [
    ["benchmark", "documents", "web"],
    ["runs"],
    ["tasks"],
    ["inference"],
    ["engine", "report"],
    ["weights"],
    ["data"],
    ["models"],
    ["metrics", "losses"],
    ["run_folder", "config", "cli", "opencv"],
    ["files"],
    ["choices", "errors", ""],
    ["processor"],
]

# Within `data` the same: where data lies, what is done to it before training, how it lies, what it is.
DATA_FLOORS = [
    ["locate"],
    ["preparation", "mask_loading"],
    ["duplicates", "sketches"],
    ["sources", "loading", "identity"],
    ["examination"],
    ["fingerprints", "store", "gate"],
    ["records", "images", "patients", "field", "transforms", "mask_transforms"],
]

# (importing rooms or modules, what they never import at all)
NEVER = [
    (["engine"], ["paddle_eye.data", "paddle_eye.config", "paddle_eye.report", "paddle_eye.models", "argparse"]),
    (["weights"], ["paddle_eye.config"]),
    (["data"], ["paddle_eye.models", "paddle_eye.config"]),
    (["models"], ["paddle_eye.config", "paddle_eye.run_folder"]),
    (["losses"], ["paddle_eye"]),
    (["report", "config", "choices", "errors", "files", "run_folder", "processor", "metrics"], ["paddle"]),
    (["data.records", "data.sources", "data.preparation"], ["paddle"]),
    ([""], ["tools"]),
]

MOST_ROOT_MODULES = 10


def read_package():
    """The syntax tree of every module under its name within the package; the package itself is ''."""
    trees = {}
    for path in sorted((ROOT / "paddle_eye").rglob("*.py")):
        parts = path.relative_to(ROOT / "paddle_eye").with_suffix("").parts
        name = ".".join(parts[:-1] if parts[-1] == "__init__" else parts)
        trees[name] = ast.parse(path.read_text(encoding="utf-8"), str(path))
    return trees


TREES = read_package()


def imported_names(tree):
    """Every dotted name that is imported anywhere in a module, also inside functions: 'a.b' for 'from a import b'."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield from (f"{'.' * node.level}{node.module or ''}.{alias.name}" for alias in node.names)


def project_imports(tree):
    """The modules of this package that a module imports; the name behind 'from module import name' is cut off."""
    for name in imported_names(tree):
        if name.split(".")[0] == "paddle_eye":
            inner = name.partition(".")[2]
            yield inner if inner in TREES else inner.rpartition(".")[0]


def is_within(name, package):
    return not package or name == package or name.startswith(f"{package}.")


def upward(floors, modules, place=""):
    """The imports of modules that do not point downward, or stay in their room."""
    floor_of = {room: number for number, rooms in enumerate(floors) for room in rooms}
    prefix = f"{place}." if place else ""
    for module in modules:
        room = module[len(prefix) :].split(".")[0]
        for imported in project_imports(TREES[module]):
            if place and (imported == place or not is_within(imported, place)):
                continue
            target = imported[len(prefix) :].split(".")[0]
            if target != room and floor_of[target] <= floor_of[room]:
                yield module, imported


def test_imports_point_downward():
    assert list(upward(FLOORS, TREES)) == []
    in_data = [module for module in TREES if module.startswith("data.")]
    assert list(upward(DATA_FLOORS, in_data, "data")) == []


def test_modules_do_not_import_each_other_in_a_circle():
    left = {module: set(project_imports(tree)) - {module} for module, tree in TREES.items()}
    while left:
        free = {module for module, imported in left.items() if not imported & left.keys()}
        assert free, f"these import each other: {sorted(left)}"
        left = {module: imported for module, imported in left.items() if module not in free}


@pytest.mark.parametrize(("importers", "prohibited"), NEVER)
def test_prohibited_imports(importers, prohibited):
    found = [
        (module, name)
        for module, tree in TREES.items()
        if any(is_within(module, importer) for importer in importers)
        for name in imported_names(tree)
        if any(is_within(name, package) for package in prohibited)
    ]
    assert found == []


def test_the_root_holds_few_modules():
    assert len([module for module in TREES if "." not in module and (ROOT / f"paddle_eye/{module}.py").is_file()]) < (
        MOST_ROOT_MODULES
    )


def test_only_the_tasks_ask_which_task_it_is():
    """No module compares with a task's or a network's kind by name; tables of tasks and of preprocessings are keyed."""
    kinds = {"classification", "segmentation"}
    for module, tree in TREES.items():
        for node in ast.walk(tree):
            if isinstance(node, ast.Compare):
                compared = {each.value for each in ast.walk(node) if isinstance(each, ast.Constant)}
                assert not kinds.intersection(v for v in compared if isinstance(v, str)), (module, node.lineno)


def test_imports_are_absolute():
    """So that the checks above see them."""
    assert [m for m, tree in TREES.items() for name in imported_names(tree) if name.startswith(".")] == []


def test_only_the_package_itself_imports_by_name():
    """An import by name is not seen by the checks above; the package does it so that Paddle is imported late."""
    users = {module for module, tree in TREES.items() for name in imported_names(tree) if is_within(name, "importlib")}
    assert users <= {""}


def test_paddle_is_imported_late():
    """Not even in a roundabout way; the first module that brings Paddle in is named."""
    program = """
import importlib, sys
for name in sys.argv[1:]:
    importlib.import_module(name)
    if "paddle" in sys.modules:
        sys.exit(f"{name} imports Paddle")
"""
    rooms = [room for importers, prohibited in NEVER if prohibited == ["paddle"] for room in importers]
    names = [f"paddle_eye.{module}" for module in TREES if any(is_within(module, room) for room in [*rooms, "cli"])]
    done = subprocess.run([sys.executable, "-c", program, "paddle_eye", *names], cwd=ROOT, capture_output=True)
    assert done.returncode == 0, done.stderr.decode()


def closure(tree):
    """A tree and those of all modules of the package that it imports, and that these import."""
    trees, left = [tree], set(project_imports(tree))
    seen = set()
    while left:
        module = left.pop()
        seen.add(module)
        trees.append(TREES[module])
        left |= set(project_imports(TREES[module])) - seen
    return trees


@pytest.mark.parametrize("tool", sorted((ROOT / "tools").glob("*.py")), ids=lambda path: path.stem)
def test_tools_keep_their_signals_while_paddle_is_imported(tool):
    """Paddle takes SIGTERM, so that the tool would end at once and leave what it had begun, and its processes."""
    trees = closure(ast.parse(tool.read_text(encoding="utf-8")))
    others = [name for tree in trees if tree is not TREES["cli"] for name in imported_names(tree)]
    sources = [text for tree in trees if "import_paddle()\n" in (text := ast.unparse(tree))]
    assert bool(sources) == any(is_within(name, "paddle") for name in others)
    for text in sources:
        assert text.index("import_paddle()\n") < text.index("\n    from paddle_eye")


@pytest.mark.parametrize(
    "source",
    [
        "eval('1')",
        "exec('1')",
        "import pickle\npickle.loads(b'')",
        "from pickle import load as open_it\nopen_it(None)",
        "import paddle\npaddle.load('x')",
        "from torch import load\nload('x')",
        "import yaml\nyaml.load('x', yaml.Loader)",
    ],
)
def test_the_linter_refuses_what_runs_code_from_a_file(source):
    command = [sys.executable, "-m", "ruff", "check", "--stdin-filename", "paddle_eye/module.py", "-"]
    done = subprocess.run(command, cwd=ROOT, input=source, capture_output=True, encoding="utf-8")
    assert done.returncode == 1
    assert re.search("S102|S301|S307|S506|S614|TID251", done.stdout), done.stdout
