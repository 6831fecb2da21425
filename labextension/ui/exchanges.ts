/** Joins an answer with what came of the user's decisions: to a reader they are one. */

import type { Decision } from "./approvals";
import { decisionsOf, onlyDecides, requestOf } from "./approvals";
import type { TurnView } from "./model";

interface Joined {
  readonly group: readonly TurnView[];
  readonly latest: boolean;
  readonly view: TurnView;
}

const joined = new WeakMap<TurnView, Joined>();

/** Turns as they are shown; one that needs no change stays the same object. */
export function exchanges(turns: readonly TurnView[]): TurnView[] {
  const groups: TurnView[][] = [];
  for (const turn of turns) {
    const group = onlyDecides(turn.input) ? groups.at(-1) : undefined;
    if (group) group.push(turn);
    else groups.push([turn]);
  }
  return groups.map((group, index) => join(group, index === groups.length - 1));
}

function join(group: readonly TurnView[], latest: boolean): TurnView {
  const [head] = group as [TurnView];
  const alone = group.length === 1 && !onlyDecides(head.input);
  if (alone && (head.latest === latest || !head.parts.some(requestOf))) return head;
  const known = joined.get(head);
  if (known?.latest === latest && same(known.group, group)) return known.view;
  const view = merged(group, latest);
  joined.set(head, { group, latest, view });
  return view;
}

function same(a: readonly TurnView[], b: readonly TurnView[]): boolean {
  return a.length === b.length && a.every((turn, index) => turn === b[index]);
}

function merged(group: readonly TurnView[], latest: boolean): TurnView {
  const head = group[0] as TurnView;
  const last = group.at(-1) as TurnView;
  const decisions = new Map<string, Decision>(head.decisions);
  for (const made of group.flatMap((turn) => decisionsOf(turn.input))) {
    if (!decisions.has(made.id)) decisions.set(made.id, made); // the first word counts
  }
  return {
    ...last,
    runId: head.runId,
    lastRunId: last.runId,
    input: head.input,
    parts: group.flatMap((turn) => turn.parts),
    log: group.map((turn) => turn.log).join(""),
    usage: group.map((turn) => turn.usage).reduce(sum, null),
    displays: Object.assign({}, ...group.map((turn) => turn.displays)),
    started: head.started,
    // The time that the agent took, without the user's.
    createdAt: last.completedAt === null ? head.createdAt : last.completedAt - worked(group),
    decisions,
    latest,
  };
}

function worked(group: readonly TurnView[]): number {
  return group.reduce(
    (seconds, { createdAt, completedAt }) =>
      createdAt && completedAt ? seconds + completedAt - createdAt : seconds,
    0,
  );
}

/** Counts are added; what is no count is the latest. */
function sum(a: TurnView["usage"], b: TurnView["usage"]): TurnView["usage"] {
  if (!a || !b) return a ?? b;
  const entries = Object.entries(b).map(([key, value]) => {
    const before = a[key];
    return [key, typeof before === "number" && typeof value === "number" ? before + value : value];
  });
  return { ...a, ...Object.fromEntries(entries) };
}
