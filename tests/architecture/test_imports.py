"""The shape of the package, read from its source: who may import whom, and what nobody may do.

Imports inside functions and under ``TYPE_CHECKING`` count like all others: what a module knows about is what it depends
on. Only the source is read, so a violation is found also where the optional dependency is not installed.
"""

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

PACKAGE = Path(__file__).parents[2] / "src" / "pellucid"

# Parts of the package, from the ground up; a part is a module or a folder directly under src/pellucid. Each may import
# itself and the tiers below its own, and nothing beside it or above.
TIERS: tuple[tuple[str, ...], ...] = (
    ("columns", "errors", "start", "version"),
    ("arguments",),
    ("paths",),
    ("geometry", "random", "limits", "storage", "metrics", "pickle_machine"),
    ("locking", "zip_reader", "toml_file", "calibration", "collective"),
    ("definitions", "steps", "initializers", "schedules", "data"),
    ("layers", "losses", "optimizers", "scaling"),
    ("network", "differentiation"),
    ("program", "models", "inputs", "freezing", "augmented"),
    ("build",),
    ("interpreter", "compiler", "summary", "gradient_check", "serialization"),
    ("native",),
    ("inference", "snapshot"),
    ("training", "explanations", "sums"),
    ("interop",),
    ("verification", "transfer", "learning_rates"),
    ("recipes",),
    ("report",),
    ("__init__",),  # the public names
    ("web", "studies", "distributed"),
    ("cli",),
    ("__main__",),  # python -m pellucid
)

# The same within the page's part: what its modules and folders stand on.
WEB_TIERS: tuple[tuple[str, ...], ...] = (
    ("faults", "frames", "words"),
    ("looking",),
    ("learning",),
    ("versions",),
    ("bench",),
    ("answers",),
    ("serving",),
    ("live",),
    ("__init__",),
)

# Third-party packages, and the modules that may import them (with all below them); NumPy is allowed everywhere.
LEAVES: dict[str, tuple[str, ...]] = {
    "llvmlite": ("compiler",),
    "tomli_w": ("training.config",),
    "pooch": ("data.download",),
    "typer": ("cli",),
    "rich": ("cli", "training.progress"),
    "pyarrow": ("inference.parquet",),
    "PIL": ("data.pictures", "report.pixels"),
    "matplotlib": ("report", "studies.drawing"),
    "sklearn": ("interop.sklearn",),
    "threadpoolctl": ("interop.sklearn",),
    "onnx": ("interop.onnx",),
    "torch": (),
    "tensorboard": ("interop.tensorboard",),
    "mlflow": ("interop.mlflow",),
    "starlette": ("web",),
    "uvicorn": ("web",),
    "h11": ("web.serving.connection",),
    "websockets": ("web",),
    "mpi4py": ("distributed",),
}

# What `import pellucid` must not load, neither itself nor through others: optional dependencies, what takes long in
# the standard library, and what of Pellucid's own most programs do not use.
AT_FIRST_NEED = {
    "typer", "rich", "PIL", "pooch", "requests", "sklearn", "scipy", "matplotlib", "torch", "onnx", "tensorboard",
    "google.protobuf", "mlflow", "mpi4py", "pyarrow", "ray", "starlette", "uvicorn", "llvmlite", "safetensors",
    "pydantic",
    "asyncio", "concurrent.futures", "email", "http", "importlib.metadata", "json", "logging", "multiprocessing",
    "secrets", "shutil", "socket", "ssl", "subprocess", "tempfile", "tomllib", "unittest", "urllib.request", "zipfile",
    "pellucid.cli", "pellucid.compiler", "pellucid.data.datasets", "pellucid.distributed", "pellucid.explanations",
    "pellucid.gradient_check",
    "pellucid.inference", "pellucid.interop", "pellucid.interpreter", "pellucid.learning_rates", "pellucid.native",
    "pellucid.recipes", "pellucid.report", "pellucid.schedules", "pellucid.serialization", "pellucid.snapshot",
    "pellucid.studies", "pellucid.sums", "pellucid.toml_file", "pellucid.training", "pellucid.transfer",
    "pellucid.verification",
}  # fmt: skip

# And what the command line must not, before it knows what is to be done.
AT_FIRST_VERB = {
    "llvmlite", "matplotlib", "PIL", "pooch", "sklearn", "onnx", "mlflow", "mpi4py", "tensorboard",
    "pellucid.compiler", "pellucid.distributed", "pellucid.explanations", "pellucid.interop.onnx.reading",
    "pellucid.interop.onnx.writing",
    "pellucid.report", "pellucid.studies.trials", "pellucid.studies.rendering",
}  # fmt: skip

UNSAFE_MODULES = {"pickle", "_pickle", "marshal", "shelve", "dill", "cloudpickle", "joblib", "runpy"}
UNSAFE_CALLS = {"eval", "exec", "__import__", "import_module"}
# The one import by name: of the package's own modules, as they stand in a table beside it.
SAFE_CALL = 'importlib.import_module(f".{home}", __name__)'

# Files are written through storage.py alone, so that its tests cover every write.
WRITING_METHODS = {"write_text", "write_bytes", "mkdir", "makedirs", "touch", "symlink_to", "rmtree"}
WRITING_CALLS = {"os.open", "os.replace", "os.rename", "os.remove", "os.unlink", "np.save", "np.savez", "shutil.move"}


class Module(NamedTuple):
    name: str  # below the package: "layers.conv", "layers" for its __init__, "__init__" for the package's own
    tree: ast.Module
    is_folder: bool

    @property
    def part(self) -> str:
        return self.name.split(".")[0]


def read_modules(package: Path) -> list[Module]:
    modules = []
    for path in sorted(package.rglob("*.py")):
        *folders, last = path.relative_to(package).with_suffix("").parts
        is_folder = last == "__init__"
        name = ".".join(folders if is_folder and folders else [*folders, last])
        modules.append(Module(name, ast.parse(path.read_text(encoding="utf-8"), str(path)), is_folder))
    return modules


def imported_names(module: Module, known: set[str]) -> Iterator[tuple[int, str]]:
    """Every import as its line and what it names: 'numpy', 'pellucid.layers.conv', or 'pellucid' for the package."""
    own = [] if module.name == "__init__" else module.name.split(".")
    folder = ["pellucid", *(own if module.is_folder else own[:-1])]
    for node in ast.walk(module.tree):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            above = folder[: len(folder) - node.level + 1] if node.level else []
            origin = ".".join([*above, *(node.module or "").split(".")]).strip(".")
            for alias in node.names:
                submodule = f"{origin}.{alias.name}"
                yield node.lineno, submodule if submodule.removeprefix("pellucid.") in known else origin


def wrong_imports(modules: list[Module]) -> Iterator[str]:
    known = {module.name for module in modules}
    height = {part: level for level, tier in enumerate(TIERS) for part in tier}
    for module in modules:
        if module.part not in height:
            yield f"{module.name}: {module.part} has no place in TIERS; give it one"
            continue
        for line, name in imported_names(module, known):
            top, _, below = name.partition(".")
            where = f"{module.name}, line {line}"
            if top == "pellucid":
                part = below.split(".")[0] or "__init__"
                if part not in height:
                    yield f"{where}: imports {name}, which has no place in TIERS"
                elif part != module.part and height[part] >= height[module.part]:
                    yield f"{where}: {module.part} must not import {part}, which is not below it"
            elif top in UNSAFE_MODULES:
                yield f"{where}: {top} runs or hides code in data"
            elif top not in sys.stdlib_module_names and top != "numpy":
                yield from wrong_leaf(module.name, where, top)


def wrong_in_page(modules: list[Module]) -> Iterator[str]:
    """What is wrong with imports between the parts of ``web``."""
    known = {module.name for module in modules}
    height = {part: level for level, tier in enumerate(WEB_TIERS) for part in tier}
    for module in (each for each in modules if each.part == "web"):
        part = part_of_page(module.name)
        for line, name in imported_names(module, known):
            top, _, below = name.partition(".")
            if top == "pellucid" and below.split(".")[0] == "web":
                other = part_of_page(below)
                if other != part and height[other] >= height[part]:
                    yield f"{module.name}, line {line}: {part} must not import {other}, which is not below it"


def part_of_page(name: str) -> str:
    return name.split(".")[1] if "." in name else "__init__"


def wrong_leaf(name: str, where: str, package: str) -> Iterator[str]:
    leaves = LEAVES.get(package)
    if leaves is None:
        yield f"{where}: {package} is no dependency of Pellucid"
    elif not any(name == leaf or name.startswith(leaf + ".") for leaf in leaves):
        yield f"{where}: only {' and '.join(leaves) or 'nobody'} may import {package}"


def wrong_statements(modules: list[Module]) -> Iterator[str]:
    for module in modules:
        for node in ast.walk(module.tree):
            reasons: list[str] = []
            if isinstance(node, ast.Assert):
                reasons = ["assert disappears under python -O; raise an error that teaches"]
            elif isinstance(node, ast.Call):
                own = module.name == "__init__" and ast.unparse(node).replace("'", '"') == SAFE_CALL
                reasons = [] if own else wrong_call(node, may_write=module.name == "storage")
            yield from (f"{module.name}, line {node.lineno}: {reason}" for reason in reasons)


def wrong_call(call: ast.Call, may_write: bool) -> list[str]:
    called = ast.unparse(call.func)
    name = called.split(".")[-1]
    reasons = [f"{name} runs what it is handed"] if name in UNSAFE_CALLS else []
    if any(k.arg == "allow_pickle" and ast.unparse(k.value) != "False" for k in call.keywords):
        reasons.append("allow_pickle runs what a file says")
    writes = name in WRITING_METHODS or called in WRITING_CALLS or (name == "open" and opens_to_write(call))
    if writes and not may_write and "os.devnull" not in ast.unparse(call):
        reasons.append(f"{called} writes to the disk; use storage.py")
    return reasons


def opens_to_write(call: ast.Call) -> bool:
    values = [*call.args, *(keyword.value for keyword in call.keywords)]
    texts = [node.value for node in values if isinstance(node, ast.Constant) and isinstance(node.value, str)]
    return any(set(text) <= set("rwaxbt+") and set(text) & set("wax+") for text in texts)


# ---- the package


def test_imports_point_one_way() -> None:
    findings = list(wrong_imports(read_modules(PACKAGE)))
    assert not findings, "\n".join(findings)


def test_nothing_runs_what_a_file_says_and_only_storage_writes() -> None:
    findings = list(wrong_statements(read_modules(PACKAGE)))
    assert not findings, "\n".join(findings)


def printed(program: str) -> set[str]:
    """The words that a program prints, in a process of its own."""
    result = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=True)
    return set(result.stdout.split())


@pytest.mark.parametrize(("program", "late"), [("pellucid", AT_FIRST_NEED), ("pellucid.cli", AT_FIRST_VERB)])
def test_an_import_loads_what_is_needed_at_once(program: str, late: set[str]) -> None:
    before = printed("import numpy, numpy.typing, sys; print(' '.join(sys.modules))")
    loaded = printed(f"import {program}, sys; print(' '.join(sys.modules))")
    assert {"pellucid.errors", "pellucid.layers.conv", "numpy"} <= loaded, "the check itself is broken"
    assert sorted((loaded - before) & late) == []


def test_what_can_be_kept_for_later_is_there() -> None:
    """So that a module that was renamed does not drop out of the check above."""
    known = {f"pellucid.{module.name}" for module in read_modules(PACKAGE)}
    assert {name for name in AT_FIRST_NEED | AT_FIRST_VERB if name.startswith("pellucid.")} <= known


def public_names() -> dict[str, str]:
    """What `__init__` imports as itself, at once or for types only: name -> module that has it."""
    tree = ast.parse((PACKAGE / "__init__.py").read_text(encoding="utf-8"))
    imports = [node for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)]
    found = {a.name: f".{node.module or ''}".rstrip(".") for node in imports for a in node.names if a.asname == a.name}
    del found["start"]
    return found


@pytest.mark.parametrize("before", ["pellucid", "pellucid.cli"])
def test_every_name_is_what_the_types_say(before: str) -> None:
    """Also what is loaded when it is asked for, and whatever was imported before: functions are called like modules."""
    names = public_names()
    checks = [
        f"from pellucid{module} import {name} as typed\nprint({name!r} if pellucid.{name} is typed else 'other:{name}')"
        for name, module in names.items()
    ]
    assert printed("\n".join([f"import pellucid, {before}", *checks])) == names.keys()


def test_only_public_names_are_listed() -> None:
    """Those that `__init__` imports as themselves, whether they are loaded yet or not."""
    names = printed("import pellucid, pellucid.toml_file; pellucid.report, print(' '.join(dir(pellucid)))")
    listed = {name for name in names if not name.startswith("__")}
    assert listed == public_names().keys()
    assert printed("import pellucid; print(' '.join(dir(pellucid)))") == names
    assert printed("from pellucid import *; print(' '.join(dir()))") >= listed
    assert {"Graph", "joins", "plots", "report"} <= listed
    assert not listed & {"Any", "TYPE_CHECKING", "VERSION", "typing", "toml_file", "pickle_machine", "layers"}


# ---- and the checks themselves: each planted violation is found, and what is allowed is let through


@pytest.mark.parametrize(
    ("name", "source", "finding"),
    [
        ("layers/conv.py", "from pellucid.training import fit", "layers must not import training"),
        ("layers/conv.py", "from ..compiler import jit", "layers must not import compiler"),
        ("layers/conv.py", "from .. import network", "layers must not import network"),
        ("layers/conv.py", "from pellucid import Sequential", "layers must not import __init__"),
        ("layers/conv.py", "import pellucid.losses", "layers must not import losses"),
        ("layers/conv.py", "def f():\n    from ..program import lower", "line 2: layers must not import program"),
        ("layers/conv.py", "if TYPE_CHECKING:\n    from .. import network", "line 2: layers must not import network"),
        ("layers/__init__.py", "from ..network import Sequential", "layers, line 1: layers must not import network"),
        ("__init__.py", "from .cli import main", "__init__ must not import cli"),
        ("helpers.py", "", "helpers: helpers has no place in TIERS; give it one"),
        ("cli/train.py", "from ..helpers import f", "imports pellucid.helpers, which has no place in TIERS"),
        ("network.py", "import PIL.Image", "only data.pictures and report.pixels may import PIL"),
        ("data/idx.py", "def f():\n    from PIL import Image", "only data.pictures and report.pixels may import PIL"),
        ("training/fit.py", "from rich.progress import Progress", "only cli and training.progress may import rich"),
        ("network.py", "import requests", "requests is no dependency of Pellucid"),
        ("data/cifar.py", "import pickle", "pickle runs or hides code in data"),
    ],
)  # fmt: skip
def test_a_planted_import_is_found(name: str, source: str, finding: str, tmp_path: Path) -> None:
    (tmp_path / "network.py").write_text("")
    (tmp_path / name).parent.mkdir(exist_ok=True)
    (tmp_path / name).write_text(source)
    findings = list(wrong_imports(read_modules(tmp_path)))
    assert len(findings) == 1, findings
    assert finding in findings[0]


@pytest.mark.parametrize(
    ("source", "finding"),
    [
        ("assert x", "assert disappears"),
        ("value = eval(text)", "eval runs what it is handed"),
        ("importlib.import_module(name)", "import_module runs what it is handed"),
        ("np.load(path, allow_pickle=True)", "allow_pickle runs what a file says"),
        ("open(path, 'wb')", "open writes to the disk"),
        ("path.open(mode='a')", "path.open writes to the disk"),
        ("path.write_text(text)", "path.write_text writes to the disk"),
        ("np.save(path, x)", "np.save writes to the disk"),
        ("os.replace(a, b)", "os.replace writes to the disk"),
    ],
)
def test_a_planted_statement_is_found(source: str, finding: str, tmp_path: Path) -> None:
    (tmp_path / "network.py").write_text(source)
    findings = list(wrong_statements(read_modules(tmp_path)))
    assert len(findings) == 1, findings
    assert findings[0].startswith(f"network, line 1: {finding}")


@pytest.mark.parametrize(
    ("name", "source"), [("__init__.py", "importlib.import_module(name)"), ("network.py", SAFE_CALL)]
)
def test_one_import_by_name_is_allowed_and_no_other(name: str, source: str, tmp_path: Path) -> None:
    (tmp_path / name).write_text(source)
    (finding,) = wrong_statements(read_modules(tmp_path))
    assert "import_module runs what it is handed" in finding


def test_what_is_allowed_is_let_through(tmp_path: Path) -> None:
    (tmp_path / "training").mkdir()
    (tmp_path / "training" / "progress.py").write_text(
        "import os, numpy as np, numpy.typing, rich.progress\n"
        "from . import history\nfrom ..network import Sequential\nfrom pellucid.errors import ArgumentError\n"
        "np.load(path, allow_pickle=False)\nopen(path)\nopen('data', 'rb')\n"
        "'a'.replace('a', 'b')\nos.open(os.devnull, os.O_WRONLY)\n"
    )
    (tmp_path / "storage.py").write_text("os.replace(a, b)")
    (tmp_path / "__init__.py").write_text(SAFE_CALL)
    modules = read_modules(tmp_path)
    assert [*wrong_imports(modules), *wrong_statements(modules)] == []


def test_imports_within_the_page_point_one_way(tmp_path: Path) -> None:
    assert list(wrong_in_page(read_modules(PACKAGE))) == []
    for folder in ("web", "web/words", "web/looking"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "__init__.py").touch()
    (tmp_path / "web" / "words" / "sums.py").write_text("from ..looking import look")
    findings = list(wrong_in_page(read_modules(tmp_path)))
    assert findings == ["web.words.sums, line 1: words must not import looking, which is not below it"]


def test_the_design_page_shows_these_tiers() -> None:
    page = (PACKAGE.parents[1] / "docs" / "design.md").read_text(encoding="utf-8")
    shown = page.partition("## Who may import whom")[2].partition("```text\n")[2].partition("```")[0]
    assert [tuple(line.split(", ")) for line in shown.splitlines()] == list(reversed(TIERS))
