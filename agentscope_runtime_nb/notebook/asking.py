"""How to ask an agent from somewhere else: a line for a terminal, a few for OpenAI's SDK.

The texts work as they are copied. A key is never in them: they name the variable that holds it.
"""

from __future__ import annotations

import html
import json
import shlex
from dataclasses import dataclass

KEY = "AGENTSCOPE_NB_API_KEY"
BASE = "/compatible-mode/v1"
RESPONSES = f"{BASE}/responses"


def curl(
    address: str, path: str = "/process", text: str = "Hello", *, keyed: bool, socket: str = ""
) -> str:
    """A command that asks and prints the answer.

    Args:
        address: Where the agent is, without a slash at the end.
        path: Where it is asked there.
        text: What to ask.
        keyed: Whether callers need a key.
        socket: A unix socket to reach it through.
    """
    words = ["curl"]
    words += ["--unix-socket", shlex.quote(socket)] if socket else []
    words += [shlex.quote(f"{address}{path}"), "-H", "'Content-Type: application/json'"]
    words += ["-H", f'"Authorization: Bearer ${KEY}"'] if keyed else []
    body = json.dumps({"input": text, "stream": False}, ensure_ascii=False)
    body = body.replace("'", "\\u0027")  # no shell has to be told of it then
    return " ".join([*words, "-d", shlex.quote(body)])


def openai_sdk(address: str, name: str, text: str = "Hello", *, keyed: bool) -> str:
    """Python that asks with OpenAI's SDK."""
    key = f'os.environ["{KEY}"]' if keyed else '"none"'
    return "\n".join(
        [
            *(["import os"] if keyed else []),
            "from openai import OpenAI",
            "",
            f'client = OpenAI(base_url="{address}{BASE}", api_key={key})',
            f"answer = client.responses.create(model={_string(name)}, input={_string(text)})",
            "print(answer.output_text)",
        ]
    )


def _string(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)


@dataclass(frozen=True)
class Recipe:
    """Ways to ask an agent, to be copied.

    Attributes:
        curl: For a terminal.
        python: For OpenAI's SDK; empty where it has no way.
        note: What to know about them.
    """

    curl: str
    python: str = ""
    note: str = ""

    def __str__(self) -> str:
        return "\n\n".join(text for text in (self.curl, self.python, self.note) if text)

    __repr__ = __str__

    def _repr_html_(self) -> str:
        texts = (("In a terminal", self.curl), ("With OpenAI's SDK", self.python))
        blocks = "".join(
            f"<div style='margin-top:.5em;opacity:.75'>{title}</div>"
            "<pre style='user-select:all;white-space:pre-wrap;margin:.2em 0;padding:.5em .8em;"
            f"border-left:3px solid var(--jp-border-color2, #8888)'>{html.escape(text)}</pre>"
            for title, text in texts
            if text
        )
        return f"{blocks}<div style='opacity:.75'>{html.escape(self.note)}</div>"
