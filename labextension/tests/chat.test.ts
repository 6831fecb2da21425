import { describe, expect, it } from "vitest";
import { RunScript } from "../harness/script";
import { button, open, page, sentTypes, settle, write } from "./chat-page";

const script = new RunScript("r1").text(["Hello ", "there"]).end();

describe("chat", () => {
  it("asks for a snapshot when it is shown, and sends what is written", async () => {
    const model = await open();
    expect(sentTypes(model)).toEqual(["snapshot", "sessions"]);
    await write("hi");
    expect(model.sent[2]).toMatchObject({ type: "send", text: "hi" });
    expect(page.el.querySelector(".asnb-pending .asnb-bubble")?.textContent).toBe("hi");
    expect(page.el.querySelector("textarea")?.value).toBe("");
    await settle(2000);
    expect(page.el.querySelector(".asnb-pending-queued")).not.toBeNull();
    model.say({ type: "turn", turn: { ...script.turn("hi"), events: [] } });
    model.say({ type: "events", run_id: "r1", events: script.events });
    await settle();
    expect(page.el.querySelector(".asnb-pending")).toBeNull();
    expect(page.el.querySelector(".asnb-answer .asnb-md")?.textContent?.trim()).toBe("Hello there");
    expect(page.el.querySelector("[aria-live=polite]")?.textContent).toContain("Hello there");
  });

  it("leaves Enter to Shift and to input methods", async () => {
    const model = await open();
    await write("a", { shiftKey: true });
    await write("a", { isComposing: true });
    await write("a", { keyCode: 229 });
    await write("   ");
    expect(sentTypes(model)).not.toContain("send");
  });

  it("stops by button and by Esc, and says so", async () => {
    const traits = {
      status: { state: "running", run_id: "r1" },
      turns: [new RunScript("r1").text("x", "message", true).turn("hi")],
    };
    const model = await open(traits);
    button("Stop")?.click();
    await settle(20);
    expect(model.sent.at(-1)).toMatchObject({ type: "stop", run_id: "r1" });
    expect(button("Stop")?.disabled).toBe(true);
    const stopped = new RunScript("r1").text("x", "message", true).end("canceled");
    model.say({ type: "events", run_id: "r1", events: stopped.events.slice(-1) });
    model.set("status", { state: "idle" });
    await settle();
    expect(page.el.querySelector(".asnb-stopped")?.textContent).toBe("Stopped.");
    expect(button("Send")).toBeDefined();
    page.unmount();
    const again = await open(traits);
    page.el
      .querySelector("textarea")
      ?.dispatchEvent(new KeyboardEvent("keydown", { key: "Escape", bubbles: true }));
    expect(again.sent.at(-1)).toMatchObject({ type: "stop" });
  });

  it("names what does not stop, and forces it", async () => {
    const model = await open({
      status: { state: "stopping", detail: "still running in f(), line 3", run_id: "r1" },
    });
    expect(page.el.textContent).toContain("still running in f(), line 3");
    button("Force")?.click();
    expect(model.sent.at(-1)).toMatchObject({ type: "force", run_id: "r1" });
  });

  it("shows an error with a way to try again", async () => {
    const error = { code: "MODEL_ERROR", message: "<b>no</b>" };
    const model = await open({ turns: [new RunScript("r1").end("failed", { error }).turn("hi")] });
    expect(page.el.querySelector(".asnb-error")?.textContent).toContain("MODEL_ERROR");
    expect(page.el.querySelector(".asnb-error")?.textContent).toContain("<b>no</b>");
    button("Retry")?.click();
    expect(model.sent.at(-1)).toMatchObject({ type: "retry", run_id: "r1" });
  });

  it("knows a kernel that was never there", async () => {
    page.el.classList.add("jupyter-widgets-disconnected");
    await open({ turns: [script.turn("hi")] });
    expect(page.el.textContent).toContain("Run the cell again");
  });

  it("says that the kernel is gone, and keeps the talk", async () => {
    const model = await open({ turns: [script.turn("hi")] });
    model.trigger("comm_live_update");
    await settle();
    expect(page.el.querySelector("textarea")?.disabled).toBe(false);
    await write("on its way");
    model.broken = true;
    model.trigger("comm_live_update");
    await settle();
    expect(page.el.textContent).toContain("Not sent: run the cell again");
    expect(page.el.textContent).toContain("Run the cell again");
    expect(page.el.textContent).toContain("Hello there");
    expect(page.el.querySelector("textarea")?.disabled).toBe(true);
    expect(button("Download transcript")?.disabled).toBe(false);
  });

  it("says of an answer that a kernel did not finish that it was cut off", async () => {
    const begun = new RunScript("r9");
    const model = await open({ turns: [begun.turn("hi")] });
    expect(page.el.textContent).toContain("Working");
    model.broken = true;
    model.trigger("comm_live_update");
    await settle();
    expect(page.el.textContent).toContain("Cut off");
    expect(page.el.textContent).not.toContain("Working");
  });

  it("does not take what a dead kernel said last for a sign of life", async () => {
    const model = await open({ turns: [script.turn("hi")] });
    model.say({ type: "log", run_id: "r1", text: "in mid-answer" }); // read at the next frame
    model.broken = true;
    model.trigger("comm_live_update");
    await settle();
    expect(page.el.querySelector("textarea")?.disabled).toBe(true);
  });

  it("begins a new session", async () => {
    const model = await open({ turns: [script.turn("hi")] });
    button("New session")?.click();
    expect(sentTypes(model)).toContain("new_session");
    model.say({ type: "snapshot", turns: [], session_id: "s2", title: "" });
    await settle();
    expect(button("New session")?.disabled).toBe(true);
  });

  it("gives a refused message back", async () => {
    const model = await open();
    await write("hi");
    const id = model.sent.at(-1)?.["id"];
    model.say({ type: "notice", id, level: "error", text: "another view is asking" });
    await settle();
    expect(page.el.textContent).toContain("Not sent: another view is asking");
    button("Edit")?.click();
    await settle(20);
    expect(page.el.querySelector("textarea")?.value).toBe("hi");
    expect(page.el.querySelector(".asnb-pending")).toBeNull();
  });

  it("heals a gap with a snapshot", async () => {
    const model = await open({
      turns: [{ ...script.turn("hi"), events: script.events.slice(0, 3) }],
    });
    await settle(2000);
    model.say({ type: "events", run_id: "r1", events: script.events.slice(5) });
    await settle();
    expect(sentTypes(model).filter((type) => type === "snapshot")).toHaveLength(2);
    model.say({
      type: "snapshot",
      turns: [script.turn("hi")],
      status: { state: "idle" },
      session_id: "s1",
    });
    await settle();
    expect(page.el.querySelector(".asnb-answer .asnb-md")?.textContent?.trim()).toBe("Hello there");
  });

  it("tells which side to upgrade", async () => {
    await open({ schema: 7 });
    expect(page.el.textContent).toContain("schema 7");
  });

  it("leaves nothing behind", async () => {
    const model = await open();
    page.unmount();
    expect(page.el.childElementCount).toBe(0);
    model.say({ type: "notice", text: "x" });
    model.set("status", { state: "running" });
  });
});
