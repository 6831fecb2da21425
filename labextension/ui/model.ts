/** What the chat shows, and the one reducer that makes it from wire events. */
import type { Decision } from "./approvals";
import type { AgentResponse, AnyContent, AnyEvent, Message, WireError } from "./wire";

/** One content of a message, its text joined from all deltas. */
export interface ContentView {
  readonly type: string;
  readonly status: string;
  /** Text, refusal, or the base64 of a sound. */
  readonly text: string;
  /** The JSON of a data content. */
  readonly data: Record<string, unknown> | null;
  /** Where an image, film, sound or file is; also data URIs. */
  readonly url: string;
  readonly name: string;
  readonly format: string;
}

/** One message of an answer. */
export interface PartView {
  readonly id: string;
  readonly type: string;
  readonly role: string;
  /** Who says it, where several do. */
  readonly agent: string;
  /** The call id of the tool call that it happens in; "" outside of any. */
  readonly parent: string;
  readonly status: string;
  readonly contents: readonly ContentView[];
  readonly error: WireError | null;
  readonly metadata: Record<string, unknown> | null;
  /** Milliseconds since the epoch, when this page saw it start and end. */
  readonly startedAt: number | null;
  readonly endedAt: number | null;
}

/** A MIME bundle, as a notebook would show it. */
export interface Display {
  readonly data: Readonly<Record<string, unknown>>;
  readonly metadata?: Readonly<Record<string, unknown>>;
}

/** Displays by the id that messages name. */
export type Displays = Readonly<Record<string, Display>>;

/** One question and its answer. */
export interface TurnView {
  readonly runId: string;
  /** The last of the runs that made this answer: decisions of the user make it go on in another. */
  readonly lastRunId: string;
  readonly input: readonly Message[];
  readonly parts: readonly PartView[];
  readonly status: string;
  readonly error: WireError | null;
  readonly usage: Record<string, unknown> | null;
  readonly log: string;
  /** What the user thought of it. */
  readonly feedback: Verdict | null;
  /** Unix seconds. */
  readonly started: number | null;
  readonly createdAt: number | null;
  readonly completedAt: number | null;
  /** The last sequence number seen; -1 before the first. */
  readonly seq: number;
  readonly displays: Displays;
  /** What the user decided about the tool calls of this answer, by the request's id. */
  readonly decisions: ReadonlyMap<string, Decision>;
  /** Whether nothing was said after it, so that it can still be decided. */
  readonly latest: boolean;
}

/** What a user thought of an answer. */
export interface Verdict {
  readonly rating: string;
  readonly comment?: string;
}

/** A turn as the kernel sends it. */
export interface WireTurn {
  run_id: string;
  input?: Message[] | null;
  events?: AnyEvent[] | null;
  log?: string | null;
  feedback?: Verdict | null;
  started?: number | null;
  displays?: Displays | null;
}

const ENDS: ReadonlySet<string> = new Set([
  "completed",
  "canceled",
  "failed",
  "incomplete",
  "rejected",
]);

/** Whether nothing more will come. */
export function ended(status: string): boolean {
  return ENDS.has(status);
}

const NO_DISPLAYS: Displays = {};
const NO_DECISIONS: ReadonlyMap<string, Decision> = new Map();

/** A turn of which no event has been seen. */
export function emptyTurn(runId: string): TurnView {
  return {
    runId,
    lastRunId: runId,
    input: [],
    parts: [],
    status: "created",
    error: null,
    usage: null,
    log: "",
    feedback: null,
    started: null,
    createdAt: null,
    completedAt: null,
    seq: -1,
    displays: NO_DISPLAYS,
    decisions: NO_DECISIONS,
    latest: true,
  };
}

/** With displays that came; what is shown stays the same object. */
export function withDisplays(turn: TurnView, displays: Displays | null | undefined): TurnView {
  const fresh = Object.keys(displays ?? {}).some((id) => !Object.hasOwn(turn.displays, id));
  if (!fresh) return turn;
  return { ...turn, displays: { ...displays, ...turn.displays } };
}

/**
 * A turn from the kernel's account of it.
 *
 * @param previous the same turn as shown until now: it knows when its parts began and ended.
 */
export function turnFromWire(wire: WireTurn, previous?: TurnView): TurnView {
  let turn: TurnView = {
    ...emptyTurn(wire.run_id),
    input: wire.input ?? [],
    log: wire.log ?? "",
    feedback: wire.feedback ?? null,
    started: wire.started ?? null,
  };
  for (const event of wire.events ?? []) turn = reduce(turn, event, null);
  if (!previous) return withDisplays(turn, wire.displays);
  // A display is drawn once: while the answer is known, so are its displays.
  turn = withDisplays({ ...turn, displays: previous.displays }, wire.displays);
  const known = new Map(previous.parts.map((part) => [part.id, part]));
  const parts = turn.parts.map((part) => {
    const old = known.get(part.id);
    return old ? { ...part, startedAt: old.startedAt, endedAt: old.endedAt } : part;
  });
  return { ...turn, parts };
}

/**
 * The turn after one more event.
 *
 * @param now when it arrived, in milliseconds; null when it is told again, later.
 */
export function reduce(turn: TurnView, event: AnyEvent, now: number | null): TurnView {
  const seq = event.sequence_number ?? turn.seq;
  const next = seq === turn.seq ? turn : { ...turn, seq };
  switch (event.object) {
    case "response":
      return onResponse(next, event, now);
    case "message":
      return onMessage(next, event, now);
    case "content":
      return onContent(next, event, now);
    default:
      return next; // a kind of a later protocol
  }
}

function onResponse(turn: TurnView, event: AgentResponse, now: number | null): TurnView {
  const status = event.status ?? turn.status;
  const head = {
    ...turn,
    status,
    createdAt: event.created_at ?? turn.createdAt,
    completedAt: event.completed_at ?? turn.completedAt,
    usage: event.usage ?? turn.usage,
    error: event.error ?? turn.error,
  };
  if (!ended(status)) return head;
  const known = new Map(turn.parts.map((part) => [part.id, part]));
  const parts: PartView[] = [];
  for (const message of event.output ?? []) {
    const old = known.get(message.id);
    known.delete(message.id);
    // What was already finished stays the very same object, so that nothing is drawn again.
    parts.push(old && ended(old.status) ? old : partFromMessage(message, old, now));
  }
  for (const part of known.values()) {
    parts.push(ended(part.status) ? part : { ...part, status, endedAt: part.endedAt ?? now });
  }
  return { ...head, parts: known.size ? inOrder(parts, turn.parts) : parts };
}

/** Parts that the final list does not have keep the place they were shown at. */
function inOrder(parts: PartView[], shown: readonly PartView[]): PartView[] {
  const place = new Map(shown.map((part, index) => [part.id, index]));
  return parts.sort((a, b) => (place.get(a.id) ?? 1e9) - (place.get(b.id) ?? 1e9));
}

function onMessage(turn: TurnView, event: Message, now: number | null): TurnView {
  if (event.type === "heartbeat") return turn;
  const old = turn.parts.find((part) => part.id === event.id);
  return withPart(turn, partFromMessage(event, old, now));
}

function partFromMessage(message: Message, old: PartView | undefined, now: number | null) {
  const status = message.status ?? "completed";
  const contents = message.content?.length
    ? message.content.map((content, index) => contentView(content, old?.contents[index]))
    : (old?.contents ?? []);
  const part: PartView = {
    id: message.id,
    type: message.type ?? old?.type ?? "message",
    role: message.role ?? old?.role ?? "assistant",
    agent: string(message.metadata?.["agent"]) || (old?.agent ?? ""),
    parent: string(message.metadata?.["parent_id"]) || (old?.parent ?? ""),
    status,
    contents,
    error: message.error ?? errorOf(message) ?? old?.error ?? null,
    metadata: message.metadata ?? old?.metadata ?? null,
    startedAt: old?.startedAt ?? now,
    endedAt: ended(status) ? (old?.endedAt ?? now) : null,
  };
  return part;
}

function errorOf(message: Message): WireError | null {
  return message.code ? { code: message.code, message: message.message ?? "" } : null;
}

function onContent(turn: TurnView, event: AnyContent, now: number | null): TurnView {
  const id = event.msg_id ?? "";
  const part =
    turn.parts.find((candidate) => candidate.id === id) ??
    partFromMessage(
      { object: "message", id, type: "message", status: "in_progress" },
      undefined,
      now,
    );
  const index = event.index ?? 0;
  const contents = part.contents.slice();
  contents[index] = contentView(event, contents[index]);
  for (let i = 0; i < index; i++) contents[i] ??= EMPTY; // never a hole
  return withPart(turn, { ...part, contents });
}

function withPart(turn: TurnView, part: PartView): TurnView {
  const index = turn.parts.findIndex((candidate) => candidate.id === part.id);
  const parts = turn.parts.slice();
  if (index < 0) parts.push(part);
  else parts[index] = part;
  return { ...turn, parts };
}

const EMPTY: ContentView = {
  type: "text",
  status: "in_progress",
  text: "",
  data: null,
  url: "",
  name: "",
  format: "",
};

function contentView(content: AnyContent, old: ContentView | undefined): ContentView {
  const raw = content as unknown as Record<string, unknown>;
  const added = string(raw["text"]) || string(raw["refusal"]) || soundOf(raw);
  const status = content.status ?? "completed";
  if (content.delta)
    return { ...(old ?? EMPTY), type: content.type, status, text: (old?.text ?? "") + added };
  const view: ContentView = {
    type: content.type,
    status,
    text: added,
    data: content.type === "data" ? (raw["data"] as Record<string, unknown> | null) : null,
    url: string(raw["image_url"]) || string(raw["video_url"]) || string(raw["file_url"]),
    name: string(raw["filename"]),
    format: string(raw["format"]),
  };
  // An ended content that came without its payload keeps what was seen of it.
  if (old && status !== "completed" && ended(status) && !added && !view.data && !view.url)
    return { ...old, status };
  return view;
}

function soundOf(raw: Record<string, unknown>): string {
  return raw["type"] === "audio" ? string(raw["data"]) : string(raw["file_data"]);
}

/** A value if it is text, else nothing. */
export function string(value: unknown): string {
  return typeof value === "string" ? value : "";
}

/** All text of a part. */
export function textOf(part: { readonly contents: readonly ContentView[] }): string {
  return part.contents.map((content) => (content.type === "data" ? "" : content.text)).join("");
}

/** The text of a question. */
export function inputText(input: readonly Message[]): string {
  return input
    .flatMap((message) => message.content ?? [])
    .map((content) => ("text" in content ? (content.text ?? "") : ""))
    .join("");
}
