/** The state of one chat view and how kernel messages change it. */

import type { Decision } from "./approvals";
import { decisionsOf } from "./approvals";
import type { OutContent } from "./files";
import type { Displays, TurnView, WireTurn } from "./model";
import { emptyTurn, ended, inputText, reduce, turnFromWire, withDisplays } from "./model";
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
  readonly contents: readonly OutContent[];
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

/** Decisions that the kernel has not taken yet. */
export interface Answering {
  readonly id: string;
  readonly decisions: readonly Decision[];
  /** Why they were refused; "" while they are on their way. */
  readonly why: string;
}

/** A conversation that the kernel keeps. */
export interface SessionEntry {
  readonly session_id: string;
  readonly title: string;
  readonly turns: number;
  /** Unix seconds. */
  readonly updated: number;
  readonly preview: string;
}

/** The sessions that a search found. */
export interface SessionList {
  readonly search: string;
  readonly sessions: readonly SessionEntry[];
}

/** Everything one view shows. */
export interface ChatState {
  readonly turns: readonly TurnView[];
  readonly pending: readonly Pending[];
  readonly notices: readonly Notice[];
  readonly answering: Answering | null;
  readonly status: ChatStatus;
  readonly sessionId: string;
  /** What this session is called. */
  readonly title: string;
  /** Null until the kernel was asked and has answered. */
  readonly sessions: SessionList | null;
  /** Set when events are missing: a snapshot is needed. */
  readonly torn: boolean;
}

/** Messages of the kernel. */
export type KernelMessage =
  | { type: "turn"; turn: WireTurn }
  | { type: "events"; run_id: string; events: AnyEvent[]; displays?: Displays }
  | { type: "log"; run_id: string; text: string }
  | {
      type: "snapshot";
      turns: WireTurn[];
      status?: ChatStatus;
      session_id?: string;
      title?: string;
    }
  | { type: "sessions"; search?: string; sessions: SessionEntry[] }
  | { type: "notice"; level?: string; text: string; id?: string };

/** A chat in which nothing was said. */
export const EMPTY_CHAT: ChatState = {
  turns: [],
  pending: [],
  notices: [],
  answering: null,
  status: { state: "idle" },
  sessionId: "",
  title: "",
  sessions: null,
  torn: false,
};

let noticeKey = 0;

/** The state after one message of the kernel. */
export function onKernelMessage(state: ChatState, message: KernelMessage, now: number): ChatState {
  switch (message.type) {
    case "turn":
      return onTurn(state, message.turn);
    case "events":
      return onEvents(state, message, now);
    case "log":
      return withTurn(state, message.run_id, (turn) => ({ ...turn, log: turn.log + message.text }));
    case "snapshot":
      return onSnapshot(state, message);
    case "notice":
      return onNotice(state, message);
    case "sessions":
      return onSessions(state, message.search ?? "", message.sessions);
    default:
      return state;
  }
}

function onTurn(state: ChatState, wire: WireTurn): ChatState {
  const index = state.turns.findIndex((turn) => turn.runId === wire.run_id);
  const turn = turnFromWire(wire, state.turns[index]);
  if (index >= 0) return { ...state, turns: state.turns.with(index, turn) };
  return {
    ...state,
    turns: [...state.turns, turn],
    pending: taken(state.pending, [turn]),
    answering: decided(state.answering, [turn]),
  };
}

/** Decisions on their way, unless a turn has brought them. */
function decided(answering: Answering | null, fresh: readonly TurnView[]): Answering | null {
  const taken = new Set(fresh.flatMap((turn) => decisionsOf(turn.input)).map(({ id }) => id));
  return answering?.decisions.some(({ id }) => taken.has(id)) ? null : answering;
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

function onEvents(
  state: ChatState,
  message: Extract<KernelMessage, { type: "events" }>,
  now: number,
): ChatState {
  const index = state.turns.findIndex((turn) => turn.runId === message.run_id);
  let turn = state.turns[index];
  if (!turn) return { ...state, torn: true };
  turn = withDisplays(turn, message.displays);
  for (const event of message.events) {
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
    if (old && isShown(old, wire)) {
      return withDisplays(old, wire.displays);
    }
    return turnFromWire(wire, old);
  });
  const fresh = turns.filter((turn) => !known.has(turn.runId));
  return {
    ...state,
    turns,
    pending: taken(state.pending, fresh),
    answering: decided(state.answering, turns),
    status: message.status ?? state.status,
    sessionId: message.session_id ?? state.sessionId,
    title: message.title ?? state.title,
    torn: false,
  };
}

function isShown(turn: TurnView, wire: WireTurn): boolean {
  const same = turn.feedback?.rating === wire.feedback?.rating;
  return ended(turn.status) && turn.log === (wire.log ?? "") && same;
}

/** What comes from a store is checked, so that one odd row does not take the list away. */
function onSessions(state: ChatState, search: string, found: SessionEntry[]): ChatState {
  const sessions = (Array.isArray(found) ? found : [])
    .filter((entry) => typeof entry?.session_id === "string")
    .map((entry) => ({
      session_id: entry.session_id,
      title: String(entry.title ?? ""),
      turns: Number(entry.turns) || 0,
      updated: Number(entry.updated) || 0,
      preview: String(entry.preview ?? ""),
    }));
  return { ...state, sessions: { search, sessions } };
}

function onNotice(
  state: ChatState,
  message: Extract<KernelMessage, { type: "notice" }>,
): ChatState {
  const level = message.level ?? "info";
  const notice = { key: ++noticeKey, level, text: message.text };
  const notices = [...state.notices.filter((old) => old.text !== notice.text), notice].slice(-3);
  // A refusal stands where the refused thing does, if that can be seen.
  const { id } = message;
  const seen = state.answering?.id === id || state.pending.some((waiting) => waiting.id === id);
  return id && seen ? failed(state, id, message.text) : { ...state, notices };
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

/** With decisions that were just sent. */
export function answered(state: ChatState, id: string, decisions: readonly Decision[]): ChatState {
  return { ...state, answering: { id, decisions, why: "" } };
}

/** With a message that was just sent. */
export function sent(
  state: ChatState,
  id: string,
  text: string,
  contents: readonly OutContent[] = [],
): ChatState {
  const message: Pending = { id, text, contents, state: "sending", why: "" };
  return { ...state, pending: [...state.pending, message] };
}

/** With a sent message that still waits for the kernel. */
export function queued(state: ChatState, id: string): ChatState {
  return pendingTo(state, id, { state: "queued", why: "" });
}

/** With a message that was refused. */
export function failed(state: ChatState, id: string, why: string): ChatState {
  const answering = state.answering?.id === id ? { ...state.answering, why } : state.answering;
  return { ...pendingTo(state, id, { state: "failed", why }), answering };
}

function pendingTo(state: ChatState, id: string, change: Partial<Pending>): ChatState {
  const pending = state.pending.map((message) =>
    message.id === id ? { ...message, ...change } : message,
  );
  return { ...state, pending };
}

/** With everything unsent refused, because the kernel is gone. */
export function lost(state: ChatState): ChatState {
  if (state.pending.length === 0 && !state.answering) return state;
  return {
    ...state,
    answering: null,
    pending: state.pending.map((old) => ({ ...old, state: "failed" as const })),
  };
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
    state.answering?.why === "" ||
    state.turns.some((turn) => !ended(turn.status))
  );
}
