/** Streams a long answer into the chat and measures the page's frames. */
import { longAnswer, RunScript } from "./scenes";
import type { ScriptedModel } from "./scripted-model";

/** What came of it, in milliseconds. */
export interface Frames {
  readonly worst: number;
  readonly p95: number;
  readonly count: number;
  readonly seconds: number;
}

/** Stream `tokens` tokens in batches of a thirtieth of a second. */
export async function stream(
  model: ScriptedModel,
  kind: Parameters<typeof longAnswer>[1],
  tokens: number,
  seconds: number,
): Promise<Frames> {
  const script = new RunScript("load").text(longAnswer(tokens, kind), "message").end();
  model.say({ type: "turn", turn: { ...script.turn("Tell me everything."), events: [] } });
  const batches = Math.ceil(seconds * 30);
  const size = Math.ceil(script.events.length / batches);
  const gaps: number[] = [];
  let last = performance.now();
  let running = true;
  const tick = (): void => {
    const now = performance.now();
    gaps.push(now - last);
    last = now;
    if (running) requestAnimationFrame(tick);
  };
  await new Promise((done) => setTimeout(done, 300));
  last = performance.now();
  const began = last;
  requestAnimationFrame(tick);
  for (let i = 0; i < script.events.length; i += size) {
    // As the comm does: each batch is parsed anew in a task of its own.
    const text = JSON.stringify(script.events.slice(i, i + size));
    await new Promise((done) => setTimeout(done, 33));
    model.say({ type: "events", run_id: "load", events: JSON.parse(text) });
  }
  await new Promise((done) => setTimeout(done, 800));
  running = false;
  gaps.sort((a, b) => a - b);
  return {
    worst: Math.round(gaps.at(-1) ?? 0),
    p95: Math.round(gaps[Math.floor(gaps.length * 0.95)] ?? 0),
    count: gaps.length,
    seconds: (performance.now() - began) / 1000,
  };
}
