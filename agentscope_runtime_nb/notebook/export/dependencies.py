"""Which distributions and local modules a piece of code needs.

Imports are found in the syntax tree, wherever they stand. A module that belongs to a
distribution becomes a pinned requirement; one that lies beside the notebook (or on a path of
the user's own) is shipped; the standard library is neither.
"""

from __future__ import annotations

import ast
import re
import sys
import sysconfig
from dataclasses import dataclass, field
from functools import cache
from importlib import metadata
from importlib.machinery import PathFinder
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from importlib.machinery import ModuleSpec

PACKAGE = "agentscope_runtime_nb"
MAX_MODULES = 2000


@dataclass(frozen=True)
class Import:
    """A module that code imports, and whether it can do without (try … except ImportError)."""

    module: str
    optional: bool = False


@dataclass
class Needs:
    """What code needs besides itself."""

    requirements: dict[str, str] = field(default_factory=dict[str, str])
    """Distribution → version."""
    modules: dict[str, Path] = field(default_factory=dict[str, Path])
    """Path inside the export → the file that is shipped there."""
    unknown: set[str] = field(default_factory=set[str])
    """Modules that are installed here but of no distribution that is known."""
    absent: set[str] = field(default_factory=set[str])
    """Modules that cannot be found at all."""


def imports_of(tree: ast.AST, package: str = "") -> list[Import]:
    """Every import in a syntax tree; relative ones resolved against `package`."""
    found: dict[str, bool] = {}
    for node, optional in _walk(tree, optional=False):
        for module in _modules(node, package):
            found[module] = found.get(module, True) and optional
    return [Import(module, optional) for module, optional in found.items()]


def _walk(node: ast.AST, *, optional: bool) -> Iterator[tuple[ast.AST, bool]]:
    if isinstance(node, (ast.Import, ast.ImportFrom)):
        yield node, optional
        return
    guarded = isinstance(node, ast.Try) and any(_catches_import_error(h) for h in node.handlers)
    typing_only = isinstance(node, ast.If) and "TYPE_CHECKING" in ast.dump(node.test)
    for child in ast.iter_child_nodes(node):
        yield from _walk(child, optional=optional or guarded or typing_only)


def _catches_import_error(handler: ast.ExceptHandler) -> bool:
    if handler.type is None:
        return True
    names = {n.id for n in ast.walk(handler.type) if isinstance(n, ast.Name)}
    return bool(names & {"ImportError", "ModuleNotFoundError", "Exception"})


def _modules(node: ast.AST, package: str) -> Iterator[str]:
    match node:
        case ast.Import(names=names):
            for alias in names:
                yield alias.name
        case ast.ImportFrom(module=module, names=names, level=level):
            if not level:
                base = module or ""
            else:
                parents = package.split(".") if package else []
                base = ".".join(
                    [*parents[: len(parents) - level + 1], *([module] if module else [])]
                )
            if base:
                yield base
                for alias in names:  # a name may be a submodule
                    if alias.name != "*":
                        yield f"{base}.{alias.name}"
        case _:
            pass


class Finder:
    """Finds modules the way the interpreter would, with the notebook's folder first."""

    def __init__(self, folder: Path, extra: Iterable[str] = ()) -> None:
        self.folder = folder.resolve()
        self.installed = _installed_roots()
        own = [str(self.folder), *(str((self.folder / p).resolve()) for p in extra)]
        own += [p for p in sys.path if p and Path(p).is_dir() and not self._is_installed(Path(p))]
        self.paths = list(dict.fromkeys(own))
        self._specs: dict[str, ModuleSpec | None] = {}

    def _is_installed(self, path: Path) -> bool:
        path = path.resolve()
        return any(path.is_relative_to(root) for root in self.installed)

    def local(self, module: str) -> ModuleSpec | None:
        """The spec of a module of the user's own, or None."""
        name = module.partition(".")[0]
        if name in sys.stdlib_module_names or name == PACKAGE:
            return None
        if name not in self._specs:
            # A folder without __init__.py is a package only where no real one is found.
            spec = PathFinder.find_spec(name, [*self.paths, *sys.path])
            origin = spec.origin if spec else None
            installed = origin is not None and self._is_installed(Path(origin))
            inside = spec is not None and (origin or spec.submodule_search_locations)
            self._specs[name] = spec if inside and not installed else None
        return self._specs[name]

    def files(self, module: str) -> dict[str, Path]:
        """Path in the export → file, for one local module and the packages around it."""
        spec = self.local(module)
        if spec is None:
            return {}
        if not spec.submodule_search_locations:
            origin = Path(spec.origin or "")
            return {origin.name: origin} if origin.suffix == ".py" else {}
        top = Path(next(iter(spec.submodule_search_locations)))
        found: dict[str, Path] = {}
        for file in sorted(p for p in top.rglob("*") if _is_shipped(p))[:MAX_MODULES]:
            relative = file.relative_to(top)
            if not any(
                p.startswith((".", "__pycache__")) or p in _SKIPPED for p in relative.parts[:-1]
            ):
                found[f"{top.name}/{relative.as_posix()}"] = file
        return found


_SKIPPED = frozenset({"node_modules", "tests", "test", "build", "dist"})
_DATA = frozenset(
    {".json", ".yaml", ".yml", ".toml", ".txt", ".md", ".csv", ".html", ".sql", ".j2", ".jinja"}
)
MAX_DATA = 1024 * 1024


def _is_shipped(path: Path) -> bool:
    """Whether a file of a local package goes with it: modules, and small files of text."""
    if path.suffix == ".py":
        return path.is_file()
    return path.suffix in _DATA and path.is_file() and path.stat().st_size <= MAX_DATA


@cache
def _installed_roots() -> tuple[Path, ...]:
    import site

    names = {sysconfig.get_path(key) for key in ("stdlib", "platstdlib", "purelib", "platlib")}
    names |= {site.getusersitepackages(), *site.getsitepackages()}
    return tuple(Path(name).resolve() for name in names if name)


def gather(tree: ast.AST, finder: Finder) -> Needs:
    """Collect what code needs, the imports of its local modules included."""
    needs = Needs()
    seen: set[str] = set()
    queue = imports_of(tree)
    while queue:
        found = queue.pop()
        if found.module in seen:
            continue
        seen.add(found.module)
        root = found.module.partition(".")[0]
        if root in sys.stdlib_module_names or root in {PACKAGE, "__main__"}:
            continue
        if finder.local(found.module) is not None:
            for target, file in finder.files(found.module).items():
                if target not in needs.modules:
                    needs.modules[target] = file
                    queue += _imports_of_file(file, target)
        elif owner := owner_of(found.module):
            needs.requirements[owner] = metadata.version(owner)
        elif PathFinder.find_spec(root) is not None:
            needs.unknown.add(root)
        elif not found.optional:
            needs.absent.add(root)
    return needs


def _imports_of_file(file: Path, target: str) -> list[Import]:
    if file.suffix != ".py":
        return []
    try:
        tree = ast.parse(file.read_text(encoding="utf-8"))
    except (OSError, SyntaxError, ValueError):
        return []
    parts = target.removesuffix(".py").split("/")
    return imports_of(tree, ".".join(parts[:-1]))


@cache
def owner_of(module: str) -> str:
    """The distribution that a module belongs to, or an empty string.

    The usual case, a distribution called like its module, is tried first: reading the
    metadata of a whole environment takes half a second.
    """
    root = module.partition(".")[0]
    try:
        guess = metadata.distribution(root)
    except (metadata.PackageNotFoundError, ValueError):
        pass
    else:
        if _has(guess, root):
            return _name(guess)
    owners = sorted(set(_owners().get(root, ())))
    if len(owners) > 1:
        paths = [module.replace(".", "/") + ending for ending in ("/__init__.py", ".py", "/")]
        for owner in owners:
            files = [file.as_posix() for file in metadata.distribution(owner).files or ()]
            if any(
                file == p or (p.endswith("/") and file.startswith(p))
                for file in files
                for p in paths
            ):
                return _name(metadata.distribution(owner))
    return _name(metadata.distribution(owners[0])) if owners else ""


@cache
def _owners() -> dict[str, Sequence[str]]:
    return dict(metadata.packages_distributions())


def _has(distribution: metadata.Distribution, root: str) -> bool:
    top = distribution.read_text("top_level.txt")
    if top:
        return root in top.split()
    return any(
        file.parts[0] in {root, f"{root}.py"} or file.name.startswith(f"{root}.")
        for file in distribution.files or ()
    )


def _name(distribution: metadata.Distribution) -> str:
    return str(distribution.metadata["Name"])


def normalise(name: str) -> str:
    """A distribution's name as indexes compare it."""
    return re.sub(r"[-_.]+", "-", name).lower()


def pin(name: str, version: str, extras: str = "") -> str:
    """A requirement for exactly the version that runs here.

    A local version (`2.5.1+cpu`) is not on any index; its public part matches it too.
    """
    return f"{name}{extras}=={version.partition('+')[0]}"


def installed_version(name: str) -> str:
    """The version of a distribution, or an empty string."""
    try:
        return metadata.version(name)
    except (metadata.PackageNotFoundError, ValueError):
        return ""
