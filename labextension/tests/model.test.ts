import { describe, expect, it } from "vitest";
import { RunScript } from "../harness/script";
import type { ToolView } from "../ui/items";
import { itemsOf } from "../ui/items";
import type { TurnView } from "../ui/model";
import { emptyTurn, inputText, reduce, textOf, turnFromWire } from "../ui/model";
import type { AnyEvent } from "../ui/wire";

function play(
  events: readonly AnyEvent[],
  from = emptyTurn("r"),
  now: number | null = 1000,
): TurnView {
  return events.reduce((turn, event) => reduce(turn, event, now), from);
}

describe("reducer", () => {
  it("joins deltas and keeps the full text once", () => {
    const script = new RunScript().text(["Hello ", "**world**", "!"]).end();
    for (let cut = 0; cut <= script.events.length; cut++) {
      const turn = play(script.events.slice(0, cut));
      if (turn.parts[0]) expect("Hello **world**!".startsWith(textOf(turn.parts[0]))).toBe(true);
    }
    const turn = play(script.events);
    expect(turn.parts.map(textOf)).toEqual(["Hello **world**!"]);
    expect(turn.status).toBe("completed");
    expect(turn.usage).toEqual({ input_tokens: 412, output_tokens: 1280 });
  });

  it("gives the same turn from the final response alone", () => {
    const script = new RunScript()
      .text("hm", "reasoning")
      .tool("add", { a: 1 }, 2)
      .text("ok")
      .end();
    const whole = play(script.events, emptyTurn("r"), null);
    const short = play(script.events.slice(-1), emptyTurn("r"), null);
    expect(short.parts).toEqual(whole.parts);
    expect(short.usage).toEqual(whole.usage);
  });

  it("leaves finished parts the same objects", () => {
    const script = new RunScript().text("one").text(["two", "three"]).end();
    const before = play(script.events.slice(0, 8)).parts[0];
    expect(before?.status).toBe("completed");
    expect(play(script.events).parts[0]).toEqual(before);
    const turn = play(script.events.slice(0, -1));
    expect(play(script.events.slice(-1), turn).parts[0]).toBe(turn.parts[0]);
  });

  it("closes what is open when the run is stopped", () => {
    const turn = play(new RunScript().text(["a", "b"], "message", true).end("canceled").events);
    expect(turn.status).toBe("canceled");
    expect(turn.parts.map((part) => part.status)).toEqual(["canceled"]);
    expect(turn.parts.map(textOf)).toEqual(["ab"]);
  });

  it("keeps the text of a content that ends without its payload", () => {
    const script = new RunScript().text(["a", "b"], "message", true);
    const id = `msg_${script.runId}_1`;
    const ended = {
      object: "content",
      type: "text",
      msg_id: id,
      index: 0,
      status: "canceled",
      sequence_number: 9,
    };
    expect(play([...script.events, ended as AnyEvent]).parts.map(textOf)).toEqual(["ab"]);
  });

  it("carries errors", () => {
    const error = { code: "X", message: "no" };
    expect(play(new RunScript().end("failed", { error }).events).error).toEqual(error);
  });

  it("survives what it does not know", () => {
    const odd = [
      { object: "later", sequence_number: 2 },
      { object: "content", type: "hologram", msg_id: "m", index: 2, status: "completed" },
      { object: "message", id: "h", type: "heartbeat", status: "completed" },
      { object: "response", id: "r", status: null },
    ] as unknown as AnyEvent[];
    const turn = play(odd);
    expect(turn.parts.map((part) => part.id)).toEqual(["m"]);
    expect(itemsOf(turn)).toHaveLength(1);
  });

  it("remembers when parts began, through a snapshot", () => {
    const script = new RunScript().text("hm", "reasoning");
    const seen = play(script.events, emptyTurn(script.runId), 5000);
    const again = turnFromWire(script.turn("?"), seen);
    expect(again.parts[0]?.startedAt).toBe(5000);
    expect(inputText(again.input)).toBe("?");
  });
});

describe("tool calls", () => {
  const tools = (turn: TurnView): ToolView[] =>
    itemsOf(turn).filter((item) => item.kind === "tool");

  it("are joined with their results by call id", () => {
    const script = new RunScript().tool("add", { a: 1 }, 2).tool("add", { a: 3 }, 4).end();
    expect(
      tools(play(script.events)).map((tool) => [
        tool.name,
        tool.args,
        tool.output,
        tool.status,
        tool.duration,
      ]),
    ).toEqual([
      ["add", '{"a":1}', "2", "completed", 0.42],
      ["add", '{"a":3}', "4", "completed", 0.42],
    ]);
  });

  it("show how far they are", () => {
    const script = new RunScript().tool("slow", { seconds: 9 });
    const states = script.events.map(
      (_, index) => tools(play(script.events.slice(0, index + 1)))[0]?.status,
    );
    expect(states).toEqual([undefined, undefined, "calling", "calling", "calling", "running"]);
    const stopped = new RunScript().tool("slow", { seconds: 9 }).end("canceled");
    expect(tools(play(stopped.events))[0]?.status).toBe("canceled");
  });

  it("show a result that has no call", () => {
    const script = new RunScript().tool("add", {}, 2).end();
    const alone = script.events.filter(
      (event) => !("type" in event && event.type === "plugin_call"),
    );
    const kept = alone.map((event) =>
      event.object === "response" ? { ...event, output: (event.output ?? []).slice(1) } : event,
    );
    const last = play(kept.slice(-1));
    expect(tools(last).map((tool) => tool.name)).toEqual(["add"]);
  });
});
