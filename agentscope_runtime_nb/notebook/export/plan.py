"""From a document to a decision: the app's cell, the statements it needs, and what is amiss."""

from __future__ import annotations

import ast
import difflib
import re
import shlex
import textwrap
from collections import defaultdict
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Final

from agentscope_runtime_nb.notebook.export.app_cell import (
    HIDDEN,
    AppCell,
    BadAppCellError,
    parse_app_cell,
)
from agentscope_runtime_nb.notebook.export.document import PYTHON_CELL_MAGICS, Cell, Document
from agentscope_runtime_nb.notebook.export.facts import Facts, words
from agentscope_runtime_nb.notebook.export.problems import ExportError, Problem, problem
from agentscope_runtime_nb.notebook.export.slicer import Slice, Slicer, Statement, split
from agentscope_runtime_nb.notebook.export.syntax import dotted
from agentscope_runtime_nb.notebook.scope import rename_global

if TYPE_CHECKING:
    from collections.abc import Mapping

IPYTHON_NAMES: Final = words(
    "get_ipython display In Out exit quit _ __ ___ _i _ii _iii _ih _oh _dh"
)
_NUMBERED: Final = re.compile(r"_i?\d+")
_KEEP: Final = re.compile(r"\s*#\s*\|\s*(?P<word>export|no-export)\b")
_BINDS_ANYTHING: Final = frozenset({"run", "store", "pylab", "load", "rerun", "recall", "macro"})


@dataclass
class Plan:
    """What an export will hold, before anything is written."""

    document: Document
    app: AppCell | None = None
    variable: str = ""
    """The variable that holds the app, when the document makes it without the magic."""
    statements: list[Statement] = field(default_factory=list[Statement])
    outcome: Slice = field(default_factory=Slice)
    slicer: Slicer | None = None
    problems: list[Problem] = field(default_factory=list[Problem])
    notes: list[str] = field(default_factory=list[str])
    installs: list[str] = field(default_factory=list[str])
    """Requirements that `%pip install` cells name."""
    environment: dict[str, str] = field(default_factory=dict[str, str])
    """What `%env` sets; the values are for the check alone and are written nowhere."""
    lazy_annotations: bool = False
    bodies: dict[int, str] = field(default_factory=dict[int, str])
    """Cell number → the Python in it, as far as it is Python."""
    broken: dict[int, SyntaxError | ValueError] = field(
        default_factory=dict[int, "SyntaxError | ValueError"]
    )
    """Cells that are not valid Python, and why."""

    @property
    def kept(self) -> list[Statement]:
        """The statements that are kept, in the document's order."""
        return [s for s in self.statements if s.index in self.outcome.kept]

    def cell(self, number: int) -> Cell:
        """A cell by its number."""
        return next(cell for cell in self.document.cells if cell.number == number)

    def where(self, statement: Statement) -> tuple[int, str | None]:
        """A statement's cell, as problems want it."""
        return self.cell(statement.cell).where


def make_plan(
    document: Document, app_name: str | None, namespace: Mapping[str, Any] | None
) -> Plan:
    """Decide what an app needs of a document.

    Raises:
        ExportError: when it is not clear which app is meant.
    """
    plan = Plan(document)
    apps = _choose(plan, app_name)
    _read_cells(plan, apps)
    handles = {app.name for app in apps.values()}
    plan.slicer = Slicer(plan.statements, handles=handles)
    plan.outcome = plan.slicer.run({HIDDEN} if plan.app else {plan.variable})
    _judge_missing(plan, handles, namespace)
    _judge_kept(plan)
    return plan


# -- which app -----------------------------------------------------------------------------


def _choose(plan: Plan, name: str | None) -> dict[int, AppCell]:
    """Find the app that is meant; gives every app cell by number."""
    apps: dict[int, AppCell] = {}
    for cell in plan.document.cells:
        try:
            app = parse_app_cell(cell)
        except BadAppCellError as error:
            _bad_cell(plan, cell, error)
            continue
        if app is not None:
            apps[cell.number] = app
    plain = _plain_apps(plan.document)
    names = sorted({app.name for app in apps.values()} | set(plain))
    if name is None:
        if len(names) != 1:
            raise ExportError(plan.problems or [_which(plan, names)])
        name = names[0]
    mine = [app for app in apps.values() if app.name == name]
    if not mine and name not in plain:
        raise ExportError([*plan.problems, _no_such(plan, name, names)])
    if len(mine) + len(plain.get(name, ())) > 1:
        places = [a.cell.number for a in mine] + [c.number for _, c in plain.get(name, ())]
        listed = " and ".join(str(n) for n in sorted(places))
        plan.problems.append(
            problem(
                "app-defined-twice",
                f"Cells {listed} both define {name}.",
                "Keep one of them, or give one another name.",
                cell=plan.cell(max(places)).where,
                name=name,
            )
        )
    if mine:
        plan.app = mine[-1]
    else:
        plan.variable = plain[name][-1][0]
    return apps


def _bad_cell(plan: Plan, cell: Cell, error: BadAppCellError) -> None:
    reason = str(error).partition(". Help:")[0].rstrip(".?")
    plan.problems.append(
        problem(
            "bad-app-cell",
            f"The first line of {cell.label} cannot be read: {reason}.",
            "It reads `%%agent_app NAME`, then options.",
            cell=cell.where,
        )
    )


def _plain_apps(document: Document) -> dict[str, list[tuple[str, Cell]]]:
    """Apps made without the magic: `x = AgentApp("name", …)` at the top level of a cell."""
    found: defaultdict[str, list[tuple[str, Cell]]] = defaultdict(list)
    for cell in document.cells:
        if cell.magic is not None or "AgentApp" not in cell.source:
            continue
        try:
            tree = ast.parse(cell.code)
        except SyntaxError:
            continue
        for node in tree.body:
            match node:
                case ast.Assign(targets=[ast.Name(id=variable)], value=ast.Call() as call):
                    if dotted(call.func).rpartition(".")[2] == "AgentApp":
                        found[_app_name(call) or variable].append((variable, cell))
                case _:
                    pass
    return found


def _app_name(call: ast.Call) -> str:
    named = [k.value for k in call.keywords if k.arg == "app_name"]
    for value in [*call.args[:1], *named]:
        if isinstance(value, ast.Constant) and isinstance(value.value, str):
            return value.value
    return ""


def _which(plan: Plan, names: list[str]) -> Problem:
    if names:
        return problem(
            "app-not-chosen",
            f"{plan.document.name} defines {', '.join(names)}.",
            "Say which one: --app NAME.",
        )
    return problem(
        "no-app",
        f"{plan.document.name} defines no app.",
        "A cell that begins with `%%agent_app NAME` defines one.",
    )


def _no_such(plan: Plan, name: str, names: list[str]) -> Problem:
    if not names:
        return _which(plan, names)
    return problem(
        "no-such-app",
        f"{plan.document.name} defines no app {name}; it has {', '.join(names)}.",
        "Name one of those, or save the notebook if the cell is new.",
        name=name,
    )


# -- reading cells -------------------------------------------------------------------------


def _read_cells(plan: Plan, apps: dict[int, AppCell]) -> None:
    plan.lazy_annotations = any(
        "from __future__" in cell.source and "annotations" in cell.source
        for cell in plan.document.cells
    )
    for cell in plan.document.cells:
        for statement in statements_of(cell, plan, apps):
            served = plan.variable and not statement.dropped and _serves(statement, plan.variable)
            plan.statements.append(
                _replace(statement, dropped="serves the app") if served else statement
            )


def _serves(statement: Statement, variable: str) -> bool:
    """Whether a statement runs or deploys the app, which in a service its server does."""
    verbs = {f"{variable}.{verb}" for verb in ("run", "deploy", "drain")}
    tree = ast.parse(textwrap.dedent(statement.text))
    calls = [node for node in ast.walk(tree) if isinstance(node, ast.Call)]
    return any(dotted(call.func) in verbs for call in calls)


def statements_of(  # noqa: PLR0911 - a return a kind of cell
    cell: Cell, plan: Plan, apps: dict[int, AppCell]
) -> list[Statement]:
    """A cell's statements, with those marked that are kept or left out whatever they do."""
    start = len(plan.statements)
    app = apps.get(cell.number)
    if app is not None and app is plan.app:
        return _app_statements(plan, app, start)
    if app is not None:
        facts = Facts(binds={app.name}, kills={app.name})
        return [_whole(cell, start, facts, f"defines another app, {app.name}")]
    code, captured = _python_of(cell)
    if code is None:
        magic = cell.magic.name if cell.magic else ""
        if cell.source.strip():
            plan.notes.append(f"{cell.label} is a %%{magic} cell; it is left out.")
        return [_whole(cell, start, Facts(binds=captured, kills=captured), f"a %%{magic} cell")]
    plan.bodies[cell.number] = code
    try:
        found = split(code, cell.number, start, lazy_annotations=plan.lazy_annotations)
    except (SyntaxError, ValueError) as error:
        plan.broken[cell.number] = error
        return []
    extra = [_whole(cell, start + len(found), Facts(binds=captured), "what %%capture caught")]
    found = [_classify(plan, cell, statement) for statement in found] + (extra if captured else [])
    marked = _KEEP.match(cell.source)
    word = marked["word"] if marked else next(iter(cell.tags & {"export", "no-export"}), "")
    if word == "no-export":
        return [_replace(s, dropped="its cell is marked no-export") for s in found]
    if word == "export":
        return [s if s.dropped else _replace(s, forced="its cell is marked export") for s in found]
    return found


def _replace(statement: Statement, *, forced: str = "", dropped: str = "") -> Statement:
    return Statement(
        statement.index, statement.cell, statement.text, statement.first_line,
        statement.last_line, statement.facts, forced, dropped,
    )  # fmt: skip


def _whole(cell: Cell, index: int, facts: Facts, dropped: str) -> Statement:
    lines = cell.source.count("\n") + 1
    return Statement(index, cell.number, cell.source, 1, lines, facts, dropped=dropped)


def _python_of(cell: Cell) -> tuple[str | None, set[str]]:
    """The Python in a cell, and the names that `%%capture` binds; None when it is no Python."""
    if cell.magic is None:
        return cell.code, set()
    names = {w for w in cell.magic.line.split() if w.isidentifier()}
    if cell.magic.name in PYTHON_CELL_MAGICS:
        inner = Cell(cell.number, cell.id, cell.magic.body)
        code, more = _python_of(inner)
        return code, more | (names if cell.magic.name == "capture" else set())
    bound = re.findall(r"--(?:out|err|proc)[ =](\w+)", cell.magic.line)
    return None, set(bound)


def _app_statements(plan: Plan, app: AppCell, start: int) -> list[Statement]:
    """The app's cell: the line that makes the app, then its body or the built-in agent."""
    facts = Facts(binds={HIDDEN}, kills={HIDDEN}, reads=set(app.tools), calls=bool(app.tools))
    facts.groups.append({HIDDEN, *app.tools})
    facts.touches.update({tool: {"arg"} for tool in app.tools})
    forced = "the app's cell"
    number = app.cell.number
    head = Statement(start, number, "", 1, 1, facts, forced=forced)
    if app.prompt:
        return [head]
    body = Cell(number, app.cell.id, app.body)
    plan.bodies[number] = body.code
    try:
        tree = ast.parse(body.code)
        rename_global(tree, "app", HIDDEN)
        found = split(body.code, number, start + 1, tree, lazy_annotations=plan.lazy_annotations)
    except (SyntaxError, ValueError) as error:
        line = (getattr(error, "lineno", None) or 0) + 1
        plan.problems.append(
            problem(
                "bad-syntax",
                f"{app.cell.label} is not valid Python, line {line}: "
                f"{getattr(error, 'msg', error)}.",
                "Mend it and run it again.",
                cell=app.cell.where,
                line=line,
            )
        )
        return [head]
    kept: list[Statement] = []
    for statement in found:
        classified = _classify(plan, app.cell, statement)
        kept.append(classified if classified.dropped else _replace(classified, forced=forced))
    return [head, *kept]


# -- magics --------------------------------------------------------------------------------


def _classify(plan: Plan, cell: Cell, statement: Statement) -> Statement:
    """Mark a statement that is a magic or a shell command, and note what it tells."""
    if not statement.facts.ipython:
        return statement
    node = ast.parse(statement.text).body[0]
    value = node.value if isinstance(node, (ast.Expr, ast.Assign)) else None
    match value:
        case ast.Call(
            func=ast.Attribute(value=ast.Call(func=ast.Name(id="get_ipython")), attr=kind),
            args=[ast.Constant(value=str(first)), *rest],
        ):
            line = rest[0].value if rest and isinstance(rest[0], ast.Constant) else ""
        case _:
            return statement
    if isinstance(node, ast.Assign):
        what = "shell command" if kind in {"getoutput", "system"} else f"magic %{first}"
        return _replace(statement, dropped=f"a value from a {what}")
    if kind == "run_line_magic":
        return _line_magic(plan, cell, statement, first, str(line))
    _shell(plan, cell, first)
    return _replace(statement, dropped="a shell command")


def _line_magic(plan: Plan, cell: Cell, statement: Statement, name: str, line: str) -> Statement:
    if name in {"time", "timeit"} and line.strip() and not line.startswith("-"):
        try:
            inner = split(line, statement.cell, statement.index)
        except SyntaxError:
            inner = []
        if len(inner) == 1:
            return Statement(
                statement.index, statement.cell, line, statement.first_line, statement.last_line,
                inner[0].facts,
            )  # fmt: skip
    if name in {"pip", "conda", "mamba", "uv"}:
        _shell(plan, cell, f"{name} {line}")
    elif name in {"env", "set_env"}:
        key, _, value = line.strip().replace(" ", "=", "=" not in line).partition("=")
        if key.isidentifier() and value:
            plan.environment[key] = value.strip().strip("\"'")
            plan.notes.append(f"{cell.label} sets {key} by %env: set it in .env.")
    elif name == "dotenv":
        plan.notes.append(f"{cell.label} loads .env by a magic; `agentscope-nb run` does it too.")
    elif name in _BINDS_ANYTHING:
        plan.notes.append(f"{cell.label} uses %{name}; what it defines is not exported.")
    return _replace(statement, dropped=f"the magic %{name}")


def _shell(plan: Plan, cell: Cell, command: str) -> None:
    """Read `pip install …`; other commands are only noted."""
    try:
        words = shlex.split(command.replace("{", "").replace("}", ""), comments=True)
    except ValueError:
        words = command.split()
    while words and (words[0] in {"python", "python3", "-m", "uv", "sudo"} or "=" in words[0]):
        words = words[1:]
    if len(words) < 2 or words[0] not in {"pip", "pip3"} or words[1] != "install":  # noqa: PLR2004
        plan.notes.append(f"{cell.label} runs a shell command; it is left out.")
        return
    skip = False
    for word in words[2:]:
        if skip:
            skip = False
        elif word in {"-r", "--requirement", "-e", "--editable", "-i", "--index-url", "-c", "-f"}:
            skip = True
            plan.notes.append(
                f"{cell.label} installs with {word}; add what it names to pyproject.toml."
            )
        elif re.match(r"[A-Za-z0-9][\w.-]*(\[[\w,.-]*\])?\s*([<>=!~].*)?$", word):
            plan.installs.append(word)
        elif not word.startswith("-"):
            plan.notes.append(f"{cell.label} installs {word}; add it to pyproject.toml.")


# -- what is amiss -------------------------------------------------------------------------


def _judge_missing(plan: Plan, handles: set[str], namespace: Mapping[str, Any] | None) -> None:
    for name, statement in sorted(plan.outcome.missing.items()):
        if name in {HIDDEN, "get_ipython"}:  # the latter is judged where it is used
            continue
        if found := _missing(plan, name, statement, handles, namespace):
            plan.problems.append(found)
    for name, statement in plan.outcome.deleted.items():
        cell = plan.cell(statement.cell)
        plan.problems.append(
            problem(
                "deleted-name",
                f"{cell.label} deletes `{name}`, which the app needs.",
                "Remove that `del`.",
                cell=cell.where,
                name=name,
            )
        )


def _missing(  # noqa: PLR0911 - a return a cause
    plan: Plan,
    name: str,
    statement: Statement,
    handles: set[str],
    namespace: Mapping[str, Any] | None,
) -> Problem | None:
    """Why a name is bound by nothing that is exported."""
    slicer = plan.slicer
    user = plan.cell(statement.cell)
    uses = f"{user.label} uses `{name}`"

    def told(code: str, text: str, fix: str) -> Problem:
        line = _line_of(name, statement, user)
        return problem(code, f"{uses}, {text}", fix, cell=user.where, name=name, line=line)

    if name in handles:
        own = plan.app is not None and name == plan.app.name
        fix = (
            "Inside its own cell the app is called `app`."
            if own
            else "Put both agents' code into one app, or ask the other over HTTP at its address."
        )
        return told("other-app", f"which stands for the running app {name}.", fix)
    if slicer is not None and (opaque := slicer.opaque.get(name)):
        return _opaque(plan, told, name, opaque)
    if slicer is not None and (binders := slicer.binders.get(name)):
        cell = plan.cell(min(binders, key=lambda s: s.index).cell)
        if cell.number == user.number:
            return told("defined-later", "which is defined further down.", "Move it up.")
        return told(
            "defined-later", f"which {cell.label} defines further down.", "Move that cell up."
        )
    if name in IPYTHON_NAMES or _NUMBERED.fullmatch(name):
        fix = (
            "Add `from IPython.display import display`, or leave it out: a service has no screen."
            if name == "display"
            else "Give the value a name in a cell and use that."
        )
        return told("memory-only", "which only IPython has.", fix)
    if any(s.facts.stars for s in plan.kept):
        return None  # the fresh process will tell
    return _unknown(plan, told, name, statement, namespace)


def _line_of(name: str, statement: Statement, cell: Cell) -> int | None:
    """The line of the cell in which a statement first uses a name."""
    for node in ast.walk(ast.parse(textwrap.dedent(statement.text))):
        if isinstance(node, ast.Name) and node.id == name:
            return statement.first_line + node.lineno - 1 + (cell.magic is not None)
    return None


def _opaque(plan: Plan, told: Any, name: str, opaque: Statement) -> Problem:
    cell = plan.cell(opaque.cell)
    if "no-export" in opaque.dropped:
        return told("undefined-name", f"but {cell.label} is marked no-export.", "Remove the mark.")
    if "capture" in opaque.dropped:
        return told(
            "memory-only",
            f"which is output caught by {cell.label}.",
            "Compute it in Python.",
        )
    return told(
        "shell-magic",
        f"but {cell.label} makes `{name}` with {opaque.dropped.replace('a value from ', '')}.",
        "Write it in Python (subprocess.run, a library), or write the value down.",
    )


def _unknown(
    plan: Plan, told: Any, name: str, statement: Statement, namespace: Mapping[str, Any] | None
) -> Problem:
    for number, error in plan.broken.items():
        cell = plan.cell(number)
        if re.search(rf"\b{re.escape(name)}\b", cell.source):
            line = (getattr(error, "lineno", None) or 0) + (cell.magic is not None)
            reason = getattr(error, "msg", error)
            text = f"but {cell.label} is not valid Python ({reason})."
            found = told("bad-syntax", text, "Mend that cell.")
            # Where to look is where the mistake is, not where the name is missed.
            return replace(found, cell=number, cell_id=cell.id, line=line or None)
    for other in plan.statements:
        if other.dropped.startswith("the magic %") and other.index < statement.index:
            magic = other.dropped.removeprefix("the magic %")
            if magic in _BINDS_ANYTHING:
                cell = plan.cell(other.cell)
                return told(
                    "shell-magic",
                    f"which no cell defines; perhaps %{magic} in {cell.label} does.",
                    "Import it from a module instead.",
                )
    if namespace is not None and name in namespace:
        return told(
            "memory-only",
            "which is in the kernel's memory but which no cell of the document defines.",
            "Put the cell that defined it back, or write the value down.",
        )
    known = list(plan.slicer.binders) if plan.slicer else []
    close = difflib.get_close_matches(name, known, n=1, cutoff=0.75)
    hint = f" Did you mean `{close[0]}`?" if close else ""
    return told("undefined-name", "which no cell defines.", f"Define or import it.{hint}")


def _judge_kept(plan: Plan) -> None:
    own = plan.app.cell.number if plan.app else 0
    for statement in plan.kept:
        facts, cell = statement.facts, plan.cell(statement.cell)
        if facts.keyboard:
            plan.problems.append(
                problem(
                    "keyboard-input",
                    f"{cell.label} asks for a value at the keyboard; a service has none.",
                    'Read it from the environment: os.environ["NAME"].',
                    cell=cell.where,
                )
            )
        if facts.ipython:
            plan.problems.append(
                problem(
                    "shell-magic",
                    f"{cell.label} is needed and uses a magic or a shell command.",
                    "Write that part in Python (subprocess.run, os.environ, a library).",
                    cell=cell.where,
                )
            )
        uses_app = "app" in facts.reads | facts.binds | facts.later
        told = any(p.code == "name-clash" for p in plan.problems)
        if plan.app and cell.number != own and uses_app and not told:
            plan.problems.append(
                problem(
                    "name-clash",
                    f"{cell.label} uses the name `app`, which is the app itself in the export.",
                    "Give the variable in that cell another name.",
                    cell=cell.where,
                    name="app",
                )
            )
        if facts.awaits:
            plan.notes.append(
                f"{cell.label} awaits at the top level: the export does that once when it is "
                "imported, in a loop of its own. A connection opened there is of no use later; "
                "open it in the handler or in lifespan=."
            )
