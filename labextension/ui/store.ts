/** The state of one chat view and how kernel messages change it. */

import type { TurnView, WireTurn } from "./model";
import { emptyTurn, ended, inputText, reduce, turnFromWire } from "./model";
import type { AnyEvent } from "./wire";

/** Where the kernel says the chat stands. */
export interface ChatStatus {
  state: string;
  detail?: string;
  run_id?: string;
}

/** A message that the kernel has not taken yet. */
export interface Pending {
  readonly id: string;
  readonly text: string;
  /** sending, queued (the kernel is busy) or failed. */
  readonly state: "sending" | "queued" | "failed";
  readonly why: string;
}

/** A sentence from the kernel that belongs to no answer. */
export interface Notice {
  readonly key: number;
  readonly level: string;
  readonly text: string;
}

/** Everything one view shows. */
export interface ChatState {
  readonly turns: readonly TurnView[];
  readonly pending: readonly Pending[];
  readonly notices: readonly Notice[];
  readonly status: ChatStatus;
  readonly sessionId: string;
  /** Set when events are missing: a snapshot is needed. */
  readonly torn: boolean;
}

/** Messages of the kernel. */
export type KernelMessage =
  | { type: "turn"; turn: WireTurn }
  | { type: "events"; run_id: string; events: AnyEvent[] }
  | { type: "log"; run_id: string; text: string }
  | { type: "snapshot"; turns: WireTurn[]; status?: ChatStatus; session_id?: string }
  | { type: "notice"; level?: string; text: string; id?: string };

/** A chat in which nothing was said. */
export const EMPTY_CHAT: ChatState = {
  turns: [],
  pending: [],
  notices: [],
  status: { state: "idle" },
  sessionId: "",
  torn: false,
};

let noticeKey = 0;

/** The state after one message of the kernel. */
export function onKernelMessage(state: ChatState, message: KernelMessage, now: number): ChatState {
  switch (message.type) {
    case "turn":
      return onTurn(state, message.turn);
    case "events":
      return onEvents(state, message.run_id, message.events, now);
    case "log":
      return withTurn(state, message.run_id, (turn) => ({ ...turn, log: turn.log + message.text }));
    case "snapshot":
      return onSnapshot(state, message);
    case "notice":
      return onNotice(state, message);
    default:
      return state;
  }
}

function onTurn(state: ChatState, wire: WireTurn): ChatState {
  const index = state.turns.findIndex((turn) => turn.runId === wire.run_id);
  const turn = turnFromWire(wire, state.turns[index]);
  if (index >= 0) return { ...state, turns: state.turns.with(index, turn) };
  return { ...state, turns: [...state.turns, turn], pending: taken(state.pending, [turn]) };
}

/** Pending messages without those that became turns. */
function taken(pending: readonly Pending[], fresh: readonly TurnView[]): readonly Pending[] {
  let left = pending;
  for (const turn of fresh) {
    const text = inputText(turn.input);
    const hit = left.find((message) => message.state !== "failed" && message.text === text);
    if (hit) left = left.filter((message) => message !== hit);
  }
  return left;
}

function onEvents(state: ChatState, runId: string, events: AnyEvent[], now: number): ChatState {
  const index = state.turns.findIndex((turn) => turn.runId === runId);
  let turn = state.turns[index];
  if (!turn) return { ...state, torn: true };
  for (const event of events) {
    const seq = event.sequence_number;
    if (typeof seq === "number") {
      if (seq <= turn.seq) continue; // seen before the snapshot that we have
      if (seq > turn.seq + 1) return { ...state, torn: true };
    }
    turn = reduce(turn, event, now);
  }
  return { ...state, turns: state.turns.with(index, turn) };
}

function onSnapshot(
  state: ChatState,
  message: Extract<KernelMessage, { type: "snapshot" }>,
): ChatState {
  const known = new Map(state.turns.map((turn) => [turn.runId, turn]));
  const turns = message.turns.map((wire) => {
    const old = known.get(wire.run_id);
    // A finished turn that is already shown whole stays as it is: nothing is drawn again.
    if (old && ended(old.status) && old.log === (wire.log ?? "")) return old;
    return turnFromWire(wire, old);
  });
  const fresh = turns.filter((turn) => !known.has(turn.runId));
  return {
    ...state,
    turns,
    pending: taken(state.pending, fresh),
    status: message.status ?? state.status,
    sessionId: message.session_id ?? state.sessionId,
    torn: false,
  };
}

function onNotice(
  state: ChatState,
  message: Extract<KernelMessage, { type: "notice" }>,
): ChatState {
  const level = message.level ?? "info";
  const notice = { key: ++noticeKey, level, text: message.text };
  const notices = [...state.notices.filter((old) => old.text !== notice.text), notice].slice(-3);
  return message.id
    ? { ...failed(state, message.id, message.text), notices: state.notices }
    : { ...state, notices };
}

function withTurn(
  state: ChatState,
  runId: string,
  change: (turn: TurnView) => TurnView,
): ChatState {
  const index = state.turns.findIndex((turn) => turn.runId === runId);
  const turn = state.turns[index] ?? emptyTurn(runId);
  if (index < 0) return { ...state, torn: true };
  return { ...state, turns: state.turns.with(index, change(turn)) };
}

/** With a message that was just sent. */
export function sent(state: ChatState, id: string, text: string): ChatState {
  return { ...state, pending: [...state.pending, { id, text, state: "sending", why: "" }] };
}

/** With a sent message that still waits for the kernel. */
export function queued(state: ChatState, id: string): ChatState {
  return pendingTo(state, id, { state: "queued", why: "" });
}

/** With a message that was refused. */
export function failed(state: ChatState, id: string, why: string): ChatState {
  return pendingTo(state, id, { state: "failed", why });
}

function pendingTo(state: ChatState, id: string, change: Partial<Pending>): ChatState {
  const pending = state.pending.map((message) =>
    message.id === id ? { ...message, ...change } : message,
  );
  return { ...state, pending };
}

/** With everything unsent refused, because the kernel is gone. */
export function lost(state: ChatState): ChatState {
  if (state.pending.length === 0) return state;
  return { ...state, pending: state.pending.map((old) => ({ ...old, state: "failed" as const })) };
}

/** Without a message that the user gave up. */
export function dropped(state: ChatState, id: string): ChatState {
  return { ...state, pending: state.pending.filter((message) => message.id !== id) };
}

/** Whether an answer is being made. */
export function isBusy(state: ChatState): boolean {
  return (
    state.status.state === "running" ||
    state.status.state === "stopping" ||
    state.pending.some((message) => message.state !== "failed") ||
    state.turns.some((turn) => !ended(turn.status))
  );
}
