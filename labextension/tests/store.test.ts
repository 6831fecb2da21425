import { describe, expect, it } from "vitest";
import { RunScript } from "../harness/script";
import { textOf } from "../ui/model";
import type { ChatState, KernelMessage } from "../ui/store";
import { dropped, EMPTY_CHAT, failed, isBusy, onKernelMessage, sent } from "../ui/store";

function tell(messages: KernelMessage[], from: ChatState = EMPTY_CHAT): ChatState {
  return messages.reduce((state, message) => onKernelMessage(state, message, 0), from);
}

const script = new RunScript("r1").text(["a", "b", "c"]).end();
const opening: KernelMessage = { type: "turn", turn: { ...script.turn("hi"), events: [] } };
const events = (from: number, to?: number): KernelMessage => ({
  type: "events",
  run_id: "r1",
  events: script.events.slice(from, to),
});
const said = (state: ChatState): string[] => state.turns.flatMap((turn) => turn.parts.map(textOf));

describe("kernel messages", () => {
  it("make a turn out of batches", () => {
    const state = tell([opening, events(0, 4), events(4)]);
    expect(said(state)).toEqual(["abc"]);
    expect(isBusy(state)).toBe(false);
    expect(state.torn).toBe(false);
  });

  it("may come twice", () => {
    expect(said(tell([opening, events(0, 5), events(2, 7), events(0), events(7)]))).toEqual([
      "abc",
    ]);
  });

  it("show a gap, and a snapshot heals it", () => {
    const torn = tell([opening, events(0, 3), events(5)]);
    expect(torn.torn).toBe(true);
    const healed = tell(
      [{ type: "snapshot", turns: [{ ...script.turn("hi"), events: script.events.slice(-1) }] }],
      torn,
    );
    expect(healed.torn).toBe(false);
    expect(said(healed)).toEqual(["abc"]);
  });

  it("of an unknown run ask for a snapshot", () => {
    expect(tell([events(0)]).torn).toBe(true);
  });

  it("continue after a compacted snapshot, which may skip numbers", () => {
    const whole = new RunScript("r1").text(["a", "b"]).text(["c", "d"], "message", true);
    const compact = whole.events.filter(
      (event) => !("delta" in event && event.delta === true && event.msg_id?.endsWith("_1")),
    );
    const state = tell([{ type: "snapshot", turns: [{ ...whole.turn("hi"), events: compact }] }]);
    expect(said(state)).toEqual(["ab", "cd"]);
    const next = {
      object: "content",
      type: "text",
      text: "e",
      delta: true,
      index: 0,
      msg_id: "msg_r1_2",
      status: "in_progress",
      sequence_number: whole.events.length,
    } as const;
    const later = tell([{ type: "events", run_id: "r1", events: [next] }], state);
    expect(later.torn).toBe(false);
    expect(said(later)).toEqual(["ab", "cde"]);
  });

  it("keep finished turns the same objects through a snapshot", () => {
    const state = tell([opening, events(0)]);
    const again = tell(
      [{ type: "snapshot", turns: [{ ...script.turn("hi"), events: script.events.slice(-1) }] }],
      state,
    );
    expect(again.turns[0]).toBe(state.turns[0]);
  });

  it("take a pending message when its turn begins", () => {
    const waiting = sent(EMPTY_CHAT, "1", "hi");
    expect(isBusy(waiting)).toBe(true);
    expect(tell([opening], waiting).pending).toEqual([]);
  });

  it("bring prints and notices", () => {
    const state = tell([
      opening,
      { type: "log", run_id: "r1", text: "x\n" },
      { type: "notice", text: "n" },
      { type: "notice", text: "n" },
    ]);
    expect(state.turns[0]?.log).toBe("x\n");
    expect(state.notices.map((notice) => notice.text)).toEqual(["n"]);
  });

  it("forget everything with a new session", () => {
    const state = tell([opening, events(0), { type: "snapshot", turns: [], session_id: "s2" }]);
    expect([state.turns.length, state.sessionId]).toEqual([0, "s2"]);
  });
});

it("a refused message can be edited or dropped", () => {
  const state = failed(sent(EMPTY_CHAT, "1", "hi"), "1", "busy");
  expect(state.pending[0]).toMatchObject({ state: "failed", why: "busy", text: "hi" });
  expect(isBusy(state)).toBe(false);
  expect(dropped(state, "1").pending).toEqual([]);
});
