"""Finds secrets that stand in code, so that they do not leave with it.

Three signs: the shape of a known kind of key; a name such as `api_key` or `password` beside a
literal; a long random-looking literal. What is found is told by place and kind, never by value.
A false alarm is silenced by the comment `# not a secret` on the line.
"""

from __future__ import annotations

import ast
import io
import itertools
import math
import re
import tokenize
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterator

SHAPES: Final = (
    (
        "an API key",
        re.compile(r"\b(?:sk|pk|rk|gsk|xai|tvly|pplx|sk-ant|sk-proj)[-_][A-Za-z0-9_-]{16,}"),
    ),
    ("a cloud access key", re.compile(r"\b(?:AKIA|ASIA|LTAI)[A-Za-z0-9]{12,24}\b")),
    (
        "a GitHub token",
        re.compile(r"\b(?:gh[pousr]_[A-Za-z0-9]{20,}|github_pat_[A-Za-z0-9_]{20,})"),
    ),
    ("a GitLab token", re.compile(r"\bglpat-[A-Za-z0-9_-]{16,}")),
    ("a Slack token", re.compile(r"\bxox[abprs]-[A-Za-z0-9-]{10,}")),
    ("a Google API key", re.compile(r"\bAIza[A-Za-z0-9_-]{30,}")),
    ("a Hugging Face token", re.compile(r"\bhf_[A-Za-z0-9]{24,}")),
    (
        "a JSON web token",
        re.compile(r"\beyJ[A-Za-z0-9_-]{10,}\.[A-Za-z0-9_-]{10,}\.[A-Za-z0-9_-]*"),
    ),
    ("a private key", re.compile(r"-----BEGIN [A-Z ]*PRIVATE KEY-----")),
    ("a bearer token", re.compile(r"\bBearer\s+[A-Za-z0-9._~+/-]{16,}")),
    (
        "a URL with a password",
        re.compile(r"\b[a-z][a-z0-9+.-]*://[^\s/:@{}]*:[^\s/:@{}]{3,}@[^\s/]+"),
    ),
)
_NAMED = re.compile(
    r"(?i)(?:^|[_\W])(?:api_?key|access_?key|secret(?:_?key)?|client_?secret|auth_?token|access_?token|"
    r"bearer_?token|token|passw(?:or)?d|passwd|pwd|credentials?|private_?key)$"
)
_PASSWORD = re.compile(r"(?i)(passw(or)?d|passwd|pwd)$")
_PLACEHOLDER = re.compile(
    r"(?i)^(?:|\.+|x+|\*+|-+|none|null|empty|test(?:ing)?|dummy|fake|example|placeholder|changeme|"
    r"change[-_ ]me|todo|secret|password|token|not[-_ ]?needed|no[-_ ]?key|ollama|lm-studio|"
    r"<.*>|\{.*\}|\$.*|%.*|.*your[-_ ].*|.*[-_ ]here|.*x{6,}.*|.*\*{4,}.*|.*\.\.\.+.*|sk-\.*)$"
)
_IGNORE = re.compile(r"#.*not a secret", re.IGNORECASE)


@dataclass(frozen=True)
class Secret:
    """Where a secret stands and of what kind it is; not what it is."""

    line: int
    kind: str
    name: str = ""


def scan_code(code: str, tree: ast.AST | None = None) -> list[Secret]:
    """Find the secrets in Python code, its comments included; `tree` is its syntax tree."""
    try:
        tree = tree or ast.parse(code)
    except SyntaxError:
        return scan_text(code)
    lines = code.splitlines()
    found: dict[tuple[int, str], Secret] = {}
    for name, node in _literals(tree):
        kind = judge(node.value if isinstance(node.value, str) else "", name)
        if kind and not _IGNORE.search(lines[node.lineno - 1] if node.lineno <= len(lines) else ""):
            known = found.get((node.lineno, kind))
            if known is None or not known.name:
                found[node.lineno, kind] = Secret(node.lineno, kind, name)
    for line, text in _comments(code):
        for kind, shape in SHAPES:
            if shape.search(text) and not _IGNORE.search(text):
                found[line, kind] = Secret(line, kind)
    return sorted(found.values(), key=lambda s: (s.line, s.kind))


def scan_text(text: str) -> list[Secret]:
    """Find secrets of known shape in any text."""
    return [
        Secret(number, kind)
        for number, line in enumerate(text.splitlines(), 1)
        for kind, shape in SHAPES
        if (match := shape.search(line)) and not _IGNORE.search(line) and not _dull(match.group())
    ]


def judge(text: str, name: str = "") -> str:
    """What kind of secret a literal is; empty when it is none."""
    if len(text) < 4 or _PLACEHOLDER.match(text.strip()):  # noqa: PLR2004 - no secret is that short
        return ""
    for kind, shape in SHAPES:
        match = shape.search(text)
        if match and not _dull(match.group()):
            return kind
    if name and _NAMED.search(name) and _worth_hiding(text, name):
        return f"the value of `{name}`"
    return "a long random text" if _random(text) else ""


def redact(text: str) -> str:
    """A text with everything that looks like a secret masked, for reports."""
    for _, shape in SHAPES:
        text = shape.sub("…", text)
    text = re.sub(
        r"""(?ix)((?:key(?!error)|token|secret|passw(?:or)?d|pwd|credentials?)\w*["'\]]*\s*[=:]\s*[rbuf]*)
            (["']).*""",
        r"\1\2…\2",
        text,
    )
    return re.sub(r"[A-Za-z0-9+/_-]{32,}", lambda m: "…" if _random(m.group()) else m.group(), text)


def _dull(text: str) -> bool:
    """Whether a thing of the right shape is plainly made up (`sk-xxxx…`, `user:password@`)."""
    if "://" in text:
        password = text.rpartition("@")[0].rpartition(":")[2]
        return bool(_PLACEHOLDER.match(password)) or password.lower() in {"pass", "pw", "pwd"}
    body = text.rpartition("-")[2] or text
    return len(set(body)) < 4 or bool(re.search(r"(?i)your|example|placeholder", text))  # noqa: PLR2004


def _worth_hiding(text: str, name: str) -> bool:
    if any(character.isspace() for character in text) or text.startswith(
        ("http://", "https://", "/")
    ):
        return False
    if _PASSWORD.search(name):
        return True
    if re.fullmatch(r"[A-Z][A-Z0-9_]*|<[^>]*>|[a-z]+|[a-z]+([_-][a-z]+)+", text):
        return False  # the name of a variable, a special token, a plain word
    return len(text) >= 8 and entropy(text) > 2.5  # noqa: PLR2004 - "aaaaaaaa" is nobody's key


def _random(text: str) -> bool:
    """Whether a literal looks drawn at random: long, of mixed kinds, not a hash or an id."""
    if not 28 <= len(text) <= 200 or not re.fullmatch(r"[A-Za-z0-9+/=_.~-]+", text):  # noqa: PLR2004
        return False
    if re.fullmatch(r"[0-9a-fA-F-]+", text) or re.search(r"[_./-][a-z]{3,}[_./-]", text):
        return False
    kinds = sum(bool(re.search(p, text)) for p in (r"[a-z]", r"[A-Z]", r"[0-9]"))
    switches = sum(a.isdigit() != b.isdigit() for a, b in itertools.pairwise(text))
    return kinds == 3 and switches >= 4 and entropy(text) > 4.0  # noqa: PLR2004


def entropy(text: str) -> float:
    """Bits per character."""
    shares = [text.count(c) / len(text) for c in set(text)]
    return -sum(share * math.log2(share) for share in shares)


def _literals(tree: ast.AST) -> Iterator[tuple[str, ast.Constant]]:
    """Every text literal with the name that it is given, if any."""
    named: dict[int, str] = {}
    for node in ast.walk(tree):
        for name, value in _namings(node):
            for part in ast.walk(value):
                if isinstance(part, ast.Constant):
                    named.setdefault(id(part), name)
                elif isinstance(part, ast.Call) and part is not value:
                    break
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield named.get(id(node), ""), node


def _namings(node: ast.AST) -> Iterator[tuple[str, ast.expr]]:  # noqa: C901 - a case a way
    match node:
        case ast.Assign(targets=targets, value=value):
            for target in targets:
                yield from _target(target, value)
        case ast.AnnAssign(target=target, value=ast.expr() as value):
            yield from _target(target, value)
        case ast.keyword(arg=str(name), value=ast.Constant() as value):
            yield name, value
        case ast.Dict(keys=keys, values=values):
            for key, value in zip(keys, values, strict=True):
                if isinstance(key, ast.Constant) and isinstance(value, ast.Constant):
                    yield str(key.value), value
        case ast.arguments(posonlyargs=first, args=more, defaults=defaults):
            for arg, default in zip(reversed([*first, *more]), reversed(defaults), strict=False):
                yield arg.arg, default
        case ast.Call(args=[ast.Constant(value=str(name)), ast.Constant() as value]):
            yield name, value  # os.environ.setdefault("KEY", "…"), os.getenv("KEY", "…")
        case ast.Compare(left=ast.Name(id=name), comparators=[ast.Constant() as value]):
            yield name, value
        case _:
            pass


def _target(target: ast.expr, value: ast.expr) -> Iterator[tuple[str, ast.expr]]:
    if not isinstance(value, (ast.Constant, ast.JoinedStr, ast.BinOp)):
        return
    match target:
        case ast.Name(id=name) | ast.Attribute(attr=name):
            yield name, value
        case ast.Subscript(slice=ast.Constant(value=str(name))):
            yield name, value
        case _:
            pass


def _comments(code: str) -> Iterator[tuple[int, str]]:
    try:
        for token in tokenize.generate_tokens(io.StringIO(code).readline):
            if token.type == tokenize.COMMENT:
                yield token.start[0], token.string
    except (tokenize.TokenError, SyntaxError):  # pragma: no cover - it parsed before
        return
