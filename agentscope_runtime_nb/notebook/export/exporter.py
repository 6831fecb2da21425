"""From a notebook to a service: the one function that the kernel and the command line call."""

from __future__ import annotations

import ast
import re
import time
from functools import partial
from importlib.metadata import version as version_of
from pathlib import Path
from typing import TYPE_CHECKING, Any

from agentscope_runtime_nb.notebook.export import bundle
from agentscope_runtime_nb.notebook.export.data_files import Files, data_files, environment_names
from agentscope_runtime_nb.notebook.export.dependencies import (
    Finder,
    Needs,
    gather,
    installed_version,
    normalise,
    pin,
)
from agentscope_runtime_nb.notebook.export.document import Cell, Document, without_values
from agentscope_runtime_nb.notebook.export.order import History
from agentscope_runtime_nb.notebook.export.plan import Plan, make_plan, statements_of
from agentscope_runtime_nb.notebook.export.problems import ExportError, Problem, problem
from agentscope_runtime_nb.notebook.export.rehearsal import Outcome, differences, rehearse
from agentscope_runtime_nb.notebook.export.report import Decision, ExportReport
from agentscope_runtime_nb.notebook.export.secret_scan import Secret, redact, scan_code, scan_text
from agentscope_runtime_nb.notebook.export.writer import Module, write_module

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from agentscope_runtime_nb.app import AgentApp
    from agentscope_runtime_nb.notebook.export.facts import Facts
    from agentscope_runtime_nb.notebook.export.recorder import Recorder

DISTRIBUTION = "agentscope-runtime-nb"
STAGES = 4
"""How many steps of an export are told."""
_GENERATED = frozenset({"app.py", "pyproject.toml", "README.md", "Dockerfile", ".env.example"})


def export(
    app_name: str | None,
    path: str | Path,
    *,
    recorder: Recorder | None = None,
    document: Document | str | Path | None = None,
    namespace: Mapping[str, Any] | None = None,
    live_app: AgentApp | None = None,
    overwrite: bool = False,
    check: bool = True,
    step: Callable[[str], None] | None = None,
) -> ExportReport:
    """Write an app of a notebook as a service of its own.

    Args:
        app_name: Which app; None if the document defines just one.
        path: The folder to write; it must be new, or an earlier export.
        recorder: What was run in the kernel, to be compared with the document.
        document: The notebook, or its path; without it, what the recorder has.
        namespace: The kernel's names, to tell memory from nothing.
        live_app: The app in the kernel, to be compared with the exported one.
        overwrite: Discard changes made by hand in an earlier export.
        check: Import the export in a fresh process before it is called done.
        step: Told what it is doing, `STAGES` times.

    Returns:
        What was kept and left out, and why.

    Raises:
        ExportError: The notebook cannot be exported as it is; every reason is named.
    """
    started = time.perf_counter()
    step = step or _unseen
    step("reading the notebook")
    document = _document(document, recorder)
    plan = make_plan(document, app_name, namespace)
    name = app_name or (plan.app.name if plan.app else plan.variable)
    if recorder is not None and not document.from_history:
        _compare_history(plan, recorder)
    step("collecting what it needs")
    draft = _Draft(plan, name)
    draft.prepare()
    if plan.problems:
        raise ExportError(_unique(plan.problems))
    target = Path(path).expanduser()
    bundle.check_target(target, overwrite=overwrite)
    files = draft.files()
    report = draft.report(target, files)
    report.seconds["export"] = time.perf_counter() - started
    staging = bundle.Staging(target)
    try:
        step("writing")
        staging.write(files)
        if check:
            step("trying it in a fresh process")
            report.fingerprint = _rehearse(plan, draft.module, staging.folder, live_app, report)
        staging.commit()
    finally:
        staging.discard()
    report.seconds["all"] = time.perf_counter() - started
    return report


def _unseen(_doing: str) -> None:
    """Tell nobody."""


def _document(document: Document | str | Path | None, recorder: Recorder | None) -> Document:
    if isinstance(document, Document):
        return document
    if document is not None:
        return Document.read(document)
    if recorder is None or not recorder.executions:
        raise ExportError(
            [
                problem(
                    "no-document",
                    "It is not known which notebook this is.",
                    "Give its path: document='….ipynb'.",
                )
            ]
        )
    last: dict[str, tuple[str | None, str]] = {}
    for execution in recorder.executions:
        if execution.ok is not False:
            last[execution.cell_id or execution.source] = (execution.cell_id, execution.source)
    return Document.from_sources(last.values())


def _unique(problems: list[Problem]) -> list[Problem]:
    return list(dict.fromkeys(problems))


# -- the kernel's history ------------------------------------------------------------------


def _compare_history(plan: Plan, recorder: Recorder) -> None:
    def facts_of(source: str) -> list[Facts]:
        """What a run did, whatever cell it was."""
        cell = Cell(0, None, source)
        scratch = Plan(plan.document)
        if plan.app is not None and source.strip() == plan.app.cell.source.strip():
            return [s.facts for s in plan.statements if plan.app and s.cell == plan.app.cell.number]
        return [s.facts for s in statements_of(cell, scratch, {})]

    history = History(plan.document.cells, recorder.executions, facts_of)
    kept = plan.kept
    numbers = {statement.cell for statement in kept}
    found = history.check_cells(numbers)
    explained = {p.cell for p in found if p.cell}
    names = {
        n for s in kept for n in s.facts.binds | s.facts.writes if n.isidentifier()
    } | plan.outcome.needed
    names &= set(plan.slicer.binders) if plan.slicer else set()
    found += history.check_names(names, explained)
    explained |= {p.cell for p in found if p.cell}
    reads = {n: set[str]() for n in sorted(numbers)}
    for statement in kept:
        reads[statement.cell] |= statement.facts.reads & names
    found += history.check_stale(reads.items(), explained)
    plan.problems += found


# -- what is written -----------------------------------------------------------------------


class _Draft:
    """Everything about an export that can be found out without writing."""

    def __init__(self, plan: Plan, name: str) -> None:
        self.plan = plan
        self.name = name
        self.version = version_of(DISTRIBUTION)
        self.module = Module()
        self.tree = ast.Module([], [])
        self.needs = Needs()
        self.data = Files()
        self.requirements: list[str] = []
        self.variables: dict[str, str] = {}

    def prepare(self) -> None:
        """Write the module in memory, look for secrets, collect what it needs."""
        self.module = write_module(self.plan, self.name, self.version)
        try:
            self.tree = ast.parse(self.module.text)
        except SyntaxError as error:
            if not self.plan.problems:
                self.plan.problems.append(self._unwritable(error))
            return
        self._module_secrets()
        folder = self.plan.document.folder
        finder = Finder(folder, _search_paths(self.plan))
        self.needs = gather(self.tree, finder)
        trees: list[ast.AST] = [self.tree, *self._local_modules()]
        self.data = data_files(trees, folder)
        self._data_secrets()
        self.requirements = self._requirements()
        self.variables = self._variables(trees)

    def _unwritable(self, error: SyntaxError) -> Problem:
        number = self.module.cell_at(error.lineno or 0)
        label = self.plan.cell(number).label if number else "The module"
        return problem(
            "bad-syntax",
            f"{label} does not make a valid module: {error.msg}.",
            "Split the cell, or mark it `#| no-export`.",
            cell=self.plan.cell(number).where if number else None,
        )

    def _module_secrets(self) -> None:
        for secret in scan_code(self.module.text, self.tree):
            number = self.module.cell_at(secret.line)
            cell = self.plan.cell(number) if number else None
            self._secret(secret, cell.label if cell else "The app's text", cell)

    def _secret(self, secret: Secret, where: str, cell: Cell | None = None) -> None:
        variable = secret.name.upper() if secret.name.isidentifier() else "NAME"
        self.plan.problems.append(
            problem(
                "literal-secret",
                f"{where} holds {secret.kind} in plain text.",
                f'Write os.environ["{variable}"] there and put the value into .env; if it is no '
                "secret, add the comment `# not a secret` to its line.",
                cell=cell.where if cell else None,
                name=secret.name or None,
            )
        )

    def _local_modules(self) -> list[ast.AST]:
        trees: list[ast.AST] = []
        for target, file in sorted(self.needs.modules.items()):
            text = file.read_text(encoding="utf-8", errors="replace")
            python = file.suffix == ".py"
            for secret in scan_code(text) if python else scan_text(text):
                self._secret(secret, f"{target}, line {secret.line},")
            if target in _GENERATED or target == "app.py":
                self.plan.problems.append(
                    problem(
                        "module-clash",
                        f"The local module {target} has the name of the export's own file.",
                        "Rename the module.",
                        name=target,
                    )
                )
            try:
                trees += [ast.parse(text)] if python else []
            except SyntaxError:
                self.plan.notes.append(f"{target} is not valid Python.")
        return trees

    def _data_secrets(self) -> None:
        for target, file in sorted(self.data.shipped.items()):
            try:
                text = file.read_bytes().decode()
            except (OSError, UnicodeDecodeError):
                continue
            for secret in scan_text(text)[:1]:
                self._secret(secret, f"The file {target}, line {secret.line},")

    def _requirements(self) -> list[str]:
        found = {normalise(n): pin(n, v) for n, v in self.needs.requirements.items()}
        for requirement in self.plan.installs:
            name = requirement.split("[")[0].split("=")[0].rstrip("<>!~= ")
            name = "".join(c for c in name if c.isalnum() or c in "._-")
            extras = f"[{requirement.split('[')[1].split(']')[0]}]" if "[" in requirement else ""
            installed = installed_version(name)
            found[normalise(name)] = pin(name, installed, extras) if installed else requirement
        found.pop(DISTRIBUTION, None)
        extras = "[local]" if self._uses_local_model() else ""
        for module in sorted(self.needs.unknown):
            self.plan.notes.append(
                f"It is not known which package brings `{module}`; add it to pyproject.toml."
            )
        for module in sorted(self.needs.absent):
            self.plan.notes.append(f"`{module}` is imported but not installed here.")
        return [pin(DISTRIBUTION, self.version, extras), *(found[key] for key in sorted(found))]

    def _uses_local_model(self) -> bool:
        app = self.plan.app
        return (app is not None and app.uses_default_model) or _names_local_model(self.tree)

    def _variables(self, trees: list[ast.AST]) -> dict[str, str]:
        found: dict[str, str] = {}
        code = self.module.text
        if self._uses_local_model() or "model(" in code or "model=" in code:
            found["OPENAI_API_KEY"] = "Optional: a model of OpenAI, or of a server like it."
            found["OPENAI_BASE_URL"] = "Optional: the address of that server."
            found["DASHSCOPE_API_KEY"] = "Optional: a model of DashScope."
        for name in environment_names(trees):
            if not name.startswith("_"):
                found[name] = "Read by the app."
        for name in sorted(self.plan.environment):
            found.setdefault(name, "Set by %env in the notebook.")
        for name in self.module.settings:
            found[name] = "Optional: a setting of the notebook's parameters cell."
        found["AGENTSCOPE_NB_API_KEY"] = "Needed to serve beyond this machine: what callers send."
        return found

    def files(self) -> dict[str, bytes]:
        """Every file of the export, by its path in it."""
        source = self.plan.document.name
        description = self.plan.app.description if self.plan.app else ""
        pyproject = bundle.pyproject(self.name, description, self.requirements, source)
        shipped = {
            target: file.read_bytes()
            for target, file in sorted((self.needs.modules | self.data.shipped).items())
        }
        import sys

        files = {
            "app.py": self.module.text.encode(),
            "pyproject.toml": pyproject.encode(),
            ".env.example": bundle.env_example(self.variables).encode(),
            "Dockerfile": bundle.template(
                "Dockerfile", python=f"{sys.version_info.major}.{sys.version_info.minor}"
            ).encode(),
            ".dockerignore": bundle.DOCKERIGNORE.encode(),
            "README.md": self._readme(sorted(shipped)).encode(),
            "tests/test_smoke.py": bundle.template("test_smoke.py", name=self.name).encode(),
            **shipped,
        }
        files = dict(sorted(files.items()))
        files[bundle.MANIFEST] = bundle.manifest(self.name, self.version, files)
        return files

    def _readme(self, shipped: list[str]) -> str:
        own = {
            "app.py": "the agent",
            "pyproject.toml": "what it needs, in the versions that ran in the notebook",
            ".env.example": "the environment variables it reads",
            "Dockerfile": "an image of it",
            "tests/test_smoke.py": "starts it and asks it once",
        }
        lines = [f"- `{name}`: {what}" for name, what in own.items()]
        lines += [f"- `{name}`: from the notebook's folder" for name in shipped]
        remarks = "".join(f"- {note}\n" for note in self.notes())
        return bundle.template(
            "README.md",
            name=self.name,
            image=bundle.project_name(self.name),
            description=(self.plan.app.description if self.plan.app else "")
            or "An agent as a service.",
            source=self.plan.document.name,
            version=self.version,
            files="\n".join(lines),
            remarks=f"\n## Remarks\n\n{remarks}" if remarks else "",
        )

    def notes(self) -> list[str]:
        """What the reader should know, without repetition and without secrets."""
        notes = [*self.plan.notes, *self.data.notes]
        return [redact(note) for note in dict.fromkeys(notes)]

    def report(self, target: Path, files: Mapping[str, bytes]) -> ExportReport:
        """The report of what is about to be written."""
        outcome = self.plan.outcome
        decisions: list[Decision] = []
        for statement in self.plan.statements:
            kept = statement.index in outcome.kept
            why = (outcome.kept if kept else outcome.dropped).get(statement.index, "")
            text = statement.text or self.plan.cell(statement.cell).source
            decisions.append(Decision(statement.cell, _excerpt(text), kept, why))
        return ExportReport(
            self.name,
            target,
            list(files),
            self.requirements,
            decisions,
            self.notes(),
            list(self.variables),
            sources=self._sources(),
            given=dict(self.plan.environment),
            place=partial(_place, self.plan, self.module),
        )

    def _sources(self) -> list[Path]:
        own = self.plan.document.path
        shipped = (self.needs.modules | self.data.shipped).values()
        return [*([own] if own else []), *sorted(shipped)]


def _excerpt(text: str) -> str:
    lines = [line for line in text.strip().splitlines() if line.strip()] or [""]
    first = redact(without_values(_as_typed(lines[0].strip())))
    return (first if len(first) <= 60 else first[:59] + "…") + (" …" if len(lines) > 1 else "")  # noqa: PLR2004


def _as_typed(line: str) -> str:
    """A magic as it was typed, where IPython has made a call of it."""
    match = re.match(r"get_ipython\(\)\.(?:run_line_magic|system)\('(\w+)(?:', ')?(.*)'\)$", line)
    if match is None:
        return line
    sign = "!" if ".system(" in line else "%"
    return f"{sign}{match[1]} {match[2]}".strip()


def _search_paths(plan: Plan) -> list[str]:
    """Folders that the notebook puts on `sys.path` in so many words."""
    found: list[str] = []
    for code in plan.bodies.values():
        if "sys.path" not in code:
            continue
        try:
            tree = ast.parse(code)
        except SyntaxError:
            continue
        for node in ast.walk(tree):
            if isinstance(node, ast.Call) and ast.unparse(node.func).startswith("sys.path."):
                found += [
                    part.value
                    for part in ast.walk(node)
                    if isinstance(part, ast.Constant) and isinstance(part.value, str)
                ]
    return found


def _names_local_model(tree: ast.AST) -> bool:
    """Whether code asks for the model `auto` or `local`, or leaves it to the default."""
    for node in ast.walk(tree):
        if not isinstance(node, ast.Call):
            continue
        name = ast.unparse(node.func).rpartition(".")[2].lstrip("_")
        given = [k.value for k in node.keywords if k.arg == "model"]
        if name == "model":
            given = node.args[:1] or [k.value for k in node.keywords if k.arg == "name"]
        if name not in {"model", "Agent", "AgentApp"} or (name == "AgentApp" and not given):
            continue
        if not given or (
            isinstance(given[0], ast.Constant) and given[0].value in {"auto", "local"}
        ):
            return True
    return False


# -- the rehearsal -------------------------------------------------------------------------


def _rehearse(
    plan: Plan, module: Module, folder: Path, live_app: AgentApp | None, report: ExportReport
) -> dict[str, Any]:
    """Import the staged export; compare it with the kernel's app when there is one."""
    avoid = plan.document.folder
    outcome = rehearse(folder, avoid, variables=plan.environment)
    if outcome.fingerprint is None:
        raise ExportError([_import_problem(plan, module, outcome)])
    if live_app is None:
        return outcome.fingerprint
    from agentscope_runtime_nb.notebook.export.fingerprint import fingerprint

    found = differences(fingerprint(live_app), outcome.fingerprint)
    changing = {f"value:{name}" for name in _changed_by_use(plan)}
    for key in sorted(set(found) & changing):
        report.notes.append(
            f"{found.pop(key)}: using the app changes it, so the export starts afresh."
        )
    if any(key.startswith("value:") for key in found):
        again = rehearse(folder, avoid, variables=plan.environment).fingerprint or {"values": {}}
        for key in [key for key in found if key.startswith("value:")]:
            name = key.removeprefix("value:")
            if again["values"].get(name) != outcome.fingerprint["values"].get(name):
                report.notes.append(f"{found.pop(key)}: it is different each time it is made.")
    if found:
        raise ExportError([_difference(plan, key, text) for key, text in sorted(found.items())])
    return outcome.fingerprint


def _import_problem(plan: Plan, module: Module, outcome: Outcome) -> Problem:
    number, line = _place(plan, module, outcome.line) if outcome.line else (None, None)
    cell = plan.cell(number) if number else None
    where = f"{cell.label}: " if cell else ""
    absent = re.search(r"No module named '([\w.]+)'", outcome.error)
    fix = (
        f"Install what brings `{absent[1]}` where you export, or put that module beside the "
        "notebook."
        if absent
        else "Restart the kernel and run all cells: the same should be seen there. What is missing "
        "has to be defined, imported or installed by a cell."
    )
    return problem(
        "import-failed",
        f"In a fresh process the app does not start. {where}{redact(outcome.error).rstrip('.')}.",
        fix,
        cell=cell.where if cell else None,
        line=line,
    )


def _place(plan: Plan, module: Module, line: int) -> tuple[int | None, int | None]:
    """Where a line of the module stands in the document: its cell, and the line there.

    Of a cell only some statements are kept, so the lines cannot be counted; None when the line was
    changed, or stands there twice.
    """
    number = module.cell_at(line)
    if number is None:
        return None, None
    text = module.text.splitlines()[line - 1].strip()
    source = plan.cell(number).source.splitlines()
    found = [n for n, own in enumerate(source, 1) if own.strip() == text]
    return number, found[0] if len(found) == 1 else None


def _changed_by_use(plan: Plan) -> set[str]:
    """Names that the app's functions may change when they are called."""
    found: set[str] = set()
    for statement in plan.kept:
        facts = statement.facts
        found |= facts.later_binds | facts.later_writes
        found |= {
            n for n, kinds in facts.later_touches.items() if kinds - {"item", "iter", "called"}
        }
    return found


def _difference(plan: Plan, key: str, text: str) -> Problem:
    kind, _, name = key.partition(":")
    binders = plan.slicer.binders.get(name, []) if plan.slicer and name else []
    cell = plan.cell(binders[-1].cell) if binders else None
    where = f" It is defined in {cell.label}." if cell else ""
    return problem(
        "values-differ",
        f"{text}.{where}",
        "Restart the kernel and run all cells, then export again."
        if kind == "value"
        else "Run the app's cell again, then export again.",
        cell=cell.where if cell else None,
        name=name or None,
    )
