import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { ScriptedModel } from "../harness/scripted-model";
import { assetsFrom, hasAsset, loadAsset } from "../ui/assets";

const encode = (text: string): DataView => new DataView(new TextEncoder().encode(text).buffer);
const FILE = "hljs-rust-ABC.js";

beforeEach(() => {
  vi.useFakeTimers();
  vi.spyOn(URL, "createObjectURL").mockImplementation((blob) => {
    expect((blob as Blob).type).toBe("text/javascript");
    return "data:text/javascript,export const here = true"; // Node cannot import blobs
  });
  vi.spyOn(URL, "revokeObjectURL").mockImplementation(() => undefined);
});

afterEach(() => {
  vi.useRealTimers();
  vi.restoreAllMocks();
});

describe("assets without a server", () => {
  it("come by the comm, asked for once a page, from the next kernel when one is silent", async () => {
    const models = [new ScriptedModel(), new ScriptedModel(), new ScriptedModel()];
    const detach = models.map((model) => assetsFrom(model, ""));
    (models[2] as ScriptedModel).broken = true;
    const first = loadAsset<{ here: boolean }>("hljs-rust");
    expect(loadAsset("hljs-rust")).toBe(first);
    expect(models.map((model) => model.sent.length)).toEqual([0, 1, 0]);
    expect(models[1]?.sent[0]).toMatchObject({ type: "asset", name: FILE });
    await vi.advanceTimersByTimeAsync(9_000);
    expect(models[0]?.sent).toMatchObject([{ type: "asset", name: FILE }]);
    models[0]?.say({ type: "asset", name: "other.js", css: "" }, [encode("")]);
    models[0]?.say({ type: "asset", name: FILE, css: "" });
    models[0]?.say({ type: "asset", name: FILE, css: "r.css" }, [encode("-"), encode(".r{}")]);
    await vi.runAllTimersAsync();
    expect((await first).here).toBe(true);
    expect(document.getElementById("r.css")?.textContent).toBe(".r{}");
    for (const end of detach) end();
  });

  it("are those of the build alone", async () => {
    expect(hasAsset("hljs-rust")).toBe(true);
    expect(hasAsset("toString")).toBe(false);
    await expect(loadAsset("../evil")).rejects.toThrow("no asset");
  });
});
