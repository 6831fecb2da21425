"""Values with a MIME bundle, as a client without a notebook gets them."""

from __future__ import annotations

import base64
from typing import Any

from serving import ask, serve

from agentscope_runtime_nb import Agent, AgentApp, ToolCall, ToolResult, model
from agentscope_runtime_nb.events import check

PIXEL = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
)


class Frame:
    """A table, as DataFrames show themselves."""

    def _repr_html_(self) -> str:
        return (
            "<style>td {}</style><table><tr><th></th><th>a|b</th></tr>"
            "<tr><td>0</td><td><b>x</b> y</td></tr></table><script>alert(1)</script>"
        )


class Picture:
    def _repr_png_(self) -> bytes:
        return PIXEL


class Widget:
    def _repr_mimebundle_(self, **_kwargs: Any) -> dict[str, Any]:
        return {
            "text/plain": "a slider",
            "application/vnd.jupyter.widget-view+json": {"model_id": "m", "version_major": 2},
        }


class Plot(Picture):
    """Shows itself where it can, as plotly's figures do."""

    shown = 0

    def _ipython_display_(self) -> None:
        Plot.shown += 1

    def _repr_mimebundle_(self, **_kwargs: Any) -> tuple[dict[str, Any], dict[str, Any]]:
        return {"application/vnd.plot+json": {"x": 1}, "text/html": "<b>x</b>"}, {}


class Huge:
    def _repr_html_(self) -> str:
        return "<p>" + "x" * (6 * 1024 * 1024)

    def __repr__(self) -> str:
        return "huge"


def app_with(*values: Any) -> AgentApp:
    app = AgentApp("rich", store=":memory:")

    @app.query
    async def show(msgs: Any, request: Any) -> Any:
        yield "look: "
        for value in values:
            yield value

    return app


async def test_what_is_yielded_becomes_a_table_an_image_or_text() -> None:
    app = app_with(Frame(), Picture(), Widget(), Huge(), 3)
    async with serve(app) as client:
        events = await ask(client, {"input": "x"})
    check(events)
    first, table, picture, widget, huge, number = events[-1]["output"]
    assert first["content"][0]["text"] == "look: "
    assert table["content"][0]["text"] == "|  | a\\|b |\n| --- | --- |\n| 0 | x y |"
    assert picture["content"][0]["image_url"].startswith("data:image/png;base64,iVBOR")
    assert "a slider" in widget["content"][0]["text"]
    assert huge["content"][0]["text"] == "```text\nhuge\n```"
    assert number["content"][0]["text"] == "3"
    run = app.runs.get(events[-1]["id"])
    assert run is not None
    for message, mime in (
        (table, "text/html"),
        (widget, "application/vnd.jupyter.widget-view+json"),
    ):
        assert mime in run.displays[message["metadata"]["display"]]["data"]
    assert huge["metadata"] is None


async def test_what_a_tool_returns_is_shown_and_read() -> None:
    def chart(path: str) -> Any:
        """Draw."""
        return Picture()

    def table(path: str) -> Any:
        """Tabulate."""
        return Frame()

    calls = [{"name": name, "arguments": {"path": "x"}} for name in ("chart", "table")]
    script = [{"call": calls, "then": {"say": "{tool_results}"}}]
    app = AgentApp("rich", store=":memory:")
    agent = Agent("", model("scripted", script=script), tools=[chart, table])
    app.query(framework="builtin")(agent.reply)
    async with serve(app) as client:
        events = await ask(client, {"input": "x"})
    check(events)
    results = [m for m in events[-1]["output"] if m["type"] == "plugin_call_output"]
    by_name = {m["content"][0]["data"]["name"]: m for m in results}
    assert by_name["chart"]["content"][1]["type"] == "image"
    assert "an image" in by_name["chart"]["content"][0]["data"]["output"]
    assert "| 0 | x y |" in by_name["table"]["content"][0]["data"]["output"]
    assert all(m["metadata"]["display"] for m in results)
    said = events[-1]["output"][-1]["content"][0]["text"]
    assert "| 0 | x y |" in said


async def test_a_handler_can_report_a_rich_result() -> None:
    app = app_with(ToolCall("c", "draw", {}), ToolResult("c", "draw", Picture()))
    async with serve(app) as client:
        events = await ask(client, {"input": "x"})
    check(events)
    assert [c["type"] for c in events[-1]["output"][-1]["content"]] == ["data", "image"]


async def test_what_shows_itself_is_asked_instead() -> None:
    async with serve(app_with(Plot())) as client:
        events = await ask(client, {"input": "x"})
    plot = events[-1]["output"][-1]
    assert Plot.shown == 0
    assert plot["metadata"]["display"]
    assert "Plot object" in plot["content"][0]["text"]
