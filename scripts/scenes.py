"""The notebooks that `screenshots.py` takes pictures of. All of it is deterministic."""

from __future__ import annotations

TOOL = '''def add(a: int, b: int) -> int:
    """Add two whole numbers."""
    return a + b
'''
CLERK = "%%agent_app clerk --prompt --model scripted --tools add\nYou are a clerk. Be exact."
POET = """%%agent_app poet
import asyncio

@app.query
async def answer(msgs, request):
    for word in "The kernel hums, the cursor blinks, and nobody knows what it thinks.".split():
        yield word + " "
        await asyncio.sleep(0.1)
    await asyncio.sleep(60)
"""
FLAKY = """%%agent_app clerk
@app.query
async def answer(msgs, request):
    print("looking for the key")
    yield {}["key"]
"""
FRIDAY = """%%agent_app friday --prompt --model scripted
You are Friday. Answer in one short sentence.
"""
READER = """%%agent_app reader --description "Reads what you give it"
app.offer(starters=["What can you read?", "Summarise my notes"],
          settings={"length": ["short", "long"], "quotes": True}, models=["local", "scripted"])

@app.command("outline", "The headings alone")
def outline(text, request):
    return "# One\\n# Two"

@app.command("words", "Count the words")
def words(text, request):
    return str(len(text.split()))

@app.query
def answer(msgs, request):
    return "Plain text, tables and pictures."
"""
VALUES = '''import struct, zlib

class Frame:
    def _repr_html_(self):
        rows = [("Bergen", 9.1, 231), ("Oslo", 6.3, 118), ("Tromsø", 3.2, 184)]
        cells = "".join(f"<tr><th>{n}</th><td>{c}</td><td>{t}</td><td>{r}</td></tr>"
                        for n, (c, t, r) in enumerate(rows))
        return ('<table border="1" class="dataframe"><thead><tr><th></th><th>city</th>'
                f"<th>°C</th><th>rainy days</th></tr></thead><tbody>{cells}</tbody></table>")

class Figure:
    """Three bars, as a plotting library would draw them."""
    def _repr_png_(self):
        width, height, bars = 480, 130, (231, 118, 184)
        def pixel(x, y):
            bar, inside = divmod(x - 30, 150)
            tall = 0 <= bar < 3 and inside < 110 and height - 8 - y < bars[bar] * 0.48
            return b"\\x4c\\x8b\\xc9" if tall and y < height - 8 else b"\\xff\\xff\\xff"
        rows = b"".join(b"\\0" + b"".join(pixel(x, y) for x in range(width)) for y in range(height))
        def chunk(kind, data):
            body = kind + data
            return struct.pack(">I", len(data)) + body + struct.pack(">I", zlib.crc32(body))
        head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
        body = chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")
        return b"\\x89PNG\\r\\n\\x1a\\n" + body
'''
WEATHER = """%%agent_app weather
from agentscope_runtime_nb import Usage

@app.query
async def answer(msgs, request):
    yield "It rains most in **Bergen**:"
    yield Frame()
    yield Figure()
    yield Usage(input_tokens=21400, output_tokens=310, cost=0.0312, window=32000)
"""
TEAM = """%%agent_app weather
from agentscope_runtime_nb import Text, ToolCall, ToolResult

@app.query
async def answer(msgs, request):
    yield ToolCall("c1", "ask_archivist", {"question": "rain in Norway"})
    yield Text("I look into the archive.", agent="Archivist", parent="c1")
    yield ToolCall("c2", "search", {"query": "rainy days"}, agent="Archivist", parent="c1")
    yield ToolResult("c2", "search", "3 cities", agent="Archivist", parent="c1")
    yield Text("Bergen leads.", agent="Archivist", parent="c1")
    yield ToolResult("c1", "ask_archivist", "Bergen leads.")
    yield "It rains most in **Bergen**."
"""
CAREFUL = '''from agentscope_runtime_nb import tool

@tool(confirm=True)
def delete(path: str, forever: bool = False) -> str:
    """Delete a file."""
    return f"{path} is gone"
'''
KEEPER = """%%agent_app keeper
from agentscope_runtime_nb import Agent, model

script = [{"when": r"delete (\\S+)", "call": {"name": "delete", "arguments": {"path": "{1}"}},
           "then": "Done: {tool_result}."}]
agent = Agent(system="You keep house.", model=model("scripted", script=script), tools=[delete])
answer = app.query(framework="builtin")(agent.reply)
"""
