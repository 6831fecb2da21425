from __future__ import annotations

import asyncio
import json
import os
import socket
import subprocess
import sys
import uuid
from contextlib import closing
from pathlib import Path

import pytest

FOREIGN = {"Origin": "https://evil.example"}


def code(answer):
    return answer.status_code, answer.json()["error"]["code"]


# ---- who


async def test_without_a_token_there_is_nothing(stranger, backend):
    for method in ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"):
        answer = await stranger.request(method, backend.url + "echo")
        assert answer.status_code == 403
        assert "location" not in answer.headers
        if method != "HEAD":
            assert code(answer) == (403, "ACCESS_DENIED")


async def test_a_wrong_token_is_none(stranger, backend, jupyter):
    headers = {"Authorization": "token wrong"}
    assert (await stranger.post(backend.url + "echo", headers=headers)).status_code == 403
    assert (await stranger.get(jupyter.root + "status", headers=headers)).status_code == 403


async def test_other_sites_are_refused(client, browser, backend):
    for caller in (client, browser):
        xsrf = {"X-XSRFToken": browser.cookies["_xsrf"]}
        for method in ("GET", "POST"):
            answer = await caller.request(method, backend.url + "echo", headers=FOREIGN | xsrf)
            assert code(answer) == (403, "ACCESS_DENIED")
            assert "access-control-allow-origin" not in answer.headers
    for site in ("cross-site", "same-site"):
        answer = await browser.get(backend.url + "echo", headers={"Sec-Fetch-Site": site})
        assert code(answer) == (403, "ACCESS_DENIED")


@pytest.mark.ordinary_user
async def test_a_page_of_this_server_needs_the_xsrf_token_to_write(browser, backend, jupyter):
    own = {"Origin": jupyter.origin, "Sec-Fetch-Site": "same-origin"}
    assert (await browser.get(backend.url + "echo", headers=own)).status_code == 200
    assert code(await browser.post(backend.url + "echo", headers=own)) == (403, "ACCESS_DENIED")
    own["X-XSRFToken"] = browser.cookies["_xsrf"]
    assert (await browser.post(backend.url + "echo", headers=own)).status_code == 200


async def test_the_status_says_which_contract_is_kept(client, jupyter):
    answer = await client.get(jupyter.root + "status")
    assert answer.json()["schema"] == 1


# ---- what passes by


async def test_nothing_of_jupyters_reaches_an_app(browser, client, backend, jupyter):
    xsrf = browser.cookies["_xsrf"]
    url = backend.url + f"echo?%74oken=y&token={jupyter.token}&a=1&_xsrf={xsrf}&b"
    headers = {
        "X-XSRFToken": xsrf,
        "X-Forwarded-Prefix": "/evil",
        "X-Forwarded-For": "1.2.3.4",
        "Last-Event-ID": "r:7",
        "Accept": "text/event-stream",
    }
    for caller in (browser, client):
        answer = (await caller.post(url, headers=headers, json={})).json()
        told = json.dumps(answer)
        assert jupyter.token not in told
        assert xsrf not in told
        assert answer["query"] == "a=1&b"
        assert answer["headers"]["last-event-id"] == "r:7"
        assert answer["headers"]["accept"] == "text/event-stream"
        assert answer["headers"]["x-forwarded-prefix"].startswith("/user/ann/")
        allowed = {
            "host", "connection", "accept", "accept-language", "content-type", "content-length",
            "last-event-id", "user-agent", "x-forwarded-prefix",
        }  # fmt: skip
        assert set(answer["headers"]) <= allowed


async def test_an_apps_page_can_do_nothing_here(browser, backend):
    answer = await browser.get(backend.url + "page")
    headers = answer.headers
    assert headers["content-security-policy"].startswith("sandbox; default-src 'none'")
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["cache-control"] == "no-cache"
    assert headers["content-disposition"] == 'inline; filename="h\xf6me"'
    for name in (
        "set-cookie",
        "access-control-allow-origin",
        "service-worker-allowed",
        "x-frame-options",
    ):
        assert name not in headers, name
    answer = await browser.get(backend.url + "plain?status=200")
    assert answer.headers["content-type"] == "application/octet-stream"
    assert answer.headers["content-security-policy"].startswith("sandbox")


async def test_a_redirect_stays_within_the_app(client, backend):
    async def leads(to):
        answer = await client.get(backend.url + "elsewhere", params={"to": to})
        assert answer.status_code == 307
        return answer.headers.get("location")

    prefix = "/" + backend.url.split("/", 3)[3].removesuffix("/friday/")
    assert await leads("http://localhost/friday/a?b=1") == f"{prefix}/friday/a?b=1"
    assert await leads("/friday/a") == f"{prefix}/friday/a"
    assert await leads(f"http://localhost{prefix}/friday/a") == f"{prefix}/friday/a"
    for to in ("https://evil.example/", "//evil.example/friday/", "/api/contents", "javascript:1"):
        assert await leads(to) is None
    assert await leads("/friday/../api/contents") is None


# ---- where to


@pytest.mark.parametrize(
    "rest",
    [
        "../x",
        "a/../../x",
        "%2e%2e/x",
        "a/%2E./x",
        "./x",
        "a%2fb",
        "a%5cb",
        "a\\b",
        "a%00b",
        "a%0d%0aX: y",
        "a%zz",
        "a\xe9",
    ],
)
async def test_a_crooked_path_is_refused(jupyter, backend, rest):
    reader, writer = await asyncio.open_connection("127.0.0.1", jupyter.port)
    path = (backend.url + rest).removeprefix(jupyter.origin)
    head = f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1:{jupyter.port}\r\nConnection: close\r\n"
    writer.write(f"{head}Authorization: token {jupyter.token}\r\n\r\n".encode("latin-1"))
    answer = await asyncio.wait_for(reader.read(), 10)
    writer.close()
    assert b" 400 " in answer.split(b"\r\n")[0], answer


@pytest.mark.parametrize(
    ("kernel_id", "app", "expected"),
    [
        (str(uuid.UUID(int=5)), "friday", (404, "KERNEL_NOT_FOUND")),
        ("..%2f..%2fetc", "friday", (400, "INVALID_PARAMETER")),
        ("a.b", "friday", (400, "INVALID_PARAMETER")),
        ("x" * 65, "friday", (400, "INVALID_PARAMETER")),
        ("KERNEL", "fri.day", (400, "INVALID_PARAMETER")),
        ("KERNEL", "fri%64ay", (400, "INVALID_PARAMETER")),
        ("KERNEL", "%2e%2e", (400, "INVALID_PARAMETER")),
    ],
)
async def test_kernels_and_apps_are_names_not_paths(client, backend, kernel_id, app, expected):
    kernel_id = kernel_id.replace("KERNEL", backend.kernel_id)
    answer = await client.get(
        backend.url.replace(f"{backend.kernel_id}/friday", f"{kernel_id}/{app}") + "echo"
    )
    assert code(answer) == expected


async def test_an_entry_that_cannot_be_followed_is_explained(client, jupyter, backend, tmp_path):
    folder = Path(jupyter.environment["JUPYTER_RUNTIME_DIR"]) / "agentscope-nb"
    entry = json.loads((folder / f"{backend.kernel_id}.json").read_text())

    async def answer(**changes):
        kernel_id = f"changed-{uuid.uuid4()}"
        path = folder / f"{kernel_id}.json"
        path.touch(0o600)
        path.write_text(json.dumps(entry | {"kernel_id": kernel_id} | changes))
        try:
            return await client.get(f"{jupyter.root}apps/{kernel_id}/friday/echo")
        finally:
            path.unlink()

    assert (await answer()).status_code == 200
    newer = await answer(schema=2)
    assert code(newer) == (502, "SCHEMA_MISMATCH")
    assert "server's" in newer.json()["error"]["message"]
    assert code(await answer(pid=2**22 + 1)) == (502, "KERNEL_GONE")
    assert code(await answer(started="1")) == (502, "KERNEL_GONE")
    assert code(await answer(socket=str(tmp_path / "gone"))) == (502, "KERNEL_GONE")
    assert code(await answer(socket="/etc/passwd")) == (502, "REGISTRY_INVALID")
    deaf = tmp_path / "private" / "s"
    deaf.parent.mkdir(0o700)
    with closing(socket.socket(socket.AF_UNIX)) as bound:
        bound.bind(os.path.relpath(deaf))
    assert code(await answer(socket=str(deaf))) == (502, "KERNEL_GONE")


# ---- what it costs


def test_no_route_is_open_by_mistake(another_jupyter, tmp_path):
    with another_jupyter(tmp_path, "--ServerApp.allow_unauthenticated_access=False") as server:
        log = server.log.read_text()
    assert "agentscope_runtime_nb | extension was successfully loaded" in log
    assert "JupyterServerAuthWarning" not in log
    assert "agentscope-nb" not in log.replace("agentscope-nb/status", "")


def test_the_server_imports_nothing_heavy():
    script = (
        "import sys, jupyter_server.serverapp; before = set(sys.modules);"
        "import agentscope_runtime_nb.server_extension.proxy;"
        "new = {name.partition('.')[0] for name in set(sys.modules) - before};"
        "print(*sorted(new))"
    )
    environment = os.environ | {"PYTHONWARNINGS": "ignore"}
    run = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True, env=environment
    )
    assert set(run.stdout.split()) <= {"agentscope_runtime_nb", "h11"}


async def test_a_question_counts_as_activity_and_a_poll_does_not(client, backend, jupyter):
    async def last():
        answer = await client.get(f"{jupyter.origin}/user/ann/api/status")
        return answer.json()["last_activity"]

    before = await last()
    await client.get(backend.url + "echo")
    await client.get(jupyter.root + "status")
    assert await last() == before
    await client.post(backend.url + "echo", json={})
    assert await last() > before
