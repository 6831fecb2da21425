"""An AgentApp with a plain handler, started as a script's user starts it."""

from __future__ import annotations

from agent import port, tokens

from agentscope_runtime_nb import AgentApp

app = AgentApp("bench")


@app.query
async def answer(msgs, request):  # noqa: ARG001 - as people write it
    async for token in tokens(msgs[0].text):
        yield token


if __name__ == "__main__":
    app.run("127.0.0.1", port())
