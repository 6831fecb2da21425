"""Conversations as a client without a notebook keeps them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from serving import ask, serve

from agentscope_runtime_nb import AgentApp

if TYPE_CHECKING:
    from pathlib import Path

KEYS = {"ann": "key-of-ann", "bob": "key-of-bob"}


def app_at(path: Path, **options: Any) -> AgentApp:
    app = AgentApp("talker", store=path, **options)

    @app.query
    async def answer(msgs: Any, request: Any) -> Any:
        earlier = [m.text for m in await request.history() if m.role == "user"]
        yield f"after {earlier}: {msgs[-1].text}"

    return app


async def test_a_conversation_is_listed_read_renamed_forked_and_deleted(tmp_path: Path) -> None:
    async with serve(app_at(tmp_path / "s")) as client:
        runs = [
            (await ask(client, {"input": text, "session_id": "a"}))[-1]["id"]
            for text in ("one", "two", "three")
        ]
        await ask(client, {"input": "other", "session_id": "b", "user_id": "u"})
    async with serve(app_at(tmp_path / "s")) as client:
        listed = (await client.get("/sessions")).json()["sessions"]
        assert [(s["session_id"], s["title"], s["turns"]) for s in listed] == [
            ("b", "other", 1),
            ("a", "one", 3),
        ]
        found = (await client.get("/sessions", params={"search": "THREE"})).json()["sessions"]
        assert [s["session_id"] for s in found] == ["a"]
        renamed = await client.patch("/sessions/a", json={"title": "Counting"})
        assert renamed.json()["title"] == "Counting"
        read = (await client.get("/sessions/a")).json()
        assert [turn["run_id"] for turn in read["messages"]] == runs
        assert read["messages"][2]["output"][0]["content"][0]["text"].endswith("three")
        fork = await client.post("/sessions/a/fork", json={"run_id": runs[1]})
        assert fork.json()["turns"] == 2
        ident = fork.json()["session_id"]
        said = await ask(client, {"input": "four", "session_id": ident})
        assert said[-1]["output"][0]["content"][0]["text"] == "after ['one', 'two']: four"
        assert (await client.delete("/sessions/a")).json() == {"deleted": 3}
        assert (await client.get("/sessions/a")).status_code == 404
        assert (await client.get(f"/sessions/{ident}")).status_code == 200


async def test_feedback_is_kept_with_the_run(tmp_path: Path) -> None:
    async with serve(app_at(tmp_path / "s")) as client:
        run = (await ask(client, {"input": "one", "session_id": "a"}))[-1]["id"]
        path = f"/process/runs/{run}/feedback"
        assert (await client.post(path, json={"rating": "up"})).status_code == 200
        assert (await client.post(path, json={"rating": "meh"})).status_code == 422
    async with serve(app_at(tmp_path / "s")) as client:
        assert (await client.post(path, json={"rating": "down"})).status_code == 404
        late = {"rating": "down", "comment": "wrong", "session_id": "a"}
        assert (await client.post(path, json=late)).status_code == 200
        (turn,) = (await client.get("/sessions/a")).json()["messages"]
        assert turn["feedback"] == {"rating": "down", "comment": "wrong"}


async def test_refusals_name_what_is_missing_or_taken(tmp_path: Path) -> None:
    async with serve(app_at(tmp_path / "s")) as client:
        run = (await ask(client, {"input": "one", "session_id": "a"}))[-1]["id"]
        await ask(client, {"input": "one", "session_id": "b"})
        taken = {"run_id": run, "session_id": "b"}
        for method, path, body, code in (
            ("GET", "/sessions/none", None, "RESOURCE_NOT_FOUND"),
            ("PATCH", "/sessions/none", {"title": "x"}, "RESOURCE_NOT_FOUND"),
            ("PATCH", "/sessions/a", {"title": 3}, "PARAMETER_VALIDATION"),
            ("DELETE", "/sessions/none", None, "RESOURCE_NOT_FOUND"),
            ("POST", "/sessions/a/fork", {"run_id": "none"}, "RESOURCE_NOT_FOUND"),
            ("POST", "/sessions/a/fork", taken, "ID_IN_USE"),
        ):
            answer = await client.request(method, path, json=body)
            assert answer.json()["error"]["code"] == code, (method, path)


async def test_another_principal_sees_nothing(tmp_path: Path) -> None:
    async with serve(app_at(tmp_path / "s", api_keys=KEYS)) as client:
        ann = {"Authorization": "Bearer key-of-ann"}
        bob = {"Authorization": "Bearer key-of-bob"}
        body = {"input": "secret", "session_id": "a"}
        await client.post("/process", json=body, headers=ann)
        assert (await client.get("/sessions", headers=bob)).json() == {"sessions": []}
        assert (await client.get("/sessions/a", headers=bob)).status_code == 404
        assert (await client.delete("/sessions/a", headers=bob)).status_code == 404
        assert (await client.get("/sessions")).status_code == 401
        assert (await client.get("/sessions/a", headers=ann)).status_code == 200
