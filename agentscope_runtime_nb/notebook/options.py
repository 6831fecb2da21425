"""The magics' options: parsed, explained, suggested and completed from one table."""

from __future__ import annotations

import difflib
import keyword
import re
import shlex
from typing import Any, NoReturn

from IPython.core.error import UsageError
from IPython.core.magic_arguments import MagicArgumentParser, MagicHelpFormatter

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,63}")

VERBS = {
    "list": "the agents of this kernel",
    "chat": "NAME [--session ID]: show the chat again, here, or that of an earlier session",
    "ask": "NAME TEXT…: ask, wait, show the answer",
    "sessions": "NAME [--search TEXT] [--open ID] [--rename ID TITLE] [--delete ID] [--fork TURN]: "
    "its conversations",
    "transcript": "NAME [PATH]: the conversation as .md, .json or .ipynb",
    "serve": "NAME [--port P]: open a port on this machine",
    "curl": "NAME [TEXT…]: how to ask it from a terminal, or with OpenAI's SDK",
    "logs": "NAME [-n N]: what became of its last runs: prints, errors, notices",
    "stop": "NAME: stop what it is doing and close its port",
    "export": "NAME PATH: write it as a service of its own",
    "doctor": "[--ask]: what is there on this machine and what is not; ask the model a word",
}


class Parser(MagicArgumentParser):
    """A parser whose complaints name the option that was probably meant."""

    def __init__(self, prog: str, **settings: Any) -> None:
        super().__init__(prog, **settings)  # pyright: ignore[reportUnknownMemberType]
        self.allow_abbrev = False

    def parse_argstring(self, argstring: str, *, partial: bool = False) -> Any:  # noqa: ARG002
        """Split as a shell would, quotes taken off, and parse."""
        try:
            words = shlex.split(argstring)
        except ValueError:
            self.error('a quote is not closed: put text with spaces or apostrophes in "…"')
        return self.parse_words(words)

    def parse_words(self, words: list[str]) -> Any:
        """Parse, or raise a UsageError."""
        parsed, unknown = self.parse_known_args(words)
        if unknown:
            self.error(f"{self.prog} does not take {unknown[0]}{self._meant(unknown[0])}")
        return parsed

    def error(self, message: str) -> NoReturn:
        """Raise a UsageError with what is wrong and where help is."""
        stop = "" if message.endswith("?") else "."
        raise UsageError(f"{message}{stop} Help: {self.prog}?")

    def _meant(self, word: str) -> str:
        options = [name for name in self._option_string_actions if name.startswith("--")]
        if not word.startswith("-"):
            return f" (options are {', '.join(options)})" if options else ""
        close = difflib.get_close_matches(word.partition("=")[0], options, n=1, cutoff=0.5)
        return f": did you mean {close[0]}?" if close else f"; it has {', '.join(options)}"


def cell_parser() -> Parser:
    """The options of `%%agent_app`."""
    parser = Parser("%%agent_app", formatter_class=MagicHelpFormatter, description=_CELL_HELP)
    parser.add_argument("name", metavar="NAME", help="What the agent is called, here and in URLs.")
    parser.add_argument(
        "--prompt",
        action="store_true",
        help="The body is the system prompt of a built-in agent, not Python.",
    )
    parser.add_argument("--framework", "-f", metavar="F", help="What the query handler yields.")
    parser.add_argument(
        "--model", "-m", metavar="M", help="auto (the default), local, scripted, or a model's name."
    )
    parser.add_argument(
        "--tools", "-t", metavar="A,B", default="", help="Functions that the agent may call."
    )
    parser.add_argument(
        "--confirm", metavar="A,B", default="", help="Those of the tools that you allow each time."
    )
    parser.add_argument(
        "--starters", metavar="A;B", default="", help="What the chat offers to begin with."
    )
    parser.add_argument(
        "--models", metavar="A,B", default="", help="Models that the chat may switch to."
    )
    parser.add_argument("--description", "-d", metavar="D", default="", help="What it is for.")
    parser.add_argument("--no-chat", action="store_true", help="Show no chat under the cell.")
    parser.add_argument(
        "--max-runs", metavar="N", type=int, default=8, help="How many answers at once (8)."
    )
    return parser


def serve_parser() -> Parser:
    """The options of `%agent_app serve`."""
    parser = Parser("%agent_app serve", description="Open a port on this machine for an agent.")
    parser.add_argument("name", metavar="NAME")
    parser.add_argument("--port", "-p", metavar="P", type=int)
    return parser


def chat_parser() -> Parser:
    """The options of `%agent_app chat`."""
    parser = Parser("%agent_app chat", description="Show an agent's chat here.")
    parser.add_argument("name", metavar="NAME", nargs="?", default="")
    parser.add_argument("--session", "-s", metavar="ID", help="An earlier one: id, title or last.")
    return parser


def sessions_parser() -> Parser:
    """The options of `%agent_app sessions`."""
    parser = Parser("%agent_app sessions", description="An agent's conversations.")
    parser.add_argument("name", metavar="NAME", nargs="?", default="")
    parser.add_argument("--search", metavar="TEXT", default="", help="Only those that have it.")
    parser.add_argument("--open", metavar="ID", help="Go on with one: its id, title or last.")
    parser.add_argument("--rename", metavar=("ID", "TITLE"), nargs=2, help="Give one a title.")
    parser.add_argument("--delete", metavar="ID", help="Forget one for good.")
    parser.add_argument("--fork", metavar="TURN", help="Go on from a turn of the open one anew.")
    return parser


def transcript_parser() -> Parser:
    """The options of `%agent_app transcript`."""
    parser = Parser("%agent_app transcript", description="A conversation to keep.")
    parser.add_argument("name", metavar="NAME", nargs="?", default="")
    parser.add_argument("path", metavar="PATH", nargs="?", default="md")
    parser.add_argument("--overwrite", action="store_true", help="Replace a file that is there.")
    return parser


def doctor_parser() -> Parser:
    """The options of `%agent_app doctor`."""
    parser = Parser("%agent_app doctor", description="What is there on this machine, and what not.")
    parser.add_argument("--ask", action="store_true", help="Also ask the model for a word.")
    return parser


def listed(given: str, mark: str = ",") -> list[str]:
    """An option that lists several things."""
    return [one for one in (part.strip() for part in given.split(mark)) if one]


def logs_parser() -> Parser:
    """The options of `%agent_app logs`."""
    parser = Parser("%agent_app logs", description="What became of an agent's last runs.")
    parser.add_argument("name", metavar="NAME", nargs="?", default="")
    parser.add_argument("-n", metavar="N", type=int, default=10, help="How many (10).")
    return parser


def check_name(name: str) -> None:
    """Refuse a name that could not be a variable.

    Raises:
        UsageError: It names one that could.
    """
    if name == "app":
        raise UsageError(
            "An agent cannot be called `app`: in its cell, `app` is the AgentApp. "
            "Name it by what it does, e.g. %%agent_app friday."
        )
    if not _NAME.fullmatch(name) or keyword.iskeyword(name):
        better = re.sub(r"\W+", "_", name).strip("_") or "friday"
        better = f"{better}_" if keyword.iskeyword(better) else better
        better = f"agent_{better}" if better[0].isdigit() else better
        raise UsageError(
            f"{name!r} cannot be a variable's name, and an agent is one. Try {better[:64]}."
        )


def verb(line: str) -> tuple[str, str]:
    """Split `%agent_app`'s line into its verb and the rest.

    Raises:
        UsageError: There is no such verb.
    """
    word, _, rest = line.strip().partition(" ")
    if word in VERBS:
        return word, rest.strip()
    close = difflib.get_close_matches(word, VERBS, n=1, cutoff=0.5) if word else []
    known = ", ".join(VERBS)
    if close:
        raise UsageError(f"%agent_app has no {word!r}: did you mean {close[0]}? (It has {known}.)")
    raise UsageError(
        f"%agent_app takes one of {known}. "
        "A cell that defines an agent begins with %%agent_app NAME."
    )


def line_help() -> str:
    """What `%agent_app?` shows."""
    rows = "\n".join(f"    %agent_app {word} {text}" for word, text in VERBS.items())
    return (
        f"Agents of this kernel.\n\n{rows}\n\n"
        "Each has a twin in Python: friday.chat(), friday.ask(…), await friday(…),\n"
        "friday.sessions(), friday.open(…), friday.rename(…), friday.delete_session(…),\n"
        "friday.fork(…), friday.transcript(…), friday.serve(), friday.stop(),\n"
        "friday.export(path)."
    )


_CELL_HELP = """Define an agent, swap it in and show its chat.

The body is Python in the notebook's own namespace. In it, ``app`` is a new AgentApp::

    %%agent_app friday --description "Answers in one line"
    @app.query
    async def answer(msgs, request):
        yield "You said: " + msgs[-1].text

With ``--prompt`` the body is the system prompt of a built-in agent instead::

    %%agent_app friday --prompt --tools weather,add
    You are Friday. Be brief.

Run the cell again to replace the agent: answers under way finish on the old version, and the
conversation goes on. Afterwards ``friday`` is the agent: friday.ask("…"), friday.export(path).
"""


class Completer:
    """Completes options, agents, tools, models and frameworks after the magics.

    Args:
        names: Gives the agents' names.
        functions: Gives the names of the notebook's functions.
        sessions: Gives an agent's sessions, by its name.
    """

    _VALUES = ("--tools", "-t", "--model", "-m", "--framework", "-f")

    def __init__(self, names: Any, functions: Any, sessions: Any) -> None:
        self._names = names
        self._functions = functions
        self._sessions = sessions

    def cell(self, _shell: Any, event: Any) -> list[str]:
        """Complete after `%%agent_app`."""
        words = event.text_until_cursor.split()
        ending = event.text_until_cursor.endswith((" ", "\t"))
        before = words if ending else words[:-1]
        last = before[-1] if before else ""
        if last in ("--tools", "-t", "--confirm"):
            done, comma, _ = event.symbol.rpartition(",")
            return [f"{done}{comma}{name}" for name in self._functions()]
        if last in ("--model", "-m"):
            return ["auto", "local", "scripted"]
        if last in ("--framework", "-f"):
            return _frameworks()
        if len(before) == 1 and not event.symbol.startswith("-"):
            return self._names()
        return [name for name in cell_parser()._option_string_actions if name.startswith("--")]  # noqa: SLF001

    def line(self, _shell: Any, event: Any) -> list[str]:
        """Complete after `%agent_app`."""
        words = event.text_until_cursor.split()
        before = words if event.text_until_cursor.endswith((" ", "\t")) else words[:-1]
        if len(before) == 1:
            return list(VERBS)
        if len(before) == 2 and before[1] in VERBS and before[1] not in ("list", "doctor"):  # noqa: PLR2004
            return self._names()
        if before[-1] in _SESSION_OPTIONS:
            return self._sessions(before[2])
        parser = _PARSERS.get(before[1])
        if parser is not None:
            return [name for name in parser()._option_string_actions if name.startswith("--")]  # noqa: SLF001
        return []


_PARSERS = {
    "serve": serve_parser,
    "chat": chat_parser,
    "sessions": sessions_parser,
    "transcript": transcript_parser,
    "doctor": doctor_parser,
}
_SESSION_OPTIONS = ("--session", "-s", "--open", "--rename", "--delete")


def _frameworks() -> list[str]:
    from importlib.metadata import entry_points

    return sorted({point.name for point in entry_points(group="agentscope_runtime_nb.frameworks")})
