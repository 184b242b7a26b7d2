"""A hook of MkDocs that makes what would go stale by hand: the pages of the API, and the list of all pages.

Every module under src/pellucid is shown on the page of its part of the package: first those that its group names, in
that order and with a table of what is in them, then the others, which are inner parts. A part that is in no group
below lands on the last page, so that nothing is left out.
"""

import ast
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page

ROOT = Path(__file__).resolve().parent.parent
PACKAGE = ROOT / "src" / "pellucid"
HANDWRITTEN = (  # in this order; others follow
    "index.md", "tutorial.md", "worked-examples.md", "graphs.md", "own-layer.md", "when-it-does-not-learn.md",
    "output-size.md", "filter-sizes.md", "depth.md", "ablations.md", "networks.md", "recipes.md", "drawing.md",
    "augmentation.md", "fine-tuning.md", "pretrained.md", "prediction.md", "sklearn.md", "onnx.md", "report.md",
    "sums.md", "view.md", "longer-trainings.md", "interrupted.md", "distributed.md", "scaling.md", "watching.md",
    "loggers.md", "performance.md", "reliability.md", "design.md",
)  # fmt: skip


class Group(NamedTuple):
    """One page of the API: the modules that it opens with, the most important first."""

    page: str
    title: str
    about: str
    modules: tuple[str, ...]

    @property
    def parts(self) -> set[str]:
        """The parts of the package, each a module or a folder, whose modules all belong on this page."""
        return {module.split(".")[0] for module in self.modules}


GROUPS = (
    Group("network", "Networks", "What a network is made of, and what you ask of it.", (
        "network.sequential", "network.graph", "network.base", "scaling",
        "models.small", "models.lenet", "models.mnist", "models.notebook", "inference.outputs",
        "inference.files", "inference.share", "inference.scoring", "snapshot", "summary.summary",
        "gradient_check.check", "gradient_check.report",
        "serialization.model_file", "interop.weights", "interop.torch", "interop.onnx.writing",
        "interop.onnx.reading", "interop.sklearn.classifier", "interop.sklearn.regressor", "serialization.fitting")),
    Group("layers", "Layers", "Each layer works alone, `forward` and `backward`, and inside a network.", (
        "layers.conv", "layers.linear", "layers.pool", "layers.activation", "layers.piecewise", "layers.exponential",
        "layers.learned", "layers.norm", "layers.dropout", "layers.merge", "layers.joins", "layers.padding",
        "layers.shape", "layers.base", "layers.parameter")),
    Group("training", "Training", "From a network and data to a trained network and its history.", (
        "training.fit", "training.resume", "training.history", "training.callbacks", "training.keeping",
        "augmented", "learning_rates", "freezing", "pretrained",
        "interop.tensorboard", "interop.mlflow",
        "recipes.running", "recipes.recipe", "recipes.catalogue", "recipes.reading", "verification")),
    Group("learning", "Losses, optimisers, schedules", "What is made small, by which steps, and how it is judged.", (
        "losses", "optimizers", "schedules", "metrics", "calibration", "initializers")),
    Group("looking", "Looking inside", "Why a network says what it says; plots, and a run on one page.", (
        "explanations.saliency", "explanations.grad_cam", "explanations.occlusion", "explanations.field",
        "explanations.vector_jacobian", "sums.trace", "sums.sum", "sums.made", "sums.walk", "sums.kinds",
        "report.plots.training", "report.plots.classes", "report.plots.inside", "report.plots.explained",
        "report.writing")),
    Group("data", "Data", "Reading, fetching, checking and shuffling images.", (
        "data.datasets", "data.dataset", "data.folders", "data.augment", "data.drawn")),
    Group("definitions", "Definitions", "The mathematics: one pure NumPy function for every kind of step.", (
        "definitions.conv", "definitions.linear", "definitions.pool", "definitions.pointwise",
        "definitions.piecewise", "definitions.exponential", "definitions.learned", "definitions.norm",
        "definitions.shape", "definitions.loss", "definitions.optimizer", "definitions.input", "definitions.augment",
        "definitions.mixup", "definitions.windows", "definitions.arrays", "definitions.custom", "definitions.combine")),
    Group("program", "Program", "A network lowered to plain steps, and what runs them.", (
        "build", "program", "steps", "differentiation", "interpreter", "geometry", "random")),
    Group("studies", "Studies", "What `pellucid study` computes, measures and draws.", (
        "studies.result", "studies.figures", "studies.rendering", "studies.timing", "studies.output_size",
        "studies.filter_size", "studies.effective_field", "studies.one_by_one", "studies.survey",
        "studies.published")),
    Group("compiler", "Compiler", "From a program to native code, and what it made.", (
        "compiler.executable", "compiler.explain", "compiler.lowering", "compiler.plan", "compiler.builder",
        "compiler.values", "compiler.tensors", "compiler.tiles", "compiler.runtime")),
    Group("ground", "Errors, limits, storage", "What everything else stands on.", (
        "errors", "limits", "storage", "arguments")),
)  # fmt: skip


class Member(NamedTuple):
    """A class, function or constant of a module that has a docstring."""

    name: str
    summary: str
    defined: bool  # a class or function


def modules() -> list[str]:
    """The dotted names below `pellucid` of all public modules, without the package files that only pass names on."""
    found = (path for path in sorted(PACKAGE.rglob("*.py")) if (path.parent / "__init__.py").exists())
    paths = (path.relative_to(PACKAGE).with_suffix("").parts for path in found)
    return [".".join(parts) for parts in paths if not any(part.startswith("_") for part in parts)]


def group_of(module: str) -> Group:
    named = (group for group in GROUPS if module in group.modules)
    return next(named, next((group for group in GROUPS if module.split(".")[0] in group.parts), GROUPS[-1]))


def exported() -> set[str]:
    """The names that `import pellucid as p` offers as ``p.name``."""
    body = ast.parse((PACKAGE / "__init__.py").read_text(encoding="utf-8")).body
    return {alias.name for node in body if isinstance(node, ast.ImportFrom) for alias in node.names}


def members(module: str) -> list[Member]:
    """What a module's documentation shows: what users import first, else in the order of the source."""
    tree = ast.parse((PACKAGE / f"{module.replace('.', '/')}.py").read_text(encoding="utf-8"))
    found = [member for member in _documented(tree.body) if not member.name.startswith("_")]
    names = exported()
    return sorted(found, key=lambda member: member.name not in names)


def _documented(body: list[ast.stmt]) -> Iterator[Member]:
    for node, after in zip(body, [*body[1:], None], strict=True):
        if isinstance(node, ast.ClassDef | ast.FunctionDef) and (text := ast.get_docstring(node)):
            yield Member(node.name, summary(text), True)
        elif isinstance(node, ast.Assign | ast.AnnAssign) and isinstance(after, ast.Expr):
            target = node.targets[0] if isinstance(node, ast.Assign) else node.target
            if isinstance(target, ast.Name) and isinstance(after.value, ast.Constant):
                yield Member(target.id, summary(str(after.value.value)), False)


def summary(docstring: str) -> str:
    """The formula that a docstring opens with, or else its first sentence."""
    first = " ".join(docstring.split("\n\n")[0].split())
    formula = re.match(r"``.+?``", first)
    return formula[0] if formula else re.split(r"(?<=\.) |:$", first)[0]


def directive(module: str) -> str:
    names = [member.name for member in members(module)]
    return f"::: pellucid.{module}\n    options:\n      members: {names or 'false'}\n"


def table(shown: list[str]) -> str:
    rows = ["| name | |", "| --- | --- |"]
    for module in shown:
        for member in members(module):
            if member.defined:
                link = f"[`{member.name}`][pellucid.{module}.{member.name}]"
                rows.append(f"| {link} | {member.summary.replace('|', chr(92) + '|')} |")
    return "\n".join(rows)


def api_pages() -> dict[str, str]:
    """The text of every API page that has something to show, by its name in docs/."""
    pages = {}
    for group in GROUPS:
        there = [module for module in modules() if group_of(module) == group]
        first = [module for module in group.modules if module in there]
        inner = [module for module in there if module not in first]
        if there:
            text = [f"# {group.title}", group.about, table(first), *map(directive, first), *map(directive, inner)]
            pages[f"api/{group.page}.md"] = "\n\n".join(text)
    return pages


def on_config(config: MkDocsConfig) -> None:
    docs = Path(config.docs_dir)
    written = sorted(path.relative_to(docs).as_posix() for path in docs.rglob("*.md"))
    first: list[Any] = [page for page in HANDWRITTEN if page in written]
    home: list[Any] = [{"Home": page} for page in first[:1]]
    config.nav = [*home, *first[1:], *(page for page in written if page not in first), {"API": list(api_pages())}]


def on_files(files: Files, config: MkDocsConfig) -> None:
    for name, text in api_pages().items():
        files.append(File.generated(config, name, content=text))


def on_page_markdown(markdown: str, **_: Any) -> str:
    """Make the fences what a reader needs, not what tests/docs/test_snippets.py does.

    The marks for the tests are taken off. What holds ``>>>`` is a console session, so that its output is not coloured
    as code.
    """
    plain = re.sub(r"^(\s*```\w+)[^\S\n]+[^\n{]+$", r"\1", markdown, flags=re.MULTILINE)
    return re.sub(r"^(\s*```)python\n(\s*>>> )", r"\1pycon\n\2", plain, flags=re.MULTILINE)


def on_page_content(html: str, page: Page, **_: Any) -> str:
    """On the API's pages, give long formulas a line of their own, and take off dashes that lead in no description."""
    if not page.file.src_uri.startswith("api/"):
        return html
    html = re.sub(r"–\s*<div class=\"doc-md-description\">\s*</div>", "", html)
    return re.sub(r"(<p>|\nwith )<code>([^<]{45,})</code>[.,:;]?", r'\1<code class="formula">\2</code>', html)
