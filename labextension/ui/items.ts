/** The parts of an answer as they stand below and within one another. */

import type { Request } from "./approvals";
import { requestOf } from "./approvals";
import type { Display, PartView, TurnView } from "./model";
import { ended, string, textOf } from "./model";

/** A tool call and its result, joined by call id, with what happened in between. */
export interface ToolView {
  readonly kind: "tool";
  readonly key: string;
  readonly name: string;
  readonly server: string;
  readonly agent: string;
  readonly args: string;
  readonly output: string | null;
  /** calling, asking, running, completed, denied, failed or canceled. */
  readonly status: string;
  /** Seconds. */
  readonly duration: number | null;
  readonly call: PartView | null;
  readonly result: PartView | null;
  /** What the result looks like in a notebook. */
  readonly display: Display | null;
  /** What the user was asked before, once that is settled. */
  readonly asked: Request | null;
  /** What happened inside, such as the words of another agent. */
  readonly steps: readonly Item[];
}

/** A message, a thought. */
export interface SpokenView {
  readonly kind: "part";
  readonly key: string;
  readonly agent: string;
  readonly part: PartView;
  readonly display: Display | null;
}

/** What the user is, or was, asked to allow. */
export interface ApprovalView {
  readonly kind: "approval";
  readonly key: string;
  readonly agent: string;
  readonly part: PartView;
  readonly request: Request;
}

/** What stands below one another in an answer. */
export type Item = ToolView | SpokenView | ApprovalView;

const CALL = new Set(["plugin_call", "function_call", "mcp_call", "component_call"]);
const OUTPUT = new Set([...CALL].map((type) => `${type}_output`));
/** Said for the record, and shown with what they are about. */
const UNSEEN = new Set(["mcp_approval_response", "mcp_list_tools"]);
const DEEPEST = 20;
const shown = new WeakMap<TurnView, Item[]>();
const made = new WeakMap<PartView, Item>();

/** The answer's parts in order, each tool call joined with its result and what happened in it. */
export function itemsOf(turn: TurnView): Item[] {
  const cached = shown.get(turn);
  if (cached) return cached;
  const items = new Tree(turn).items(null);
  shown.set(turn, items);
  return items;
}

/** What waits for the user's decision. */
export function asked(turn: TurnView): ApprovalView[] {
  if (!turn.latest) return [];
  return itemsOf(turn).filter(
    (item): item is ApprovalView =>
      item.kind === "approval" && !turn.decisions.has(item.request.id),
  );
}

class Tree {
  readonly #turn: TurnView;
  readonly #results = new Map<PartView, PartView>();
  readonly #requests = new Map<PartView, Request>();
  /** Parts by the call that they happen in. */
  readonly #inside = new Map<PartView | null, PartView[]>();

  constructor(turn: TurnView) {
    this.#turn = turn;
    const calls = new Map<string, PartView>(); // the latest of each id: some models use it again
    const depths = new Map<PartView | null, number>([[null, 0]]);
    for (const part of turn.parts) {
      const id = callId(part);
      const request = requestOf(part);
      const latest = calls.get(request?.callId ?? id);
      if (request && latest) {
        this.#requests.set(latest, request);
        if (this.#settled(request)) continue; // it is said with the call
      }
      if (latest && OUTPUT.has(part.type)) {
        this.#results.set(latest, part);
        continue;
      }
      // A call may be told again when it is run after all.
      if (latest && CALL.has(part.type) && !this.#results.has(latest)) continue;
      // A call is told before what happens in it, so there are no circles.
      let parent = (part.parent && calls.get(part.parent)) || null;
      const depth = depths.get(parent) ?? 0;
      // A question may not be folded away.
      if (request || depth >= DEEPEST) parent = null;
      if (CALL.has(part.type)) {
        if (id) calls.set(id, part);
        depths.set(part, depth + 1);
      }
      const siblings = this.#inside.get(parent);
      if (siblings) siblings.push(part);
      else this.#inside.set(parent, [part]);
    }
  }

  #settled(request: Request): boolean {
    return this.#turn.decisions.has(request.id) || !this.#turn.latest;
  }

  items(inside: PartView | null): Item[] {
    const items: Item[] = [];
    for (const part of this.#inside.get(inside) ?? []) {
      if (CALL.has(part.type)) {
        items.push(this.#tool(part, this.#results.get(part) ?? null, this.items(part)));
      } else if (OUTPUT.has(part.type)) items.push(this.#tool(null, part, []));
      else if (!UNSEEN.has(part.type)) items.push(this.#other(part));
    }
    return items;
  }

  #other(part: PartView): Item {
    const request = requestOf(part);
    const view: Item = request
      ? { kind: "approval", key: part.id, agent: part.agent, part, request }
      : { kind: "part", key: part.id, agent: part.agent, part, display: this.#display(part) };
    return kept(part, view);
  }

  #tool(call: PartView | null, result: PartView | null, steps: Item[]): ToolView {
    const anchor = (call ?? result) as PartView;
    const sent = payload(call);
    const got = payload(result);
    const measured = result?.metadata?.["duration"];
    const request = call ? this.#requests.get(call) : undefined;
    const view: ToolView = {
      kind: "tool",
      key: anchor.id,
      name: string(sent["name"]) || string(got["name"]) || "tool",
      server: string(sent["server_label"]),
      agent: anchor.agent,
      args: asText(sent["arguments"]),
      output: result ? asText(got["output"]) || textOf(result) : null,
      status: this.#status(call, result),
      duration: typeof measured === "number" ? measured : clocked(call, result),
      call,
      result,
      display: this.#display(result),
      asked: request && this.#settled(request) ? request : null,
      steps,
    };
    return kept(anchor, view) as ToolView;
  }

  #display(part: PartView | null): Display | null {
    const id = string(part?.metadata?.["display"]);
    return Object.hasOwn(this.#turn.displays, id) ? (this.#turn.displays[id] ?? null) : null;
  }

  #status(call: PartView | null, result: PartView | null): string {
    const turn = this.#turn;
    const request = call ? this.#requests.get(call) : undefined;
    const decision = request && turn.decisions.get(request.id);
    if (decision && !decision.approve) return "denied";
    if (result && ended(result.status)) {
      return result.metadata?.["failed"] === true ? "failed" : result.status;
    }
    if (call && ended(call.status) && call.status !== "completed") return call.status;
    if (request && !decision) return turn.latest ? "asking" : "denied";
    if (ended(turn.status)) return turn.status === "completed" ? "completed" : turn.status;
    return call && !ended(call.status) ? "calling" : "running";
  }
}

/** The view that was made of a part before, when it is no other: what did not change is not drawn. */
function kept<T extends Item>(part: PartView, view: T): T {
  const before = made.get(part) as T | undefined;
  if (before && unchanged(before, view)) return before;
  made.set(part, view);
  return view;
}

function unchanged(before: Item, view: Item): boolean {
  return Object.entries(view).every(([key, value]) => {
    const old = (before as unknown as Record<string, unknown>)[key];
    if (key === "request") return true; // it is read from the part
    if (key === "asked") return (old as Request | null)?.id === (value as Request | null)?.id;
    if (!Array.isArray(value)) return old === value;
    return Array.isArray(old) && old.length === value.length && value.every((v, i) => v === old[i]);
  });
}

function payload(part: PartView | null): Record<string, unknown> {
  return part?.contents.find((content) => content.data)?.data ?? {};
}

function callId(part: PartView): string {
  return string(payload(part)["call_id"]);
}

function clocked(call: PartView | null, result: PartView | null): number | null {
  const from = call?.endedAt ?? call?.startedAt;
  return from && result?.endedAt ? (result.endedAt - from) / 1000 : null;
}

function asText(value: unknown): string {
  if (typeof value === "string") return value;
  return value === undefined || value === null ? "" : JSON.stringify(value, null, 2);
}
