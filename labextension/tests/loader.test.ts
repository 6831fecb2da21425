import { describe, expect, it, vi } from "vitest";
import { ScriptedModel } from "../harness/scripted-model";
import loader from "../widgets/loader";

const encode = (text: string): DataView => new DataView(new TextEncoder().encode(text).buffer);

describe("loader", () => {
  it("takes the application by the comm where there is no server, once for all widgets", async () => {
    const urls: string[] = [];
    const create = vi.spyOn(URL, "createObjectURL");
    create.mockImplementation(() => {
      // Node cannot import blobs: the same module as a data URL.
      const module =
        "export function mount(model, el) { el.textContent = model.get('app'); return () => {}; }";
      urls.push(module);
      return `data:text/javascript,${encodeURIComponent(module)}`;
    });
    vi.spyOn(URL, "revokeObjectURL").mockImplementation(() => undefined);
    const traits = { asset: "chat-ABC.js", asset_css: "chat-DEF.css" };
    const models = [
      new ScriptedModel({ ...traits, app: "one" }),
      new ScriptedModel({ ...traits, app: "two" }),
    ];
    const elements = models.map((model) => {
      const el = document.createElement("div");
      document.body.append(el);
      loader.initialize({ model });
      loader.render({ model, el });
      return el;
    });
    await vi.waitFor(() =>
      expect(models[0]?.sent).toMatchObject([{ type: "asset", name: "chat-ABC.js" }]),
    );
    models[0]?.say({ type: "asset", name: "other.js", css: "" }, [encode("throw 1"), encode("")]);
    models[0]?.say({ type: "asset", name: "chat-ABC.js", css: "" }, [encode("-"), encode(".x{}")]);
    await vi.waitFor(() => expect(elements.map((el) => el.textContent)).toEqual(["one", "two"]));
    expect(urls).toHaveLength(1);
    expect(document.getElementById("chat-DEF.css")?.textContent).toBe(".x{}");
    expect(models[1]?.sent).toEqual([]);
  });

  it("loads nothing that is not named as ours", async () => {
    const model = new ScriptedModel({ asset: "../../evil.js", asset_css: "chat-DEF.css" });
    const el = document.createElement("div");
    loader.initialize({ model });
    loader.render({ model, el });
    await vi.waitFor(() => expect(el.textContent).toContain("names no application"));
    expect(model.sent).toEqual([]);
  });

  it("marks the output area it lives in", async () => {
    const area = document.createElement("div");
    area.className = "jp-OutputArea";
    const el = document.createElement("div");
    area.append(el);
    document.body.append(area);
    const dispose = loader.render({
      model: new ScriptedModel({ asset: "chat-ABC.js", asset_css: "chat-DEF.css" }),
      el,
    });
    expect(area.classList.contains("asnb-live")).toBe(true);
    dispose();
    expect(area.classList.contains("asnb-live")).toBe(false);
  });
});
