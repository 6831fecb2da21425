"""`%%agent_app` and `%agent_app`, and what loading the extension sets up and takes down again."""

from __future__ import annotations

import re
import sys
from importlib import import_module
from importlib.metadata import version
from threading import Thread
from typing import TYPE_CHECKING, Any

from IPython.core.error import UsageError
from IPython.core.magic import Magics, cell_magic, line_magic, magics_class, no_var_expand
from IPython.display import display  # pyright: ignore[reportUnknownVariableType]

from agentscope_runtime_nb.app import AgentApp
from agentscope_runtime_nb.notebook import options, session_verbs, stdout
from agentscope_runtime_nb.notebook.cell import compile_body, run_body
from agentscope_runtime_nb.notebook.export.live import record, stop_recording
from agentscope_runtime_nb.notebook.handle import AgentHandle
from agentscope_runtime_nb.notebook.host import Host

if TYPE_CHECKING:
    from collections.abc import Callable

_ASK = re.compile(r"^(\s*)%agent_app\s+(ask\s.*\?)[ \t]*(\n?)$")
_KERNEL_FILE = re.compile(r"kernel-([A-Za-z0-9_-]{1,64})\.json$")


@magics_class
class AgentMagics(Magics):
    """The magics; one object per shell, from load to unload.

    Args:
        shell: The IPython shell.
    """

    def __init__(self, shell: Any) -> None:
        super().__init__(shell)
        self.handles: dict[str, AgentHandle] = {}
        self.raw = ""
        self._host: Host | None = None
        self._generation = 0
        self._hidden: dict[str, list[str]] = {}

    @property
    def ip(self) -> Any:
        """The shell."""
        return self.shell

    @property
    def host(self) -> Host:
        """The kernel's house of apps, built when the first agent needs it."""
        if self._host is None:
            self._host = Host(kernel_id(self.ip), version("agentscope-runtime-nb"))
        return self._host

    @no_var_expand
    @cell_magic
    def agent_app(self, line: str, cell: str) -> None:
        """Define an agent; the help is the parser's."""
        parser = options.cell_parser()
        given = parser.parse_argstring(line)
        options.check_name(given.name)
        if not cell.strip():
            wanted = "system prompt" if given.prompt else "Python of the agent"
            raise UsageError(f"The cell is empty below %%agent_app: write the {wanted} there.")
        if given.prompt and given.framework:
            raise UsageError("--prompt makes a built-in agent: leave --framework out.")
        if given.confirm and not given.prompt:
            raise UsageError("--confirm goes with --prompt. In Python: @tool(confirm=True).")
        build = self._from_prompt if given.prompt else self._from_python
        try:
            app, uses_model = build(given, line, cell)
            self.host.install(given.name, app)
        except BaseException:
            if given.name in self.handles:
                print(  # noqa: T201 - into the cell, where the reader looks
                    f"{given.name} was not replaced: its earlier version goes on serving.",
                    file=sys.stderr,
                )
            raise
        self._release(given.name, app)
        handle = self.handles.get(given.name) or AgentHandle(given.name, self.host)
        self.handles[given.name] = handle
        handle.uses_model = uses_model
        if uses_model:
            # Half a second that the first answer need not wait for.
            Thread(target=import_module, args=("openai",), daemon=True).start()
        self._bind(handle)
        if not given.no_chat:
            display(handle.cell_chat())

    @no_var_expand
    @line_magic("agent_app")  # pyright: ignore[reportUntypedFunctionDecorator]
    def agent_app_line(self, line: str) -> Any:
        """Agents of this kernel; the help is `options.line_help`."""
        word, rest = options.verb(line)
        action: Callable[[str], Any] = getattr(self, f"_{word}")
        return action(rest)

    def _list(self, _rest: str) -> Any:
        from agentscope_runtime_nb.notebook.listing import Listing

        return Listing(list(self.handles.values()))

    def _chat(self, rest: str) -> Any:
        given = options.chat_parser().parse_argstring(rest)
        return session_verbs.chat(self._agent(given.name, "chat"), given)

    def _sessions(self, rest: str) -> Any:
        given = options.sessions_parser().parse_argstring(rest)
        return session_verbs.sessions(self._agent(given.name, "sessions"), given)

    def _transcript(self, rest: str) -> Any:
        given = options.transcript_parser().parse_argstring(rest)
        return session_verbs.transcript(self._agent(given.name, "transcript"), given)

    def _ask(self, rest: str) -> Any:
        name, _, text = rest.partition(" ")
        if not text.strip():
            raise UsageError("Say what to ask: %agent_app ask NAME What can you do?")
        return self._agent(name, "ask").ask(text.strip())

    def _serve(self, rest: str) -> str:
        given = options.serve_parser().parse_argstring(rest)
        return self._agent(given.name, "serve").serve(given.port)

    def _stop(self, rest: str) -> str:
        return self._agent(rest, "stop").stop()

    def _curl(self, rest: str) -> Any:
        name, _, text = rest.partition(" ")
        return self._agent(name, "curl").curl(text.strip())

    def _logs(self, rest: str) -> Any:
        given = options.logs_parser().parse_argstring(rest)
        return self._agent(given.name, "logs").logs(given.n)

    def _export(self, rest: str) -> Any:
        name, _, path = rest.partition(" ")
        if not path.strip():
            raise UsageError("Say where to: %agent_app export NAME PATH")
        return self._agent(name, "export").export(path.strip().strip("\"'"))

    def _doctor(self, rest: str) -> Any:
        from agentscope_runtime_nb.doctor.examination import examine

        return examine(ask=options.doctor_parser().parse_argstring(rest).ask)

    def _agent(self, name: str, word: str) -> AgentHandle:
        name = name.strip()
        if name in self.handles:
            return self.handles[name]
        known = ", ".join(sorted(self.handles)) or "none yet"
        if not name:
            raise UsageError(f"Which agent? %agent_app {word} NAME. There is: {known}.")
        raise UsageError(
            f"There is no agent {name!r} in this kernel (there is: {known}). "
            f"Run the cell that begins with %%agent_app {name}."
        )

    def _from_prompt(self, given: Any, _line: str, cell: str) -> tuple[AgentApp, bool]:
        from agentscope_runtime_nb.frameworks.builtin import Agent

        app = self._new_app(given, framework="builtin")
        confirm = options.listed(given.confirm)
        agent = Agent(system=cell.strip("\n"), model=app.model, tools=app.tools, confirm=confirm)
        app.query(framework="builtin")(agent.reply)
        return app, True

    def _from_python(self, given: Any, line: str, cell: str) -> tuple[AgentApp, bool]:
        self._generation += 1
        hidden = f"_agent_app_{given.name}_{self._generation}"
        namespace: dict[str, Any] = self.ip.user_ns
        body = compile_body(self.ip, f"%%agent_app {line}", cell, hidden, self.raw)
        namespace[hidden] = self._new_app(given, framework=given.framework or "plain")
        try:
            run_body(body, namespace, self.host.agent, self.ip)
        except BaseException:
            namespace.pop(hidden, None)
            raise
        app = namespace.get(hidden)
        if not isinstance(app, AgentApp):
            namespace.pop(hidden, None)
            kind = type(app).__name__
            raise UsageError(f"At the end of the cell `app` has to be an AgentApp; it is a {kind}.")
        self._hidden.setdefault(given.name, []).append(hidden)
        return app, body.uses_model or given.model is not None

    def _release(self, name: str, app: AgentApp) -> None:
        """Let old versions go: what is left of their cells means the new one by `app` from now on.

        The last one is spared, since its answers may still be under way.
        """
        for hidden in self._hidden.get(name, [])[:-2]:
            self.ip.user_ns[hidden] = app

    def _new_app(self, given: Any, framework: str) -> AgentApp:
        return AgentApp(
            given.name,
            given.description,
            framework=framework,
            model=given.model or "auto",
            tools=self._tools(given.tools),
            max_runs=given.max_runs,
            starters=options.listed(given.starters, ";"),
            models=options.listed(given.models),
        )

    def _tools(self, names: str) -> list[Any]:
        tools: list[Any] = []
        for name in options.listed(names):
            tool = self.ip.user_ns.get(name)
            if tool is None:
                raise UsageError(
                    f"The tool {name!r} is not defined. Define the function in a cell above and "
                    "run that first."
                )
            if not callable(tool):
                raise UsageError(f"The tool {name!r} is a {type(tool).__name__}, not a function.")
            tools.append(tool)
        return tools

    def _bind(self, handle: AgentHandle) -> None:
        before = self.ip.user_ns.get(handle.name)
        if before is not None and not isinstance(before, AgentHandle):
            print(  # noqa: T201 - into the cell
                f"{handle.name} was a {type(before).__name__} and is now the agent.",
                file=sys.stderr,
            )
        self.ip.push({handle.name: handle})

    def functions(self) -> list[str]:
        """The notebook's functions, for completion."""
        return sorted(
            name
            for name, value in list(self.ip.user_ns.items())
            if not name.startswith("_") and callable(value) and hasattr(value, "__code__")
        )

    def names(self) -> list[str]:
        """The agents' names, for completion."""
        return sorted(self.handles)

    def sessions(self, name: str) -> list[str]:
        """An agent's sessions, for completion."""
        return session_verbs.known(self.handles[name]) if name in self.handles else []

    def remember(self, info: Any) -> None:
        """Keep the cell as it was typed, for its line numbers."""
        self.raw = info.raw_cell or ""

    def close(self) -> None:
        """End every agent, and the servers of their models."""
        models: list[Any] = [getattr(handle.app, "model", None) for handle in self.handles.values()]
        if self._host is not None:
            self._host.close()
            self._host = None
        for model in models:
            if hasattr(model, "close"):
                model.close()
        for name in self.handles:
            if isinstance(self.ip.user_ns.get(name), AgentHandle):
                self.ip.user_ns.pop(name)
        for hidden in [name for names in self._hidden.values() for name in names]:
            self.ip.user_ns.pop(hidden, None)
        self.handles.clear()


AgentMagics.agent_app.__doc__ = options.cell_parser().format_help()
AgentMagics.agent_app_line.__doc__ = options.line_help()

_loaded: dict[int, AgentMagics] = {}


def whole_questions(lines: list[str]) -> list[str]:
    """Keep `%agent_app ask friday What can you do?` from being read as a plea for help on `do`."""
    if lines and lines[0].startswith("%%"):
        return lines
    return [_ASK.sub(_as_call, line) for line in lines]


def _as_call(found: re.Match[str]) -> str:
    return f"{found[1]}get_ipython().run_line_magic('agent_app', {found[2]!r}){found[3]}"


def load(ip: Any) -> None:
    """Set the extension up in a shell; once, however often it is called."""
    if id(ip) in _loaded:
        return
    magics = AgentMagics(ip)
    _loaded[id(ip)] = magics
    ip.register_magics(magics)
    ip.events.register("pre_run_cell", magics.remember)
    completer = options.Completer(magics.names, magics.functions, magics.sessions)
    ip.input_transformers_cleanup.append(whole_questions)
    ip.set_hook("complete_command", completer.cell, str_key="%%agent_app")
    ip.set_hook("complete_command", completer.line, str_key="%agent_app")
    stdout.install()
    record(ip)


def unload(ip: Any) -> None:
    """Take it all down: agents, threads, sockets, routers, magics."""
    magics = _loaded.pop(id(ip), None)
    if magics is None:
        return
    magics.close()
    stop_recording(ip)
    stdout.remove()
    ip.events.unregister("pre_run_cell", magics.remember)
    for kind in ("line", "cell"):
        ip.magics_manager.magics[kind].pop("agent_app", None)
    ip.input_transformers_cleanup.remove(whole_questions)
    for key in ("%%agent_app", "%agent_app"):
        ip.strdispatchers["complete_command"].strs.pop(key, None)


def kernel_id(ip: Any) -> str:
    """The id of the kernel that the shell belongs to; "" for a terminal."""
    if getattr(ip, "kernel", None) is None:
        return ""
    from ipykernel.connect import get_connection_file

    try:
        found = _KERNEL_FILE.search(str(get_connection_file()))
    except RuntimeError:
        return ""
    return found[1] if found else ""
