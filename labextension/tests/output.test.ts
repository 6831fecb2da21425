import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { decisionMessage, RunScript } from "../harness/script";
import { ScriptedModel } from "../harness/scripted-model";
import { Channel } from "../ui/channel";
import { mountChat } from "../ui/chat";
import type { WidgetManager } from "../ui/jupyter";
import { ChatSession } from "../ui/session";

class NoObserver {
  observe(): void {}
  disconnect(): void {}
}

let el: HTMLElement;
let unmount = (): void => undefined;

beforeEach(() => {
  vi.useFakeTimers();
  vi.stubGlobal("ResizeObserver", NoObserver);
  vi.stubGlobal("matchMedia", () => ({
    matches: false,
    addEventListener: () => {},
    removeEventListener: () => {},
  }));
  el = document.createElement("div");
  document.body.replaceChildren(el);
});

afterEach(() => {
  unmount();
  vi.unstubAllGlobals();
  vi.useRealTimers();
});

async function open(
  traits: Record<string, unknown>,
  manager?: WidgetManager,
): Promise<ScriptedModel> {
  const model = new ScriptedModel(traits);
  if (manager) Object.assign(model, { widget_manager: manager });
  unmount = mountChat(el, new ChatSession(model, el, new Channel(model, null)));
  await settle();
  return model;
}

async function settle(ms = 600): Promise<void> {
  await vi.advanceTimersByTimeAsync(ms);
}

const all = (selector: string): HTMLElement[] => [...el.querySelectorAll<HTMLElement>(selector)];

async function press(label: string, nth = 0): Promise<void> {
  all("button")
    .filter((node) => node.textContent?.trim() === label)
    [nth]?.click();
  await settle(50);
}

const one = (): RunScript => new RunScript("r1").ask("c1", "remove", { path: "<b>a</b>" }).end();
const two = (): RunScript =>
  new RunScript("r1").ask("c1", "remove", {}).ask("c2", "send", {}).end();
const decisions = (model: ScriptedModel): unknown =>
  model.sent.filter(({ type }) => type === "approve").map((sent) => sent["decisions"]);

describe("an approval", () => {
  it("is sent, shown on its way, and settled by the turn that it begins", async () => {
    const model = await open({ turns: [one().turn("Clean up.")] });
    expect(el.textContent).toContain("Answer above");
    expect(all(".asnb-approval b")).toEqual([]);
    await press("Allow");
    expect(decisions(model)).toEqual([[{ id: "apr_c1", approve: true }]]);
    expect(all("[data-state=sending]")).toHaveLength(1);
    const next = new RunScript("r2").result("c1", "remove", "gone").text("Gone.");
    const input = [decisionMessage(["apr_c1", true])];
    model.say({ type: "turn", turn: { ...next.turn("", { input }), events: [] } });
    model.say({ type: "events", run_id: "r2", events: next.end().events });
    await settle();
    expect(all(".asnb-turn")).toHaveLength(1);
    expect(all(".asnb-bubble").map((node) => node.textContent)).toEqual(["Clean up."]);
    expect(all("[data-state=allowed]")).toHaveLength(1);
    expect(el.textContent).toContain("Gone.");
    expect(el.querySelector("[aria-live=polite]")?.textContent).toContain("answered");
  });

  it("is announced, and takes the focus only from an empty composer", async () => {
    const running = new RunScript("r1");
    const model = await open({ turns: [{ ...running.turn("go"), events: [] }] });
    const box = el.querySelector("textarea");
    box?.focus();
    model.say({ type: "events", run_id: "r1", events: one().events });
    await settle();
    expect(document.activeElement?.getAttribute("aria-label")).toBe("Allow remove?");
    expect(el.querySelector("[aria-live=polite]")?.textContent).toContain("remove");
    await press("Deny");
    expect(document.activeElement).toBe(box);
    unmount();
    const other = await open({ turns: [{ ...running.turn("go"), events: [] }] });
    const typing = el.querySelector("textarea") as HTMLTextAreaElement;
    typing.value = "half a";
    typing.dispatchEvent(new Event("input", { bubbles: true }));
    typing.focus();
    other.say({ type: "events", run_id: "r1", events: one().events });
    await settle();
    expect(document.activeElement).toBe(typing);
  });

  it("of several is sent with the last of them", async () => {
    const model = await open({ turns: [two().turn("go")] });
    await press("Always in this session");
    expect(decisions(model)).toEqual([]);
    expect(el.textContent).toContain("1 more to answer");
    await press("Undo");
    await press("Deny", 1);
    await press("Allow");
    expect(decisions(model)).toEqual([
      [
        { id: "apr_c1", approve: true },
        { id: "apr_c2", approve: false, reason: "" },
      ],
    ]);
    unmount();
    const other = await open({ turns: [two().turn("go")] });
    await press("Allow all 2");
    expect(decisions(other)).toHaveLength(1);
  });

  it("is denied with a reason", async () => {
    const model = await open({ turns: [one().turn("go")] });
    await press("with a reason…");
    const input = el.querySelector(".asnb-reason") as HTMLInputElement;
    expect(document.activeElement).toBe(input);
    input.value = "mine";
    input.dispatchEvent(new Event("input", { bubbles: true }));
    await settle(20);
    input.dispatchEvent(new KeyboardEvent("keydown", { key: "Enter", bubbles: true }));
    await settle(20);
    expect(decisions(model)).toEqual([[{ id: "apr_c1", approve: false, reason: "mine" }]]);
  });

  it("that is refused can be given again", async () => {
    const model = await open({ turns: [one().turn("go")] });
    await press("Allow");
    const id = model.sent.at(-1)?.["id"];
    model.say({ type: "notice", id, level: "error", text: "another view is asking" });
    await settle();
    expect(el.querySelector("[role=alert]")?.textContent).toContain("another view is asking");
    await press("Deny");
    expect(decisions(model)).toHaveLength(2);
  });

  it("is inert without a kernel, while it runs, and when it was passed over", async () => {
    el.classList.add("jupyter-widgets-disconnected");
    await open({ turns: [one().turn("go")] });
    expect(all("[data-state=closed] button")).toEqual(
      all("[data-state=closed] .asnb-code-head button"),
    );
    unmount();
    el.className = "";
    await open({ turns: [new RunScript("r1").ask("c1", "remove", {}).turn("go")] });
    expect(all("[data-state=closed]")).toHaveLength(1);
    unmount();
    await open({ turns: [one().turn("go"), new RunScript("r2").text("ok").end().turn("else")] });
    expect(all("[data-state=passed]")).toHaveLength(1);
  });
});

describe("what a notebook would show", () => {
  const shown = (data: Record<string, unknown>): Record<string, unknown> => ({
    turns: [
      new RunScript("r1")
        .media({ type: "text", text: "instead" }, "d1")
        .end()
        .turn("go", { displays: { d1: { data } } }),
    ],
  });
  const view = { "application/vnd.jupyter.widget-view+json": { model_id: "m1" } };

  it("is a view of a widget, which is taken away again", async () => {
    const node = document.createElement("i");
    const told: string[] = [];
    const luminoWidget = {
      node,
      isDisposed: false,
      processMessage: ({ type }: { type: string }) => told.push(type),
      dispose: () => {},
    };
    const remove = vi.fn();
    await open(shown(view), {
      get_model: async (id) => (id === "m1" ? {} : Promise.reject(new Error(id))),
      create_view: async () => ({ el: node, luminoWidget, remove }),
    });
    expect(el.contains(node)).toBe(true);
    unmount();
    expect(remove).toHaveBeenCalledOnce();
    expect(told).toEqual(["before-attach", "after-attach", "before-detach", "after-detach"]);
  });

  it("falls back to what stands for it", async () => {
    await open(shown(view), {
      get_model: () => Promise.reject(new Error("gone")),
      create_view: () => Promise.reject(new Error("gone")),
    });
    await settle(3000);
    expect(el.querySelector(".asnb-answer .asnb-md")?.textContent?.trim()).toBe("instead");
    unmount();
    await open(shown({ "text/html": "<script>alert(1)</script>" }));
    expect(el.querySelector(".asnb-answer")?.textContent).toContain("instead");
    unmount();
    const later = shown({});
    await open(later);
    expect(el.querySelector(".asnb-answer")?.textContent).toContain("instead");
  });

  it("may come with the events", async () => {
    const script = new RunScript("r1").media({ type: "text", text: "instead" }, "d1").end();
    const model = await open({ turns: [{ ...script.turn("go"), events: [] }] });
    const displays = { d1: { data: { "text/html": "<table><tr><td>42</td></tr></table>" } } };
    model.say({ type: "events", run_id: "r1", events: script.events, displays });
    await settle();
    expect(el.querySelector(".asnb-html td")?.textContent).toBe("42");
    expect(el.querySelector(".asnb-answer")?.textContent).not.toContain("instead");
  });
});

it("what it took stands below an answer and in the head", async () => {
  const usage = {
    input_tokens: 5,
    output_tokens: 7,
    cost: 0.0012,
    context: { used: 90, window: 100 },
  };
  await open({ turns: [new RunScript("r1").text("hi").end("completed", { usage }).turn("go")] });
  expect(el.querySelector(".asnb-facts")?.textContent).toContain("$0.0012");
  const meter = el.querySelector("[role=meter]");
  expect(meter?.getAttribute("aria-valuenow")).toBe("90");
  expect(meter?.className).toContain("full");
});
