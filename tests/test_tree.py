"""The house itself: one word for one thing, rooms of a size, and nothing left about."""

import ast
import collections
import pathlib
import subprocess

import pytest

import kerastransfer

ROOT = pathlib.Path(kerastransfer.__file__).parent
REPOSITORY = ROOT.parent
MODULES = sorted(ROOT.rglob("*.py"))
LARGEST_ROOM = 14
LONGEST_FILE = 300
LONGEST_FUNCTION = 50
VAGUE = {"found", "told", "facts"}
# What may be tracked: endings, and files by name.
ENDINGS = {".py", ".md", ".json", ".txt", ".cfg", ".toml", ".yml", ".yaml", ".cff"}
ENDINGS |= {".ipynb", ".png", ".svg", ".csv", ".parquet"}
NAMES = {"LICENSE", ".gitignore", "py.typed", "run"}


def trees():
    for path in MODULES:
        yield path.relative_to(ROOT), ast.parse(path.read_text(encoding="utf-8"))


def aliases(node):
    """Names of types at a module's top: ``Images = ...``, not constants."""
    targets = node.targets if isinstance(node, ast.Assign) else []
    names = [target.id for target in targets if isinstance(target, ast.Name)]
    return [name for name in names if name[0].isupper() and not name.isupper()]


def test_a_public_class_or_type_has_one_home():
    homes = collections.defaultdict(set)
    for path, tree in trees():
        for node in tree.body:
            names = [node.name] if isinstance(node, ast.ClassDef) else aliases(node)
            for name in names:
                if not name.startswith("_"):
                    homes[name].add(str(path))
    assert {name: at for name, at in homes.items() if len(at) > 1} == {}


def test_no_variable_is_called_by_a_word_that_says_nothing():
    vague = []
    for path, tree in trees():
        for node in ast.walk(tree):
            name = None
            if isinstance(node, ast.arg):
                name = node.arg
            elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
                name = node.id
            if name in VAGUE:
                vague.append(f"{path}:{node.lineno} {name}")
    assert vague == []


def test_no_room_holds_more_modules_than_one_can_see():
    sizes = collections.Counter(
        path.parent for path, _ in trees() if path.name != "__init__.py"
    )
    assert {str(room): n for room, n in sizes.items() if n > LARGEST_ROOM} == {}


def test_no_file_is_longer_than_one_can_read():
    lengths = {
        str(path.relative_to(ROOT)): len(path.read_text(encoding="utf-8").splitlines())
        for path in MODULES
    }
    assert {path: n for path, n in lengths.items() if n > LONGEST_FILE} == {}


def test_no_function_is_longer_than_one_can_see():
    long = {}
    for path, tree in trees():
        for node in ast.walk(tree):
            if isinstance(node, ast.FunctionDef):
                body = node.body[1:] if ast.get_docstring(node) else node.body
                length = body[-1].end_lineno - body[0].lineno + 1 if body else 0
                if length > LONGEST_FUNCTION:
                    long[f"{path}:{node.name}"] = length
    assert long == {}


def test_no_positional_arguments_are_packed_with_a_star():
    """``f(*(a, b), c)`` hides which argument is which."""
    packed = [
        f"{path}:{node.lineno}"
        for path, tree in trees()
        for node in ast.walk(tree)
        if isinstance(node, ast.Call)
        for argument in node.args
        if isinstance(argument, ast.Starred) and isinstance(argument.value, ast.Tuple)
    ]
    assert packed == []


def test_texts_do_not_depend_on_the_systems_encoding():
    """Windows would read and write what the user's country has used."""
    careless = []
    for path, tree in trees():
        for node in ast.walk(tree):
            if isinstance(node, ast.Call) and _is_text(node):
                keywords = {keyword.arg for keyword in node.keywords}
                if not keywords & {"encoding", "force_zip64"}:  # a zip's are bytes
                    careless.append(f"{path}:{node.lineno}")
    assert careless == []


def _is_text(call):
    """Whether a call opens, reads or writes a text file, by its name and mode."""
    name = getattr(call.func, "attr", getattr(call.func, "id", ""))
    if name in ("read_text", "write_text"):
        return isinstance(call.func, ast.Attribute) and not _is_ours(call.func)
    if name not in ("open", "fdopen", "TextIOWrapper", "NamedTemporaryFile"):
        return False
    modes = [
        value.value
        for value in (*call.args, *(k.value for k in call.keywords if k.arg == "mode"))
        if isinstance(value, ast.Constant) and isinstance(value.value, str)
    ]
    if not modes:  # reads text, unless it is a method of that name of our own
        return len(call.args) == (not isinstance(call.func, ast.Attribute))
    return any(set(mode) <= set("rwax+t") for mode in modes)


def _is_ours(function):
    return isinstance(function.value, ast.Name) and function.value.id == "atomic"


def test_tests_mirror_the_tree():
    tests = REPOSITORY / "tests"
    others = {"helpers", "journeys", "data"}
    for path in tests.rglob("test_*.py"):
        room = path.parent.relative_to(tests)
        if not room.parts or room.parts[0] not in others:
            assert (ROOT / room).is_dir(), f"{path} tests no room of the package"


def test_nothing_is_tracked_that_is_not_wanted():
    if not (REPOSITORY / ".git").exists():
        pytest.skip("needs a git checkout")
    listing = subprocess.run(
        ["git", "-c", f"safe.directory={REPOSITORY}", "ls-files", "-z"],
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    stray = [
        name
        for name in filter(None, listing.split("\0"))
        if pathlib.Path(name).suffix not in ENDINGS
        and pathlib.Path(name).name not in NAMES
        and not name.startswith("tests/data/")
    ]
    assert stray == []
    assert not [name for name in listing.split("\0") if name.endswith(".lock")]
