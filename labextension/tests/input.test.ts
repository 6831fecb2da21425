import { describe, expect, it } from "vitest";
import { RunScript } from "../harness/script";
import type { ScriptedModel } from "../harness/scripted-model";
import { button, click, fill, open, page, press, sentTypes, settle, write } from "./chat-page";

const INFO = {
  starters: [{ label: "Try this", text: "Say something long" }],
  commands: [
    { name: "help", description: "What can be asked" },
    { name: "weather", description: "A forecast" },
  ],
  settings: [
    { name: "tone", kind: "choice", choices: ["warm", "terse"], default: "warm" },
    { name: "steps", kind: "number", default: 3 },
    { name: "shout", kind: "switch", default: false },
  ],
  models: ["a", "b"],
  model: "a",
};
const first = new RunScript("r1").text("One").end();
const second = new RunScript("r2").text("Two").end();
const talk = { turns: [first.turn("first"), second.turn("second")] };
const session = (id: string, title: string, turns = 2): Record<string, unknown> => ({
  session_id: id,
  title,
  turns,
  updated: Date.now() / 1000 - 7200,
  preview: `about ${title}`,
});
const file = (name: string, type: string, size = 3): File =>
  new File([new Uint8Array(size)], name, { type });

async function told(model: ScriptedModel, search: string, ...sessions: unknown[]): Promise<void> {
  model.say({ type: "sessions", search, sessions });
  await settle();
}

/** Files come in as a paste or a drop; jsdom has neither transfer nor clipboard. */
async function bring(type: "paste" | "drop", files: File[], text = "", types = ["Files"]) {
  const transfer = { files, types, getData: () => text };
  const event = new Event(type, { bubbles: true, cancelable: true });
  Object.assign(event, { clipboardData: transfer, dataTransfer: transfer });
  page.el.querySelector("textarea")?.dispatchEvent(event);
  for (let i = 0; i < 6; i++) await settle(100);
  return event;
}

const text = (): string => page.el.textContent ?? "";
const count = (selector: string): number => page.el.querySelectorAll(selector).length;

describe("an empty chat", () => {
  it("offers starters and recent sessions", async () => {
    const model = await open({ info: INFO });
    await told(model, "", session("s1", "this one"), session("s2", "Lisbon"), session("s3", "", 0));
    expect(page.el.querySelector(".asnb-recent")?.textContent).toBe("ContinueLisbon2 hours ago");
    page.el.querySelector<HTMLElement>(".asnb-recent-entry")?.click();
    expect(model.sent.at(-1)).toMatchObject({ type: "open", session_id: "s2" });
    await click("Try this");
    expect(model.sent.at(-1)).toMatchObject({ type: "send", text: "Say something long" });
    expect(count(".asnb-starter")).toBe(0);
    expect(document.activeElement?.tagName).toBe("TEXTAREA");
  });

  it("survives what is no info at all", async () => {
    await open({ info: { starters: [{ label: 3 }, null, "x"], commands: "y" }, settings: [1] });
    expect(count(".asnb-starter")).toBe(0);
  });
});

describe("sessions", () => {
  it("are listed, searched, opened; Esc closes and gives the focus back", async () => {
    const model = await open({ ...talk, title: "Trip \u202e" });
    expect(page.el.querySelector(".asnb-title")?.textContent).toBe("Trip [U+202E]");
    await click("Sessions");
    expect(text()).toContain("Loading");
    expect(document.activeElement?.getAttribute("type")).toBe("search");
    await told(model, "", session("s1", "Trip"), session("s2", "<b>x</b>"), { odd: 1 });
    expect(count(".asnb-session")).toBe(2);
    expect(page.el.querySelector("[aria-current=true]")?.textContent).toContain("Trip");
    await fill("input[type=search]", "zeb");
    expect(sentTypes(model).filter((type) => type === "sessions")).toHaveLength(1);
    await settle(400);
    expect(model.sent.at(-1)).toMatchObject({ type: "sessions", search: "zeb" });
    await told(model, "another view's", session("s9", "not ours"));
    expect(text()).not.toContain("not ours");
    await told(model, "zeb");
    expect(text()).toContain("Nothing was found for “zeb”");
    await fill("input[type=search]", "");
    await told(model, "", session("s1", "Trip"), session("s2", "Lisbon"));
    await press("input[type=search]", "ArrowDown");
    await press(".asnb-session-open", "ArrowDown");
    expect(document.activeElement?.textContent).toContain("Lisbon");
    (document.activeElement as HTMLElement).click();
    expect(model.sent.at(-1)).toMatchObject({ type: "open", session_id: "s2" });
    await settle();
    await click("Sessions");
    await press("input[type=search]", "Escape");
    expect(count(".asnb-sessions")).toBe(0);
    expect(document.activeElement).toBe(button("Sessions"));
  });

  it("are renamed and deleted, at once and after a question", async () => {
    const model = await open(talk);
    await click("Sessions");
    await told(model, "", session("s2", "Lisbon"));
    await click("Rename");
    await fill(".asnb-session input", "Porto");
    await press(".asnb-session input", "Enter");
    expect(model.sent.map((message) => message["title"])).toContain("Porto");
    expect(page.el.querySelector(".asnb-session-title")?.textContent).toBe("Porto");
    await click("Delete");
    expect(sentTypes(model)).not.toContain("delete");
    await press(".asnb-danger", "Escape");
    await click("Delete");
    await click("Delete");
    expect(sentTypes(model)).toContain("delete");
    expect(count(".asnb-session")).toBe(0);
    await told(model, "");
    expect(text()).toContain("No sessions yet");
  });

  it("need a kernel, and wait for an answer", async () => {
    const running = { status: { state: "running", run_id: "r2" }, ...talk };
    const model = await open(running);
    await click("Sessions");
    await told(model, "", session("s2", "Lisbon"));
    expect(page.el.querySelector<HTMLButtonElement>(".asnb-session-open")?.disabled).toBe(true);
    page.unmount();
    page.el.classList.add("jupyter-widgets-disconnected");
    await open(talk);
    await click("Sessions");
    expect(text()).toContain("Run the cell again to see them");
  });
});

describe("a question", () => {
  it("is edited in its place, with a warning of what goes", async () => {
    const model = await open(talk);
    await click("Edit message");
    expect(page.el.querySelector<HTMLTextAreaElement>(".asnb-editor textarea")?.value).toBe(
      "first",
    );
    expect(text()).toContain("The turn after it will be taken back.");
    await press(".asnb-editor textarea", "Escape");
    expect(count(".asnb-editor")).toBe(0);
    expect(document.activeElement).toBe(button("Edit message"));
    await click("Edit message");
    await fill(".asnb-editor textarea", "better");
    await press(".asnb-editor textarea", "Enter");
    expect(model.sent.at(-1)).toMatchObject({ type: "edit", run_id: "r1", text: "better" });
    expect(count(".asnb-editor")).toBe(0);
  });

  it("is gone on from in a new session, which says so", async () => {
    const model = await open(talk);
    await click("Fork from here");
    expect(model.sent.at(-1)).toMatchObject({ type: "fork", run_id: "r1" });
    model.say({ type: "snapshot", turns: [first.turn("first")], session_id: "s2" });
    await settle();
    expect(page.el.querySelector(".asnb-banner")?.textContent).toContain("A new session");
    await click("Dismiss");
    expect(count(".asnb-banner")).toBe(0);
  });

  it("that is being edited is kept while another view asks", async () => {
    const model = await open(talk);
    await click("Edit message");
    await fill(".asnb-editor textarea", "half written");
    model.set("status", { state: "running", run_id: "r3" });
    await settle();
    expect(page.el.querySelector<HTMLTextAreaElement>(".asnb-editor textarea")?.value).toBe(
      "half written",
    );
    await press(".asnb-editor textarea", "Enter");
    expect(sentTypes(model)).not.toContain("edit");
    model.set("status", { state: "idle" });
    await settle();
    await press(".asnb-editor textarea", "Enter");
    expect(sentTypes(model)).toContain("edit");
  });

  it("cannot be changed while an answer is made", async () => {
    await open({ ...talk, status: { state: "running", run_id: "r2" } });
    expect(button("Edit message")).toBeUndefined();
    expect(button("Copy message")).toBeDefined();
    expect(button("Good answer")).toBeUndefined();
  });
});

describe("files", () => {
  it("are pasted and dropped, removed, sent, and given back when refused", async () => {
    const model = await open();
    const pasted = await bring("paste", [file("dot.png", "image/png")]);
    expect(pasted.defaultPrevented).toBe(true);
    await bring("drop", [file("a.csv", "text/csv"), file("b.wav", "audio/wav")]);
    expect(count(".asnb-attached")).toBe(3);
    expect(page.el.querySelector(".asnb-thumb img")?.getAttribute("src")).toMatch(/^data:image/);
    await click("Remove b.wav");
    await write("");
    const sent = model.sent.at(-1) as { id: string };
    expect(sent).toMatchObject({
      type: "send",
      text: "",
      content: [
        { type: "image", image_url: "data:image/png;base64,AAAA", filename: "dot.png" },
        { type: "file", filename: "a.csv", file_data: "AAAA" },
      ],
    });
    expect(count(".asnb-box .asnb-attached")).toBe(0);
    expect(count(".asnb-pending .asnb-attached")).toBe(2);
    model.say({ type: "notice", id: sent.id, level: "error", text: "no" });
    await settle();
    await click("Edit");
    expect(count(".asnb-box .asnb-attached")).toBe(2);
  });

  it("have limits, and words for what is too much", async () => {
    await open();
    await bring("drop", [file("big.bin", "", 7_000_001), file("none.txt", "text/plain", 0)]);
    expect(page.el.querySelector(".asnb-refused")?.textContent).toMatch(/7 MB.*empty/);
    await bring(
      "drop",
      Array.from({ length: 12 }, (_, n) => file(`${n}.txt`, "text/plain")),
    );
    expect(count(".asnb-attached")).toBe(10);
    expect(page.el.querySelector(".asnb-refused")?.textContent).toContain("at most 10");
  });

  it("of a paste give way to its text, when that is what was copied", async () => {
    await open();
    const image = [file("cells.png", "image/png")];
    const pasted = await bring("paste", image, "a\tb", ["Files", "text/plain", "text/html"]);
    expect(pasted.defaultPrevented).toBe(false);
    expect(count(".asnb-attached")).toBe(0);
  });

  it("of a stranger's question are named, and no way to harm", async () => {
    const turn = first.turn("look");
    turn.input?.[0]?.content?.push(
      { object: "content", type: "image", image_url: "data:image/svg+xml,<svg/>" },
      { object: "content", type: "image", image_url: "https://evil.example/p.png" },
      { object: "content", type: "file", filename: "x", file_url: "javascript:alert(1)" },
    );
    await open({ turns: [turn] });
    expect(count(".asnb-said img")).toBe(0);
    const links = [...page.el.querySelectorAll<HTMLAnchorElement>(".asnb-said a")];
    expect(links.map((link) => link.href)).toEqual(["https://evil.example/p.png"]);
  });
});

describe("commands", () => {
  it("are offered, chosen by keys, and sent", async () => {
    const model = await open({ info: INFO });
    await fill("textarea", "/");
    expect(count("[role=option]")).toBe(2);
    await press("textarea", "ArrowUp");
    const active = page.el.querySelector("textarea")?.getAttribute("aria-activedescendant");
    expect(document.getElementById(active ?? "")?.textContent).toContain("/weather");
    await press("textarea", "Tab");
    expect(page.el.querySelector("textarea")?.value).toBe("/weather ");
    expect(count("[role=listbox]")).toBe(0);
    await write("/weather Lisbon");
    expect(model.sent.at(-1)).toMatchObject({ type: "send", text: "/weather Lisbon" });
  });

  it("go with Esc, and a whole name is sent by Enter", async () => {
    const model = await open({ info: INFO });
    await fill("textarea", "/he");
    await press("textarea", "Escape");
    expect(count("[role=listbox]")).toBe(0);
    await fill("textarea", "/help");
    expect(count("[role=option]")).toBe(1);
    await press("textarea", "Enter");
    expect(model.sent.at(-1)).toMatchObject({ type: "send", text: "/help" });
    await fill("textarea", "not /he");
    expect(count("[role=listbox]")).toBe(0);
  });
});

describe("settings", () => {
  const change = async (selector: string, set: (field: HTMLInputElement) => void) => {
    const field = page.el.querySelector<HTMLInputElement>(selector) as HTMLInputElement;
    set(field);
    field.dispatchEvent(new Event("change", { bubbles: true }));
    await settle(20);
  };

  it("are sent as they change, and taken back together", async () => {
    const model = await open({ info: INFO, settings: { steps: 5 } });
    await click("Settings of this chat");
    expect(document.activeElement?.textContent).toContain("a (default)");
    await change("select", (field) => {
      field.value = "b";
    });
    expect(model.sent.at(-1)).toMatchObject({ type: "settings", values: { model: "b" } });
    expect(page.el.querySelector(".asnb-model")?.textContent).toBe("b");
    await change("[role=switch]", (field) => {
      field.checked = true;
    });
    await change("input[type=number]", (field) => {
      field.value = "";
    });
    expect(model.sent.at(-1)?.["values"]).toEqual({ steps: null });
    model.set("settings", { tone: "terse", shout: true });
    await settle(20);
    expect(page.el.querySelectorAll("select")[1]?.value).toBe("terse");
    await click("Reset to defaults");
    expect(model.sent.at(-1)?.["values"]).toEqual({ tone: null, shout: null });
    model.say({ type: "notice", id: "x", level: "warning", text: "tone is not yours to choose" });
    await settle();
    expect(text()).toContain("tone is not yours to choose");
    expect(page.el.querySelectorAll("select")[1]?.value).toBe("terse");
    await press("select", "Escape");
    expect(count(".asnb-settings")).toBe(0);
    expect(document.activeElement).toBe(button("Settings of this chat"));
  });

  it("are not offered where there are none", async () => {
    await open({ info: { commands: INFO.commands } });
    expect(button("Settings of this chat")).toBeUndefined();
  });
});

describe("feedback", () => {
  it("is given, explained and taken back", async () => {
    const model = await open({ turns: [first.turn("hi")] });
    await click("Bad answer");
    expect(model.sent.at(-1)).toMatchObject({ type: "feedback", run_id: "r1", rating: "down" });
    expect(button("Bad answer")?.getAttribute("aria-pressed")).toBe("true");
    await fill(".asnb-comment input", "too short");
    await press(".asnb-comment input", "Enter");
    expect(model.sent.at(-1)).toMatchObject({ rating: "down", comment: "too short" });
    model.say({ type: "turn", turn: { ...first.turn("hi"), feedback: { rating: "up" } } });
    await settle();
    expect(button("Good answer")?.getAttribute("aria-pressed")).toBe("true");
    await click("Good answer");
    expect(model.sent.at(-1)).toMatchObject({ rating: "" });
  });
});
