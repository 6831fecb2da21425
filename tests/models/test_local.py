"""The local model as it is: a real model in a real child process."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import httpx2
import openai
import pytest

from agentscope_runtime_nb.models import ModelError, model
from agentscope_runtime_nb.models.local import LocalServer, local_server, running
from agentscope_runtime_nb.models.weights import SMOLLM2, fetch

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def weights(monkeypatch):
    """Fetch the real file, once for this machine."""
    monkeypatch.setenv("AGENTSCOPE_NB_CACHE", str(ROOT / ".cache"))
    return fetch()


@pytest.fixture
async def local(weights):
    found = model("local")
    yield found
    await found.aclose()


def alive(pid):
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    # A child that its parent has not yet asked about is dead all the same.
    return "Z" not in Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]


def told_to_all(pid):
    return "".join(Path(f"/proc/{pid}/{name}").read_text() for name in ("cmdline", "environ"))


def until(condition, seconds=15.0):
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.02)


@pytest.mark.local_model
@pytest.mark.timeout(300)
async def test_it_really_answers(local):
    client = await local.client()
    question = [{"role": "user", "content": "What can you do?"}]
    answer = await client.chat.completions.create(
        model=local.name, messages=question, max_tokens=30
    )
    assert len(answer.choices[0].message.content) > 10
    assert answer.usage.completion_tokens > 0
    stream = await client.chat.completions.create(
        model=local.name,
        messages=question,
        stream=True,
        max_tokens=20,
        stream_options={"include_usage": True},
    )
    got = [chunk async for chunk in stream]
    assert len([c for c in got if c.choices and c.choices[0].delta.content]) > 5
    assert got[-1].usage.completion_tokens > 0
    response = await client.responses.create(
        model=local.name, input="Say hello.", max_output_tokens=20
    )
    assert response.output_text
    # The engine leaves out indexes that the SDK's own `stream` relies on; the events come.
    events = await client.responses.create(
        model=local.name, input="Say hello.", max_output_tokens=20, stream=True
    )
    assert [event async for event in events][-1].type == "response.completed"


@pytest.mark.local_model
@pytest.mark.timeout(300)
async def test_one_server_for_all_who_ask(local):
    async def ask(number):
        client = await model("local").client()
        answer = await client.chat.completions.create(
            model=local.name,
            messages=[{"role": "user", "content": f"Say the number {number}."}],
            max_tokens=10,
        )
        return answer.choices[0].message.content

    assert all(await asyncio.gather(*(ask(number) for number in range(6))))
    assert local_server() is local_server(SMOLLM2.path)
    assert running() is not None


@pytest.mark.local_model
@pytest.mark.timeout(300)
async def test_it_wants_its_key_and_stays_at_home(local):
    await local.client()
    url = local.base_url
    assert url.startswith("http://127.0.0.1:")
    with httpx2.Client(trust_env=False) as client:
        body = {"messages": [{"role": "user", "content": "x"}]}
        for headers in ({}, {"Authorization": "Bearer wrong"}):
            answer = client.post(f"{url}/chat/completions", json=body, headers=headers)
            assert answer.status_code == 401
    seen = repr(running()) + repr(local) + told_to_all(local_server().pid)
    assert running().key not in seen


@pytest.mark.local_model
@pytest.mark.timeout(300)
async def test_a_question_that_is_too_long_is_refused(local):
    client = await local.client()
    with pytest.raises(openai.BadRequestError) as caught:
        await client.chat.completions.create(
            model=local.name, messages=[{"role": "user", "content": "word " * 20_000}]
        )
    assert caught.value.type == "exceed_context_size_error"


@pytest.mark.local_model
@pytest.mark.timeout(300)
async def test_it_stops_computing_when_nobody_listens(local):
    client = await local.client()
    stream = await client.chat.completions.create(
        model=local.name,
        messages=[{"role": "user", "content": "Tell a very long story."}],
        stream=True,
        extra_body={"ignore_eos": True},
    )
    await anext(aiter(stream))
    endpoint = running()
    headers = {"Authorization": f"Bearer {endpoint.key}"}
    with httpx2.Client(trust_env=False, headers=headers) as slots:

        def busy():
            found = slots.get(f"{endpoint.url.removesuffix('/v1')}/slots").json()
            return any(slot["is_processing"] for slot in found)

        assert busy()
        await stream.close()
        # The whole story would take it ten seconds at the very least.
        await asyncio.to_thread(until, lambda: not busy(), 7)


@pytest.mark.local_model
@pytest.mark.timeout(300)
async def test_a_server_that_died_is_replaced(local):
    await local.client()
    before = running()
    os.kill(local_server().pid, signal.SIGKILL)
    until(lambda: running() is None)
    client = await local.client()
    assert running() != before
    assert (await client.models.list()).data


@pytest.mark.local_model
@pytest.mark.timeout(300)
@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGTERM, None])
def test_nothing_outlives_its_process(weights, how):
    code = (
        "import sys; from agentscope_runtime_nb.models import model;"
        "from agentscope_runtime_nb.models.local import local_server;"
        "model('local').prepare(); print(local_server().pid, flush=True); sys.stdin.read()"
    )
    with subprocess.Popen(
        [sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as parent:
        child = int(parent.stdout.readline())
        assert alive(child)
        if how is None:
            parent.stdin.close()
        else:
            parent.send_signal(how)
        parent.wait(20)
        until(lambda: not alive(child))


@pytest.mark.local_model
@pytest.mark.timeout(300)
def test_a_path_with_a_space_and_foreign_letters(weights, tmp_path):
    path = tmp_path / "Zoë 家" / "my model.gguf"
    path.parent.mkdir()
    path.symlink_to(weights)
    found = model(path)
    assert found.prepare() is found
    endpoint = running(path)
    headers = {"Authorization": f"Bearer {endpoint.key}"}
    with httpx2.Client(trust_env=False, headers=headers) as client:
        assert client.get(f"{endpoint.url}/models").status_code == 200
    found.close()
    assert found.base_url is None


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (None, "model_file_unreadable"),
        (b"not a model", "model_file_invalid"),
        (b"GGUF" + bytes(1000), "model_start_failed"),
    ],
)
def test_a_bad_file_is_named_at_once(tmp_path, content, code):
    path = tmp_path / "bad.gguf"
    if content is not None:
        path.write_bytes(content)
    started = time.monotonic()
    with pytest.raises(ModelError) as caught:
        model(path).prepare()
    assert caught.value.code == code
    assert "bad.gguf" in str(caught.value)
    assert time.monotonic() - started < 30
    assert running(path) is None


@pytest.mark.local_model
def test_half_a_file_is_named_at_once(weights, tmp_path):
    path = tmp_path / "half.gguf"
    with weights.open("rb") as whole:
        path.write_bytes(whole.read(5_000_000))
    with pytest.raises(ModelError) as caught:
        LocalServer(path).ensure()
    assert caught.value.code == "model_start_failed"
    assert "corrupted" in str(caught.value)


def test_without_the_engine_the_extra_is_named(tmp_path):
    code = (
        "import sys; sys.modules['xllamacpp'] = None\n"
        "from agentscope_runtime_nb.models import ModelError, model\n"
        "try:\n    model('local').prepare()\n"
        "except ModelError as error:\n    print(error.code, error)\n"
    )
    env = {**os.environ, "AGENTSCOPE_NB_CACHE": str(tmp_path)}
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, env=env
    )
    assert done.stdout.startswith("model_engine_missing ")
    assert "agentscope-runtime-nb[local]" in done.stdout
    assert not list(tmp_path.iterdir())  # nothing is fetched in vain
