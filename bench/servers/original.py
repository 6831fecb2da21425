"""The original AgentScope Runtime, in its own environment.

Its `@app.query(framework="text")` is refused, so the agent is a Runner of that type.
"""

from __future__ import annotations

from agent import port, tokens
from agentscope_runtime.engine import AgentApp, Runner


class Agent(Runner):
    """The bench's agent."""

    def __init__(self):
        super().__init__()
        self.framework_type = "text"

    async def query_handler(self, request=None, **_):
        """Answer."""
        async for token in tokens(request.input[0].content[0].text):
            yield token


if __name__ == "__main__":
    AgentApp(app_name="bench", app_description="bench", runner=Agent()).run("127.0.0.1", port())
