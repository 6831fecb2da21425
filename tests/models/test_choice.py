from __future__ import annotations

import asyncio
import copy
import gc
import pickle
import subprocess
import sys
import weakref

import pytest

from agentscope_runtime_nb.models import ModelError, ScriptedServer, model, stop_servers

SECRET = "sk-very-secret-key"


def test_auto_is_local_without_keys():
    found = model("auto")
    assert (found.provider, found.name) == ("local", "SmolLM2-135M-Instruct")
    assert "OPENAI_API_KEY" in found.why
    assert not found.supports_tools
    assert found.base_url is None


@pytest.mark.parametrize(
    ("env", "provider", "name"),
    [
        ({"OPENAI_API_KEY": SECRET}, "openai", "gpt-5.4-mini"),
        ({"OPENAI_API_KEY": SECRET, "OPENAI_MODEL": "gpt-x"}, "openai", "gpt-x"),
        ({"OPENAI_BASE_URL": "http://127.0.0.1:1/v1"}, "custom", "gpt-5.4-mini"),
        ({"OPENAI_API_KEY": SECRET, "DASHSCOPE_API_KEY": "d"}, "openai", "gpt-5.4-mini"),
        ({"DASHSCOPE_API_KEY": SECRET}, "dashscope", "qwen-plus"),
        ({"DASHSCOPE_API_KEY": SECRET, "DASHSCOPE_MODEL": "qwen-max"}, "dashscope", "qwen-max"),
    ],
)
def test_auto_takes_what_the_environment_has(monkeypatch, env, provider, name):
    for key, value in env.items():
        monkeypatch.setenv(key, value)
    found = model()
    assert (found.provider, found.name) == (provider, name)
    assert any(key in found.why for key in env)
    assert SECRET not in found.why


@pytest.mark.parametrize(
    ("name", "env", "provider"),
    [
        ("gpt-5.4", {"OPENAI_API_KEY": SECRET}, "openai"),
        ("qwen-max", {"DASHSCOPE_API_KEY": SECRET}, "dashscope"),
        ("qwen-max", {"DASHSCOPE_API_KEY": SECRET, "OPENAI_API_KEY": "o"}, "dashscope"),
        ("deepseek-v3", {"DASHSCOPE_API_KEY": SECRET}, "dashscope"),
        ("deepseek-v3", {"DASHSCOPE_API_KEY": SECRET, "OPENAI_API_KEY": "o"}, "openai"),
        ("llama", {"OPENAI_BASE_URL": "http://127.0.0.1:1/v1"}, "custom"),
    ],
)
def test_a_name_goes_where_its_key_is(monkeypatch, name, env, provider):
    for key, value in env.items():
        monkeypatch.setenv(key, value)
    assert model(name).provider == provider


@pytest.mark.parametrize("env", [{}, {"DASHSCOPE_API_KEY": SECRET}])
def test_a_name_without_a_key_names_the_variables(monkeypatch, env):
    for key, value in env.items():
        monkeypatch.setenv(key, value)
    with pytest.raises(ModelError) as caught:
        model("gpt-5.4")
    assert caught.value.code == "model_no_key"
    for name in ("OPENAI_API_KEY", "OPENAI_BASE_URL", "DASHSCOPE_API_KEY"):
        assert name in str(caught.value)
    assert SECRET not in str(caught.value)


def test_a_gguf_is_a_local_model(tmp_path):
    path = tmp_path / "tiny.gguf"
    found = model(str(path))
    assert (found.provider, found.name, found.path) == ("local", "tiny", path)
    assert model(path).path == path


@pytest.mark.parametrize(
    "arguments",
    [
        {"name": "local", "api_key": "x"},
        {"name": "scripted", "base_url": "http://127.0.0.1"},
        {"name": "gpt-5.4", "script": [], "api_key": "x"},
        {"name": " ", "api_key": "x"},
    ],
)
def test_arguments_that_contradict_each_other(arguments):
    with pytest.raises(ModelError) as caught:
        model(arguments.pop("name"), **arguments)
    assert caught.value.code == "model_bad_option"


def test_the_key_never_shows():
    url = f"https://user:{SECRET}@example.invalid/v1"
    found = model("m", base_url=url, api_key=SECRET, temperature=0.5)
    shown = [repr(found), str(found), str(vars(found)), str(found.base_url)]
    shown += [str(found._repr_mimebundle_()), repr(pickle.dumps(found)), f"{found!r}"]
    assert not [text for text in shown if SECRET in text]
    again = pickle.loads(pickle.dumps(found))
    assert (again.name, again.options, again.provider) == ("m", {"temperature": 0.5}, "custom")
    assert copy.deepcopy(found) is found is copy.copy(found)


def test_an_unpickled_model_takes_the_key_that_is_there(monkeypatch):
    monkeypatch.setenv("OPENAI_API_KEY", SECRET)
    data = pickle.dumps(model("gpt-5.4"))
    assert pickle.loads(data).provider == "openai"
    monkeypatch.delenv("OPENAI_API_KEY")
    with pytest.raises(ModelError) as caught:
        pickle.loads(data)
    assert caught.value.code == "model_no_key"


def test_the_display_is_the_same_each_time():
    first, second = model("scripted"), model("scripted")
    assert first._repr_mimebundle_() == second._repr_mimebundle_()
    second.prepare()
    assert first._repr_mimebundle_() == second._repr_mimebundle_()
    assert "text/markdown" in first._repr_mimebundle_()


async def test_one_client_a_loop():
    found = model("scripted")
    assert await found.client() is await found.client()
    here = await found.client()

    async def elsewhere():
        return await found.client()

    there = await asyncio.to_thread(asyncio.run, elsewhere())
    assert there is not here
    assert there.is_closed()  # its loop is over
    assert not here.is_closed()
    await found.aclose()
    assert here.is_closed()


async def test_a_scripted_model_answers_and_is_forgotten():
    found = model("scripted", script=[{"say": "hello"}])
    client = await found.client()
    answer = await client.chat.completions.create(
        model=found.name, messages=[{"role": "user", "content": "hi"}]
    )
    assert answer.choices[0].message.content == "hello"
    assert [record.last_user for record in found.server.requests] == ["hi"]
    await found.aclose()
    gone = weakref.ref(found.server)
    del found
    gc.collect()
    assert gone() is None


async def test_a_closed_model_starts_again():
    found = model("scripted", script=[{"say": "hello"}])
    await found.client()
    found.close()
    assert found.base_url is None
    client = await found.client()
    assert (await client.models.list()).data[0].id == "scripted"
    found.close()
    await found.aclose()


async def test_all_servers_stop_at_once():
    both = [model("scripted").prepare(), model("scripted", script=[{"say": "x"}]).prepare()]
    assert all(found.base_url for found in both)
    stop_servers()
    assert not any(found.base_url for found in both)
    assert (await (await both[0].client()).models.list()).data
    await both[0].aclose()


async def test_a_custom_model_is_asked_where_it_is():
    with ScriptedServer([{"say": "{model}"}]) as server:
        found = model("mine", base_url=server.url, api_key=server.key)
        client = await found.client()
        answer = await client.chat.completions.create(
            model=found.name, messages=[{"role": "user", "content": "hi"}]
        )
        assert answer.choices[0].message.content == "mine"
        await found.aclose()


async def test_no_proxy_stands_before_our_own_servers(monkeypatch):
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:1")
    monkeypatch.setenv("ALL_PROXY", "http://127.0.0.1:1")
    found = model("scripted", script=[{"say": "x"}])
    client = await found.client()
    assert (await client.models.list()).data
    await found.aclose()
    found.close()


def test_describing_a_model_loads_nothing_heavy():
    code = (
        "import sys; from agentscope_runtime_nb.models import model; model('local');"
        "heavy = {'openai', 'fastapi', 'xllamacpp', 'uvicorn', 'rich', 'httpx2'};"
        "sys.exit(', '.join(sorted(heavy & set(sys.modules))) or None)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
