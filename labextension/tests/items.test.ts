import { describe, expect, it } from "vitest";
import { decisionMessage, RunScript, userMessage } from "../harness/script";
import { answerText } from "../ui/answer";
import { exchanges } from "../ui/exchanges";
import type { Item, ToolView } from "../ui/items";
import { asked, itemsOf } from "../ui/items";
import type { TurnView } from "../ui/model";
import { turnFromWire } from "../ui/model";
import { toMarkdown } from "../ui/transcript";

/** Items as `tool(steps)`, texts as they are. */
function shape(items: readonly Item[]): string[] {
  return items.map((item) => {
    if (item.kind === "tool") return `${item.name}(${shape(item.steps).join(" ")})`;
    return item.kind === "approval" ? `?${item.request.name}` : (item.part.contents[0]?.text ?? "");
  });
}

function turn(script: RunScript, extra = {}): TurnView {
  return turnFromWire(script.turn("?", extra));
}

describe("steps", () => {
  it("stand in the call that they happen in, to any depth", () => {
    const script = new RunScript()
      .call("c1", "research", {})
      .as("scout", "c1")
      .text("looking")
      .call("c2", "search", {})
      .as("deep", "c2")
      .text("found")
      .as("scout", "c1")
      .result("c2", "search", "ok")
      .as()
      .result("c1", "research", "looking")
      .text("done")
      .end();
    expect(shape(itemsOf(turn(script)))).toEqual(["research(looking search(found))", "done"]);
  });

  it("of unknown calls and of circles are shown all the same", () => {
    const script = new RunScript()
      .as("", "nowhere")
      .text("lost")
      .as("", "b")
      .call("a", "first", {})
      .as("", "a")
      .call("b", "second", {})
      .as("", "self")
      .call("self", "own", {})
      .end();
    const shown = shape(itemsOf(turn(script))).join(" ");
    for (const name of ["lost", "first", "second", "own"]) expect(shown).toContain(name);
  });

  it("of parallel authors stay with their own", () => {
    const script = new RunScript().call("c1", "ann", {}).call("c2", "bob", {});
    for (const n of [1, 2]) script.as("Ann", "c1").text(`a${n}`).as("Bob", "c2").text(`b${n}`);
    expect(shape(itemsOf(turn(script.as().end())))).toEqual(["ann(a1 a2)", "bob(b1 b2)"]);
  });

  it("belong to the latest call of an id that is used again", () => {
    const script = new RunScript();
    for (const n of [1, 2]) {
      script.call("c", `call${n}`, {}).as("", "c").text(`in${n}`).as().result("c", "x", n);
    }
    const items = itemsOf(turn(script.end()));
    expect(shape(items)).toEqual(["call1(in1)", "call2(in2)"]);
    expect(items.map((item) => item.kind === "tool" && item.output)).toEqual(["1", "2"]);
  });

  it("are not followed without end", () => {
    const script = new RunScript();
    for (let n = 1; n <= 500; n++) script.as("", `c${n - 1}`).call(`c${n}`, "deep", {});
    expect(itemsOf(turn(script.as().end())).length).toBeGreaterThan(10);
  });

  it("leave what did not change the same object", () => {
    const script = new RunScript().call("c1", "ann", {}).as("Ann", "c1").text("one").as();
    const before = itemsOf(turnFromWire(script.turn("?")));
    const first = turnFromWire(script.turn("?"));
    const items = itemsOf(first);
    expect(itemsOf({ ...first, log: "x" })[0]).toBe(items[0]);
    expect(shape(before)).toEqual(shape(items));
  });
});

describe("approvals", () => {
  const request = (): RunScript =>
    new RunScript("r1").text("Let me.").ask("c1", "remove", { path: "a" }).end();
  const tool = (view: TurnView | undefined): ToolView =>
    itemsOf(view as TurnView).find((item) => item.kind === "tool") as ToolView;

  it("wait for a decision", () => {
    const [view] = exchanges([turn(request())]);
    expect(asked(view as TurnView).map(({ request: { id, name } }) => [id, name])).toEqual([
      ["apr_c1", "remove"],
    ]);
    expect(tool(view).status).toBe("asking");
  });

  it("go on in the same answer", () => {
    const next = new RunScript("r2").result("c1", "remove", "gone").text("It is gone.").end();
    const input = [decisionMessage(["apr_c1", true, { always: true }])];
    const turns = [turn(request()), turn(next, { input })];
    const [view, ...rest] = exchanges(turns);
    expect(rest).toEqual([]);
    expect([view?.runId, view?.lastRunId]).toEqual(["r1", "r2"]);
    expect(asked(view as TurnView)).toEqual([]);
    expect(view?.decisions.get("apr_c1")).toMatchObject({ approve: true, always: true });
    expect(tool(view)).toMatchObject({ status: "completed", output: '"gone"' });
    expect(shape(itemsOf(view as TurnView))).toEqual(["Let me.", "remove()", "It is gone."]);
    expect(tool(view).asked?.id).toBe("apr_c1");
    expect(view?.usage).toMatchObject({ input_tokens: 824 });
    expect(exchanges(turns)[0]).toBe(view);
    expect(exchanges([view as TurnView])[0]).toBe(view);
    expect(toMarkdown(turns, { name: "friday", model: "", sessionId: "" })).toContain(
      "remove`: allowed",
    );
  });

  it("are refused by a decision, and by going on without one", () => {
    const input = [decisionMessage(["apr_c1", false, { reason: "mine" }])];
    const next = new RunScript("r2").result("c1", "remove", "refused").text("Then not.").end();
    const [refused] = exchanges([turn(request()), turn(next, { input })]);
    expect(tool(refused).status).toBe("denied");
    expect(refused?.decisions.get("apr_c1")?.reason).toBe("mine");
    const other = turn(new RunScript("r2").text("Fine.").end(), { input: [userMessage("else")] });
    const [passed, later] = exchanges([turn(request()), other]);
    expect(asked(passed as TurnView)).toEqual([]);
    expect(tool(passed).status).toBe("denied");
    expect(later).toBe(other);
  });

  it("of which some are open still ask for those", () => {
    const both = new RunScript("r1").ask("c1", "one", {}).ask("c2", "two", {}).end();
    const next = new RunScript("r2").end();
    const input = [decisionMessage(["apr_c1", true])];
    const [view] = exchanges([turn(both), turn(next, { input })]);
    expect(asked(view as TurnView).map((item) => item.request.name)).toEqual(["two"]);
  });

  it("that are asked inside of another call are not folded away", () => {
    const script = new RunScript()
      .call("c0", "agent", {})
      .as("Sub", "c0")
      .ask("c1", "rm", {})
      .end();
    expect(shape(itemsOf(turn(script)))).toEqual(["agent(rm())", "?rm"]);
  });
});

it("the text of an answer has what was said inside, and stands in for what is shown", () => {
  const displays = { d1: { data: { "text/html": "<table></table>", "text/markdown": "| a |" } } };
  const script = new RunScript()
    .text("hm", "reasoning")
    .call("c1", "research", {})
    .as("scout", "c1")
    .text("It is so.")
    .as()
    .result("c1", "research", "It is so.")
    .media({ type: "image", image_url: "data:image/png;base64,AA==" }, "d1")
    .media({ type: "file", filename: "a.csv", file_data: "YQ==" })
    .text("So it is.")
    .end();
  expect(answerText(itemsOf(turn(script, { displays })))).toBe(
    "> **scout**: It is so.\n\n| a |\n\n[file a.csv]\n\nSo it is.",
  );
});
