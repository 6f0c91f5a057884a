"""The import order: data flows one way, and the light parts stay light."""

import ast
import importlib.util
import pathlib
import subprocess
import sys

import pytest
from helpers.levels import LEVELS, LIGHT_UP_TO, level

import kerastransfer

NAME = "kerastransfer"
ROOT = pathlib.Path(kerastransfer.__file__).parent
MODULES = sorted(ROOT.rglob("*.py"))

HEAVY = {"tensorflow", "keras", "tensorflow_datasets", "keras_tuner"}
PARTS = {name.split(".")[0] for name in LEVELS}
PARTS |= {path.relative_to(ROOT).parts[0].removesuffix(".py") for path in MODULES}


def own_name(path):
    """'training.loop' for .../training/loop.py; '' for the package itself."""
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def absolute(node, path):
    """The dotted names that an import statement may bring in."""
    if isinstance(node, ast.Import):
        return [alias.name for alias in node.names]
    package = ".".join((NAME, *path.relative_to(ROOT).parent.parts))
    source = "." * node.level + (node.module or "")
    base = importlib.util.resolve_name(source, package) if node.level else source
    return [f"{base}.{alias.name}" for alias in node.names]


def imports(nodes, path):
    for node in nodes:
        if isinstance(node, ast.Import | ast.ImportFrom):
            yield from absolute(node, path)


def own_imports(tree, path):
    """Our modules that are imported, also inside functions, such as 'cli.main'."""
    for name in imports(ast.walk(tree), path):
        top, _, rest = name.partition(".")
        if top == NAME and rest.split(".")[0] in PARTS:
            yield rest


def upward(tree, path):
    own = own_name(path)
    part = own.split(".")[0]
    wrong = []
    for other in own_imports(tree, path):
        inside = other.split(".")[0] == part
        if other.split(".")[0] == "errors" and part != "errors":
            continue
        if level(other) > level(own) or (level(other) == level(own) and not inside):
            wrong.append(other)
    return wrong


def loaded_on_import(tree):
    """Statements that run when the module is imported."""
    todo = list(tree.body)
    while todo:
        node = todo.pop()
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
            continue
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test):
            todo += node.orelse
            continue
        yield node
        todo += ast.iter_child_nodes(node)


def heavy_on_import(tree, path):
    tops = {name.split(".")[0] for name in imports(loaded_on_import(tree), path)}
    return sorted(tops & HEAVY)


def parse(path):
    return ast.parse(path.read_text(encoding="utf-8"), str(path))


@pytest.mark.parametrize("path", MODULES, ids=own_name)
def test_imports_point_down(path):
    own = own_name(path)
    if own:
        assert not upward(parse(path), path), f"{own} imports what it may not"
        return
    loaded = imports(loaded_on_import(parse(path)), path)
    ours = [name for name in loaded if name.startswith(NAME)]
    assert not ours, "the package loads nothing of its own until it is asked for"


def is_light(path):
    own = own_name(path)
    return not own or own.split(".")[0] in ("api", "cli") or level(own) <= LIGHT_UP_TO


@pytest.mark.parametrize("path", [*filter(is_light, MODULES)], ids=own_name)
def test_light_parts_load_no_tensorflow(path):
    assert not heavy_on_import(parse(path), path), f"{own_name(path)}: import it late"


@pytest.mark.parametrize(
    ("file", "code", "wrong"),
    [
        ("recipe.py", "from kerastransfer.errors import InputError", []),
        ("recipe.py", "from kerastransfer import __version__", []),
        ("recipe.py", "import numpy", []),
        ("recipe.py", "from kerastransfer import surgery", ["surgery"]),
        ("recipe.py", "def f():\n    import kerastransfer.cli", ["cli"]),
        ("recipe.py", "from kerastransfer.evaluation import x", ["evaluation.x"]),
        ("evaluation/probe.py", "from kerastransfer.evaluation import metrics", []),
        ("evaluation/probe.py", "from . import metrics", []),
        ("evaluation/probe.py", "from ..surgery import explain", ["surgery.explain"]),
        ("evaluation/probe.py", "from .. import surgery", ["surgery"]),
        ("errors.py", "import kerastransfer.recipe", ["recipe"]),
        ("advice/pilot/search.py", "from kerastransfer.advice import matrix", []),
        ("advice/pilot/search.py", "from kerastransfer.training import loop", []),
        (
            "advice/matrix.py",
            "from kerastransfer.advice import pilot",
            ["advice.pilot"],
        ),
        ("export/a.py", "from kerastransfer.cli import run", ["cli.run"]),
        ("cli/train.py", "from kerastransfer.cli import flags", []),
    ],
)
def test_the_check_sees_what_it_should(file, code, wrong):
    assert upward(ast.parse(code), ROOT / file) == wrong


def test_a_part_without_a_level_is_refused():
    with pytest.raises(AssertionError, match=r"elsewhere\.module has no level"):
        level("elsewhere.module")


@pytest.mark.parametrize(
    ("code", "heavy"),
    [
        ("import tensorflow as tf", ["tensorflow"]),
        ("class A:\n    from keras import layers", ["keras"]),
        ("try:\n    import keras\nexcept ImportError:\n    pass", ["keras"]),
        ("def f():\n    import tensorflow", []),
        ("if TYPE_CHECKING:\n    import keras", []),
    ],
)
def test_the_check_tells_early_from_late(code, heavy):
    assert heavy_on_import(ast.parse(code), ROOT / "recipe.py") == heavy


def test_recipes_and_metrics_load_without_tensorflow():
    code = (
        "import sys, kerastransfer, kerastransfer.recipe\n"
        "import kerastransfer.evaluation.metrics, kerastransfer.evaluation.paired\n"
        f"print(sorted({HEAVY} & sys.modules.keys()))"
    )
    run = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert run.stdout.strip() == "[]"
