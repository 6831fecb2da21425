import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { ScriptedModel } from "../harness/scripted-model";
import { Channel, jupyterBaseUrl } from "../ui/channel";

const BASE = "http://localhost:3000/user/ann%40x/";
const PATH = "agentscope-nb/apps/k1/friday/chat/w1";
const send = { id: "1", type: "send", text: "hi" } as const;
const requests: { url: string; init: RequestInit }[] = [];
let answer: () => Promise<Response>;

beforeEach(() => {
  requests.length = 0;
  answer = async () => Response.json({ ok: true });
  vi.stubGlobal("fetch", (url: string | URL, init: RequestInit) => {
    requests.push({ url: String(url), init });
    return answer();
  });
  // biome-ignore lint/suspicious/noDocumentCookie: the page's cookie is what is tested
  document.cookie = "_xsrf=a%7Cb";
});

afterEach(() => {
  vi.unstubAllGlobals();
  vi.useRealTimers();
});

function channel(traits: Record<string, unknown> = { http_path: PATH }): [Channel, ScriptedModel] {
  const model = new ScriptedModel(traits);
  return [new Channel(model, BASE), model];
}

describe("channel", () => {
  it("sends by HTTP alone when that works, with the XSRF token", async () => {
    const [road, model] = channel();
    expect(await road.send(send)).toBe("taken");
    expect(requests[0]?.url).toBe(BASE + PATH);
    expect(requests[0]?.init.headers).toMatchObject({ "X-XSRFToken": "a|b" });
    expect(JSON.parse(String(requests[0]?.init.body))).toEqual(send);
    expect(model.sent).toEqual([]);
  });

  it.each([
    ["the server is old", async () => new Response("not found", { status: 404 })],
    [
      "the kernel's socket is gone",
      async () => Response.json({ error: { message: "x" } }, { status: 502 }),
    ],
    ["the network fails", () => Promise.reject(new TypeError("failed"))],
  ])("falls back to the comm when %s", async (_, reply) => {
    const [road, model] = channel();
    answer = reply;
    expect(await road.send(send)).toBe("unreachable");
    expect(model.sent).toEqual([send]);
  });

  it("shows the XSRF token when it asks for the server's schema, as a hub demands", async () => {
    const [road] = channel();
    answer = async () => Response.json({ schema: 1 });
    expect(await road.serverSchema()).toBe(1);
    expect(requests[0]?.init.headers).toHaveProperty("X-XSRFToken");
  });

  it("tells a refusal from a closed road", async () => {
    const [road, model] = channel();
    answer = async () =>
      Response.json({ error: { code: "SESSION_BUSY", message: "busy" } }, { status: 409 });
    expect(await road.send(send)).toEqual({ refused: "busy" });
    expect(model.sent).toEqual([]);
  });

  it("knows a kernel that it reached before and that is gone now", async () => {
    const [road] = channel();
    const gone = vi.fn();
    road.onGone = gone;
    answer = async () =>
      Response.json({ error: { code: "KERNEL_NOT_FOUND", message: "x" } }, { status: 404 });
    await road.send(send);
    expect(gone).not.toHaveBeenCalled(); // it may run where this server cannot see it
    const refusal = answer;
    answer = async () => Response.json({ ok: true });
    await road.send(send);
    answer = refusal;
    await road.send(send);
    expect(gone).toHaveBeenCalledOnce();
  });

  it("passes on what the server says of a schema it does not know", async () => {
    const [road, model] = channel();
    const told = vi.fn();
    road.onMismatch = told;
    answer = async () =>
      Response.json({ error: { code: "SCHEMA_MISMATCH", message: "upgrade" } }, { status: 502 });
    await road.send(send);
    await road.send(send);
    expect(told).toHaveBeenCalledWith("upgrade");
    expect(requests).toHaveLength(1);
    expect(model.sent).toEqual([send, send]);
  });

  it("uses the comm as well when HTTP takes long", async () => {
    vi.useFakeTimers();
    const [road, model] = channel();
    answer = () => new Promise(() => undefined);
    void road.send(send);
    await vi.advanceTimersByTimeAsync(5000);
    expect(model.sent).toEqual([send]);
  });

  it("sends a stop by every road at once", async () => {
    const [road, model] = channel({ http_path: PATH, stop_path: "stop" });
    const stop = { id: "2", type: "stop", run_id: "r1" } as const;
    const first = road.urgent(stop);
    expect(model.sent).toEqual([stop]);
    expect(requests).toHaveLength(1);
    expect(await first).toBe("taken");
    answer = async () => new Response("", { status: 404 });
    await road.urgent(stop);
    expect(requests.map(({ url }) => url)).toEqual([BASE + PATH, BASE + PATH, `${BASE}stop`]);
    expect(JSON.parse(String(requests[2]?.init.body))).toEqual({ run_id: "r1" });
  });

  it("stays on the Jupyter server, whatever the kernel names", async () => {
    for (const http_path of [
      "https://evil.example/x",
      "//evil.example/x",
      "../../elsewhere",
      "/api/shutdown",
    ]) {
      const [road, model] = channel({ http_path });
      await road.send(send);
      expect(model.sent).toEqual([send]);
    }
    expect(requests).toEqual([]);
  });

  it("knows the server's schema", async () => {
    const [road] = channel();
    answer = async () => Response.json({ schema: 2 });
    expect(await road.serverSchema()).toBe(2);
    answer = async () => new Response("", { status: 404 });
    expect(await road.serverSchema()).toBeNull();
    expect(await channel({})[0].serverSchema()).toBeNull();
  });

  it("finds the server in the page, when there is one", () => {
    expect(jupyterBaseUrl()).toBeNull();
    const script = document.createElement("script");
    script.id = "jupyter-config-data";
    script.type = "application/json";
    script.textContent = '{"baseUrl":"/user/ann%40x/"}';
    document.body.append(script);
    expect(jupyterBaseUrl()).toBe(BASE);
    script.remove();
  });
});
