"""Which `app` in a cell is the cell's app."""

from __future__ import annotations

import ast

import pytest

from agentscope_runtime_nb.notebook.scope import rename_global


def renamed(source: str) -> str:
    tree = ast.parse(source)
    rename_global(tree, "app", "APP")
    return ast.unparse(tree)


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("app.query(f)", "APP.query(f)"),
        ("@app.query\ndef f(): return app.model", "@APP.query\ndef f():\n    return APP.model"),
        ("x.app = y.app", "x.app = y.app"),
        ("f(app=app)", "f(app=APP)"),
        ("def f(app): return app", "def f(app):\n    return app"),
        ("def f(x=app, *, app=app): app", "def f(x=APP, *, app=APP):\n    app"),
        ("def f():\n app = 1\n return app", "def f():\n    app = 1\n    return app"),
        (
            "def f():\n def g(): return app\n app = 1",
            "def f():\n\n    def g():\n        return app\n    app = 1",
        ),
        ("def f():\n global app\n app = 1", "def f():\n    global APP\n    APP = 1"),
        ("lambda app: app", "lambda app: app"),
        ("lambda x: app", "lambda x: APP"),
        ("[app for app in app]", "[app for app in APP]"),
        ("[app for x in y if app]", "[APP for x in y if APP]"),
        (
            "class A:\n app = 1\n def f(self): return app",
            "class A:\n    app = 1\n\n    def f(self):\n        return APP",
        ),
        ("class A(app.Base): x = app", "class A(APP.Base):\n    x = APP"),
        ("app = AgentApp('x')", "APP = AgentApp('x')"),
        ("from m import app", "from m import app as APP"),
        ("for app in y: pass", "for APP in y:\n    pass"),
        ("with x as app: app", "with x as APP:\n    APP"),
        ("try: pass\nexcept E as app: app", "try:\n    pass\nexcept E as APP:\n    APP"),
        ("def f():\n import app\n return app.x", "def f():\n    import app\n    return app.x"),
        (
            "def f(x):\n match x:\n  case {'a': app}: return app",
            "def f(x):\n    match x:\n        case {'a': app}:\n            return app",
        ),
        (
            "def f():\n return [(app := x) for x in y], app",
            "def f():\n    return ([(app := x) for x in y], app)",
        ),
        ("await app.deploy(m)", "await APP.deploy(m)"),
        ("x = 'app'", "x = 'app'"),
    ],
)
def test_only_the_global_is_renamed(source: str, expected: str) -> None:
    assert renamed(source) == expected


def test_lines_and_columns_stay() -> None:
    source = "x = 1\n\ndef f():\n    return app.model + app.tools\n"
    before = [
        (n.lineno, n.col_offset, n.end_col_offset)
        for n in ast.walk(ast.parse(source))
        if isinstance(n, ast.expr)
    ]
    tree = ast.parse(source)
    rename_global(tree, "app", "_agent_app_1")
    after = [
        (n.lineno, n.col_offset, n.end_col_offset)
        for n in ast.walk(tree)
        if isinstance(n, ast.expr)
    ]
    assert before == after


def test_it_says_whether_the_module_binds_the_name() -> None:
    assert rename_global(ast.parse("app = 1"), "app", "b")
    assert not rename_global(ast.parse("app.x = 1\ndef f(): app = 2"), "app", "b")
