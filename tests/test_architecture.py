"""Which module may import which, and what no module may do, read from the source."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]

# Every import of one project module by another; each points downward.
ALLOWED = {
    "": {"processor"},  # the package itself; its public names are looked up when they are used
    "errors": set(),
    "processor": set(),
    "opencv": set(),
    "files": {"errors"},
    "config": {"errors"},
    "cli": {"errors", "config"},
    "metrics": set(),
    "losses": set(),
    "data": set(),
    "data.records": set(),
    "data.images": {"errors", "opencv"},
    "data.transforms": {"opencv"},
    "data.patients": {"errors"},
    "data.palm": {"data.images", "data.records", "errors"},
    "data.folders": {"data.images", "data.patients", "data.records", "errors"},
    "data.tables": {"data.patients", "data.records", "errors", "files"},
    "data.masks": {"data.images", "errors"},
    "data.mask_transforms": {"opencv"},
    "data.mask_loading": {"data.images", "data.mask_transforms", "data.masks", "errors"},
    "data.sources": {"data.folders", "data.masks", "data.palm", "data.records", "data.tables", "errors"},
    "data.identity": {"data.images"},
    "data.split": {"data.images", "data.records", "errors"},
    "data.audit": {"data.images", "data.patients", "data.records"},
    "data.archives": {"data.palm", "errors"},
    "data.synthetic": {"data.palm", "errors", "opencv"},
    "data.locate": {"data.archives", "data.sources", "data.synthetic", "errors"},
    "data.loading": {"data.images", "data.records", "data.transforms", "errors"},
    "models": set(),
    "models.layers": set(),
    "models.attention": set(),
    "models.complexity": set(),
    "models.resnet_nam": {"models.attention"},
    "models.resnet": {"models.layers"},
    "models.transfer": set(),
    "models.freezing": set(),
    "models.tiles": set(),
    "models.unet": {"models.tiles"},
    "models.registry": {"models.resnet", "models.resnet_nam", "models.transfer", "models.unet"},
    "models.torch_files": set(),
    "models.translation": {"models.resnet", "models.transfer"},
    "models.pretrained": {"errors", "files", "models.registry", "models.translation", "models.weights"},
    "models.weights": {"", "errors", "files", "models.torch_files"},
    "inference": set(),
    "inference.opened": {"data.mask_transforms", "data.transforms", "errors", "models.registry", "models.weights"},
    "inference.cam": set(),
    "inference.segmenter": {"data.images", "data.mask_transforms", "errors", "models.unet"},
    "inference.exported": {"data.transforms", "errors", "processor"},
    "inference.export": {"errors", "inference.exported", "inference.opened", "models.registry"},
    "inference.predictor": {
        *("data.images", "data.transforms", "errors", "files"),
        *("inference.exported", "inference.opened", "inference.segmenter", "models.registry"),
    },
    "engine": set(),
    "engine.display": set(),
    "engine.device": {"errors", "processor"},
    "engine.optim": set(),
    "engine.task": {"losses", "metrics", "models.unet"},
    "engine.checkpoint": {"engine.optim", "errors", "files", "models.weights"},
    "engine.loop": {"engine.display", "engine.task", "errors"},
    "report": set(),
    "report.table": {"data.audit", "data.records"},
    "report.plots": {"files"},
    "report.masks": {"opencv", "report.plots"},
    "report.page": {"report.masks"},
    "report.compare": {"errors", "files", "metrics", "report.plots", "report.table"},
    "preparation": {
        *("data.audit", "data.folders", "data.patients", "data.records", "data.sources", "data.split", "data.tables"),
        *("errors", "files"),
    },
    "report.training_log": {"metrics"},
    "report.finished": {"files", "metrics", "report.masks", "report.page", "report.plots", "report.training_log"},
    "report.predictions": {"opencv", "report.plots", "report.table"},
    "prediction": {
        *("data.images", "errors", "files", "inference.cam", "inference.predictor", "inference.segmenter"),
        *("report.masks", "report.predictions"),
    },
    "web": set(),
    "web.uploads": {"data.images", "errors"},
    "web.page": {
        *("engine.device", "errors", "files", "inference.predictor", "inference.segmenter", "metrics"),
        *("prediction", "report.masks", "report.predictions", "web.uploads"),
    },
    "conversion": {
        *("data.transforms", "errors", "files", "inference.opened"),
        *("models.registry", "models.resnet", "models.transfer", "models.translation", "models.weights"),
    },
    "runs": {"", "config", "data.locate", "errors", "files", "models.registry"},
    "start": {
        *("config", "engine.checkpoint", "errors", "files", "runs"),
        *("models.freezing", "models.pretrained", "models.registry", "models.weights"),
    },
    "jobs": set(),
    "jobs.job": {"config", "data.locate", "engine.task", "files"},
    "jobs.classification": {
        *("config", "errors", "files", "jobs.job", "models.attention", "report.finished"),
        *("data.audit", "data.loading", "data.locate", "data.sources", "data.split", "data.transforms", "engine.task"),
    },
    "jobs.segmentation": {
        *("config", "errors", "files", "jobs.job", "report.finished"),
        *("data.identity", "data.loading", "data.locate", "data.mask_loading", "data.mask_transforms", "data.masks"),
        *("engine.task", "models.unet"),
    },
    "experiment": {
        *("", "config", "files", "report.training_log", "runs", "start"),
        *("data.identity", "data.loading", "data.locate", "jobs.classification", "jobs.job", "jobs.segmentation"),
        *("engine.checkpoint", "engine.device", "engine.display", "engine.loop", "engine.optim", "engine.task"),
        *("models.complexity", "models.registry", "models.weights"),
    },
    "evaluation": {
        *("data.identity", "data.loading", "data.locate", "data.mask_loading", "data.masks", "data.sources"),
        *("engine.loop", "engine.task", "errors", "inference.opened", "models.registry"),
    },
    "documents": set(),
    "documents.palm": {
        *("data.loading", "data.palm", "data.transforms"),
        *("engine.device", "engine.display", "engine.loop", "engine.task"),
        *("models.resnet", "models.weights"),
    },
    "documents.six_classes": {
        *("data.loading", "data.tables", "data.transforms", "errors", "files", "preparation"),
        *("engine.device", "engine.display", "engine.loop", "engine.task"),
        *("models.attention", "models.weights", "report.plots", "report.table"),
    },
}

# (importing modules, what they never import); "data" means the room and all its modules.
NEVER = [
    (["data"], ["paddle_eye.models"]),
    (["models"], ["paddle_eye.data"]),
    (["engine"], ["paddle_eye.data", "paddle_eye.config", "paddle_eye.report", "argparse"]),
    (["metrics", "losses"], ["paddle_eye"]),
    (
        ["report", "config", "errors", "files", "processor", "cli", "preparation", "data.records", "data.audit"],
        ["paddle"],
    ),
    ([""], ["tools"]),
]

WITHOUT_PADDLE = (
    *("", "errors", "processor", "files", "config", "cli", "data.records", "data.palm", "preparation"),
    *(
        "report.table",
        "report.plots",
        "report.page",
        "report.compare",
        "report.finished",
        "report.masks",
        "report.predictions",
        "report.training_log",
    ),
)

FORBIDDEN_CALLS = {"eval", "exec", "globals", "pickle.load", "pickle.loads", "paddle.load", "torch.load"}


def read_package():
    """The syntax tree of every module under its name within the package; the package itself is ''."""
    trees = {}
    for path in sorted((ROOT / "paddle_eye").rglob("*.py")):
        parts = path.relative_to(ROOT / "paddle_eye").with_suffix("").parts
        name = ".".join(parts[:-1] if parts[-1] == "__init__" else parts)
        trees[name] = ast.parse(path.read_text(encoding="utf-8"), str(path))
    return trees


TREES = read_package()


def absolute(name):
    return f"paddle_eye.{name}" if name else "paddle_eye"


def imported_names(tree):
    """Every dotted name that is imported anywhere in a module, also inside functions: 'a.b' for 'from a import b'."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield from (f"{'.' * node.level}{node.module or ''}.{alias.name}" for alias in node.names)


def project_edges(tree):
    """The modules of this package that a module imports; the name behind 'from module import name' is cut off."""
    for name in imported_names(tree):
        if name.split(".")[0] == "paddle_eye":
            inner = name.partition(".")[2]
            yield inner if inner in TREES else inner.rpartition(".")[0]


def is_within(name, package):
    return not package or name == package or name.startswith(f"{package}.")


def forbidden_calls(tree):
    """Calls of `FORBIDDEN_CALLS`, under whatever name the module imported them."""
    original = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            original.update({alias.asname: alias.name for alias in node.names if alias.asname})
        elif isinstance(node, ast.ImportFrom):
            original.update({alias.asname or alias.name: f"{node.module}.{alias.name}" for alias in node.names})
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and isinstance(node.func, (ast.Name, ast.Attribute)):
            first, dot, rest = ast.unparse(node.func).partition(".")
            called = (original.get(first, first) + dot + rest).replace("builtins.", "")
            if called in FORBIDDEN_CALLS:
                yield f"line {node.lineno}: {called}"


@pytest.mark.parametrize("module", TREES)
def test_project_imports_are_in_the_table(module):
    assert module in ALLOWED, "a new module needs a row in the table"
    assert set(project_edges(TREES[module])) <= ALLOWED[module]


def test_the_table_has_no_circle():
    left = {module: set(edges) for module, edges in ALLOWED.items()}
    while left:
        free = {module for module, edges in left.items() if not edges & left.keys()}
        assert free, f"these import each other: {sorted(left)}"
        left = {module: edges for module, edges in left.items() if module not in free}


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
    names = [absolute(name) for name in WITHOUT_PADDLE]
    done = subprocess.run([sys.executable, "-c", program, *names], cwd=ROOT, stderr=subprocess.PIPE, encoding="utf-8")
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize(
    "path", [*(ROOT / "paddle_eye").rglob("*.py"), *(ROOT / "tools").glob("*.py")], ids=lambda path: path.name
)
def test_nothing_runs_code_from_a_file(path):
    assert list(forbidden_calls(ast.parse(path.read_text(encoding="utf-8")))) == []


@pytest.mark.parametrize(
    "source",
    [
        "eval('1')",
        "def f():\n    exec('1')",
        "globals()['x'] = 1",
        "import builtins\nbuiltins.eval('1')",
        "import pickle\npickle.loads(b'')",
        "import pickle as p\np.load(None)",
        "from pickle import load as open_it\nopen_it(None)",
        "import paddle\npaddle.load('x')",
        "from torch import load\nload('x')",
    ],
)
def test_the_search_finds_code_that_runs_code(source):
    assert len(list(forbidden_calls(ast.parse(source)))) == 1


@pytest.mark.parametrize("source", ["model.eval()", "import safetensors.numpy\nsafetensors.numpy.load(b'')"])
def test_the_search_leaves_harmless_calls_alone(source):
    assert list(forbidden_calls(ast.parse(source))) == []
