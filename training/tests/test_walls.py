"""Which room may import which. The tests read every import with `ast`, also those inside functions and under TYPE_CHECKING."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

PACKAGE = "vqrae_training"
ROOT = Path(__file__).parents[1] / PACKAGE

# A room is a folder or a file directly under the package. Each line names the rooms that it may import. A room imports only
# rooms of the lines above it, so that no circle between rooms can be stated.
MAY_IMPORT = {
    "errors": (),
    "config": ("errors",),
    "metrics": (),
    "models": ("errors",),
    "data": ("errors", "models"),
    "losses": ("errors", "config", "models", "data"),
    "language": ("errors",),
    "engine": ("errors", "config", "metrics", "models", "data"),
    "evaluate": ("errors", "metrics", "models", "data", "losses"),
    "probes": ("metrics", "models", "data"),
    "report": ("errors", "engine"),
    "foundation": ("errors", "config", "metrics", "models", "data", "engine"),
    "train": ("errors", "config", "models", "data", "losses", "engine"),
    "transplant": ("errors", "config", "models", "data", "engine", "train"),
    "export": ("models", "engine"),
    "import_weights": ("errors", "models"),
    "vlm": ("errors", "config", "models", "data", "language", "engine"),
    "generator": ("errors", "config", "metrics", "models", "data", "language", "engine"),
    "ablations": ("config", "models", "data", "evaluate", "train"),
    "__main__": ("errors",),
}
LOWER = ("models", "data", "losses", "engine", "language")
UPPER = ("train", "transplant", "export", "import_weights", "vlm", "generator", "foundation", "ablations", "probes", "report", "evaluate", "__main__")


class Import(NamedTuple):
    file: str  # with the line
    module: str  # that imports
    target: str  # module that is imported


def modules(root: Path) -> dict[str, Path]:
    """Dotted name below the package -> file; a package's own name stands for its `__init__.py`."""
    found = {}
    for file in sorted(root.rglob("*.py")):
        parts = file.relative_to(root).with_suffix("").parts
        found[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = file
    return found


def imports(root: Path) -> Iterator[Import]:
    """Every import of one module of the package by another."""
    known = modules(root)
    for module, file in known.items():
        folder = [PACKAGE, *file.relative_to(root).parts[:-1]]
        for node in ast.walk(ast.parse(file.read_text(), str(file))):
            if isinstance(node, ast.ImportFrom):
                above = folder[: len(folder) + 1 - node.level] if node.level else []
                base = [*above, *(node.module.split(".") if node.module else [])]
                # `from . import x` may name a module, `from .x import y` a name inside one.
                names = [[*base, alias.name] for alias in node.names]
                names = [name if ".".join(name[1:]) in known else base for name in names]
            elif isinstance(node, ast.Import):
                names = [alias.name.split(".") for alias in node.names]
            else:
                continue
            for first, *rest in names:
                target = ".".join(rest)
                if first == PACKAGE and target in known and target != module:
                    yield Import(f"{file.relative_to(root.parent)}:{node.lineno}", module, target)


def room(module: str) -> str:
    return module.partition(".")[0]


def walls_crossed(root: Path) -> list[str]:
    crossed = []
    for i in imports(root):
        inside, outside = room(i.module), room(i.target)
        if inside != outside and outside not in MAY_IMPORT.get(inside, ()):
            allowed = ", ".join(MAY_IMPORT.get(inside, ())) or "nothing"
            crossed.append(f"{i.file} imports {PACKAGE}.{i.target}, but {inside} may import {allowed} alone")
    return crossed


def circles(root: Path) -> list[str]:
    """One line for each module that an import leads back to, with the modules on the way."""
    graph: dict[str, dict[str, str]] = {}
    for i in imports(root):
        graph.setdefault(i.module, {}).setdefault(i.target, i.file)
    found, done = [], set()

    def visit(module: str, path: list[str]) -> None:
        if module in path:
            way = [*path[path.index(module) :], module]
            steps = [f"{graph[a][b]} imports {b}" for a, b in zip(way, way[1:], strict=False)]
            found.append("; ".join(steps))
        elif module not in done:
            for target in graph.get(module, ()):
                visit(target, [*path, module])
            done.add(module)

    for module in sorted(graph):
        visit(module, [])
    return found


def test_every_room_imports_what_it_may():
    crossed = walls_crossed(ROOT)
    assert not crossed, "\n" + "\n".join(crossed)


def test_no_module_imports_itself_on_a_detour():
    found = circles(ROOT)
    assert not found, "\n" + "\n".join(found)


def test_the_rooms_stated_are_those_there_are_and_no_circle_is_stated():
    assert set(MAY_IMPORT) == {room(m) for m in modules(ROOT) if m}
    order = list(MAY_IMPORT)
    for name, allowed in MAY_IMPORT.items():
        assert all(order.index(other) < order.index(name) for other in allowed), name
        if name in LOWER:
            assert not set(allowed) & set(UPPER), name


def test_a_folder_holds_at_most_twenty_files_and_a_file_at_most_400_lines():
    for folder in (ROOT, *filter(Path.is_dir, ROOT.rglob("*"))):
        assert len(list(folder.glob("*.py"))) <= 20, folder
    for file in (*ROOT.rglob("*.py"), *Path(__file__).parent.rglob("*.py")):
        assert len(file.read_text().splitlines()) <= 400, file


@pytest.mark.parametrize(
    ("line", "target"),
    [
        ("from ..train import train", "train"),
        ("from .. import train", "train"),
        ("import vqrae_training.train", "train"),
        ("from vqrae_training.vlm import model", "vlm.model"),
        ("def f():\n    from ..train import train", "train"),
        ("if TYPE_CHECKING:\n    from ..report.page import page", "report.page"),
    ],
)
def test_a_crossed_wall_is_named(tmp_path, line, target):
    root = tmp_path / PACKAGE
    for name in ("train.py", "vlm/model.py", "report/page.py", "models/vit.py"):
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text("")
    (root / "models/vit.py").write_text(line + "\n")
    at = line.count("\n") + 1
    expected = f"{PACKAGE}/models/vit.py:{at} imports {PACKAGE}.{target}, but models may import errors alone"
    assert walls_crossed(root) == [expected]


def test_a_circle_is_named(tmp_path):
    root = tmp_path / PACKAGE
    (root / "data").mkdir(parents=True)
    (root / "data/a.py").write_text("from . import b\n")
    (root / "data/b.py").write_text("def f():\n    from .c import g\n")
    (root / "data/c.py").write_text("import vqrae_training.data.a\n")
    folder = f"{PACKAGE}/data"
    assert circles(root) == [f"{folder}/a.py:1 imports data.b; {folder}/b.py:2 imports data.c; {folder}/c.py:1 imports data.a"]
