/** One view of a chat: its state as a signal, fed by the widget's model, and what a user can do. */

import type { Decision } from "./approvals";
import type { Outgoing, WidgetModel } from "./channel";
import { Channel, newId } from "./channel";
import type { OutContent } from "./files";
import type { Info, Values } from "./info";
import { readInfo, readValues } from "./info";
import type { WidgetManager } from "./jupyter";
import type { WireTurn } from "./model";
import { ended } from "./model";
import type { Watched } from "./signal";
import { Signal } from "./signal";
import type { ChatState, ChatStatus, KernelMessage } from "./store";
import {
  answered,
  dropped,
  EMPTY_CHAT,
  failed,
  lost,
  onKernelMessage,
  queued,
  sent,
} from "./store";

/** The schema of traits and messages that this page speaks. */
export const SCHEMA = 1;
/** Milliseconds without an answer after which a message counts as waiting. */
const QUEUED_AFTER = 1_500;

/** Traits that may change while a view is open. */
const FOLLOWED = [
  "status",
  "session_id",
  "title",
  "description",
  "model_label",
  "info",
  "settings",
];

/** A chat, as one view of it knows it. */
export class ChatSession {
  readonly state: Signal<ChatState>;
  /** Whether the kernel is gone for good. */
  readonly gone = new Signal(false);
  /** A schema of the other side that is not ours. */
  readonly mismatch = new Signal<{ side: "kernel" | "server"; schema: number } | null>(null);
  /** What the app says about itself, and what was chosen for this chat. */
  readonly info: Signal<Info>;
  readonly values: Signal<Values>;
  /** Set when Stop was pressed and the kernel has not said so yet. */
  readonly stopping = new Signal("");
  /** The session that was made by going on from an earlier turn, until that was read. */
  readonly forked = new Signal("");
  /** All of these: what a view of the chat follows. */
  readonly watched: readonly Watched[];
  readonly #model: WidgetModel;
  readonly #channel: Channel;
  #inbox: KernelMessage[] = [];
  #frame = 0;
  #timer = 0;
  #askedAt = 0;
  #forking = "";

  constructor(model: WidgetModel, el: HTMLElement, channel = new Channel(model)) {
    this.#model = model;
    this.#channel = channel;
    this.state = new Signal(this.#fromTraits());
    this.info = new Signal(readInfo(model.get("info")));
    this.values = new Signal(readValues(model.get("settings")));
    const { state, gone, mismatch, info, values, stopping, forked } = this;
    this.watched = [state, gone, mismatch, info, values, stopping, forked];
    const schema = model.get("schema");
    if (typeof schema === "number" && schema !== SCHEMA) {
      this.mismatch.value = { side: "kernel", schema };
    }
    model.on("msg:custom", this.#onMessage);
    for (const trait of FOLLOWED) model.on(`change:${trait}`, this.#onTraits);
    model.on("comm_live_update", this.#onComm);
    channel.onGone = () => this.#lose();
    channel.onMismatch = (text) => this.#onMessage({ type: "notice", level: "warning", text });
    // A view of a kernel that is not there is marked by ipywidgets when it is made.
    this.gone.value = el.closest(".jupyter-widgets-disconnected") !== null;
    void this.#greet();
  }

  /** A trait, as text. */
  text(name: string): string {
    const value = this.#model.get(name);
    return typeof value === "string" ? value : "";
  }

  /** Detach from the model. */
  destroy(): void {
    this.#model.off("msg:custom", this.#onMessage);
    for (const trait of FOLLOWED) this.#model.off(`change:${trait}`, this.#onTraits);
    this.#model.off("comm_live_update", this.#onComm);
    cancelAnimationFrame(this.#frame);
    clearTimeout(this.#timer);
  }

  /** Say something. */
  send(text: string, contents: readonly OutContent[] = []): Promise<void> {
    return this.#say({ id: newId(), type: "send", text }, contents);
  }

  /** Say something in the place of an earlier question, whose turn and all after it go. */
  edit(runId: string, text: string, contents: readonly OutContent[]): Promise<void> {
    return this.#say({ id: newId(), type: "edit", run_id: runId, text }, contents);
  }

  async #say(message: Outgoing & { text: string }, contents: readonly OutContent[]): Promise<void> {
    const { id, text } = message;
    this.state.value = sent(this.state.value, id, text, contents);
    window.setTimeout(() => {
      const waiting = this.state.value.pending.find((message) => message.id === id);
      if (waiting?.state === "sending") this.state.value = queued(this.state.value, id);
    }, QUEUED_AFTER);
    const content = contents.length > 0 ? { content: contents } : {};
    const outcome = await this.#channel.send({ ...message, ...content });
    if (typeof outcome === "object") {
      this.state.value = failed(this.state.value, id, outcome.refused);
    }
  }

  /** Give up a message that was not sent. */
  drop(id: string): void {
    this.state.value = dropped(this.state.value, id);
  }

  /** Stop the run that is being answered. */
  stop(): void {
    const runId = this.#runId();
    this.stopping.value = runId || "all";
    void this.#channel.urgent({ id: newId(), type: "stop", run_id: runId });
  }

  /** Free the session although user code still runs. */
  force(): void {
    void this.#channel.urgent({ id: newId(), type: "force", run_id: this.#runId() });
  }

  /** Ask the same again. */
  retry(runId: string): void {
    void this.#channel.send({ id: newId(), type: "retry", run_id: runId });
  }

  /** Say which tool calls are allowed; the answer goes on. */
  async approve(decisions: readonly Decision[]): Promise<void> {
    const id = newId();
    this.state.value = answered(this.state.value, id, decisions);
    const outcome = await this.#channel.send({ id, type: "approve", decisions });
    if (typeof outcome === "object") {
      this.state.value = failed(this.state.value, id, outcome.refused);
    }
  }

  /** What Jupyter lends to show things, where there is a Jupyter. */
  get manager(): WidgetManager | undefined {
    return this.#model.widget_manager;
  }

  /** Begin another conversation. */
  newSession(): void {
    this.state.value = { ...this.state.value, notices: [] };
    void this.#channel.send({ id: newId(), type: "new_session" });
  }

  /** Go on in a new session with what was said up to and including a turn. */
  fork(runId: string): void {
    this.#forking = this.state.value.sessionId;
    this.#ask({ type: "fork", run_id: runId });
  }

  /** Show another session. */
  open(sessionId: string): void {
    this.#ask({ type: "open", session_id: sessionId });
  }

  /** Have the sessions told that a search finds. */
  listSessions(search = ""): void {
    this.#ask({ type: "sessions", search });
  }

  /** Call a session otherwise. */
  rename(sessionId: string, title: string): void {
    this.#ask({ type: "rename", session_id: sessionId, title });
  }

  /** Forget a session for good. */
  delete(sessionId: string): void {
    this.#ask({ type: "delete", session_id: sessionId });
  }

  /** Keep with a run what the user thinks of it: up, down, or "" for nothing any more. */
  rate(runId: string, rating: string, comment: string): void {
    this.#ask({ type: "feedback", run_id: runId, rating, comment });
  }

  /** Choose other settings for this chat; what is not named has its default. */
  choose(values: Values): void {
    const before = this.values.value;
    const names = new Set([...Object.keys(before), ...Object.keys(values)]);
    const changes = [...names].filter((name) => before[name] !== values[name]);
    this.values.value = values; // the kernel's word follows
    this.#ask({
      type: "settings",
      values: Object.fromEntries(changes.map((name) => [name, values[name] ?? null])),
    });
  }

  #ask(message: Omit<Outgoing, "id">): void {
    void this.#channel.send({ id: newId(), ...message });
  }

  /** Take a notice away. */
  dismiss(key: number): void {
    const notices = this.state.value.notices.filter((notice) => notice.key !== key);
    this.state.value = { ...this.state.value, notices };
  }

  #runId(): string {
    const { status, turns } = this.state.value;
    return status.run_id || turns.findLast((turn) => !ended(turn.status))?.runId || "";
  }

  #fromTraits(): ChatState {
    const turns = (this.#model.get("turns") as WireTurn[] | undefined) ?? [];
    return onKernelMessage(
      EMPTY_CHAT,
      {
        type: "snapshot",
        turns,
        status: this.#status(),
        session_id: this.text("session_id"),
        title: this.text("title"),
      },
      Date.now(),
    );
  }

  #status(): ChatStatus {
    const status = this.#model.get("status") as Partial<ChatStatus> | undefined;
    return { ...status, state: status?.state ?? "idle" };
  }

  /** What happened between the model's state and this view's first breath comes by a snapshot. */
  async #greet(): Promise<void> {
    if (this.gone.value) return;
    const schema = await this.#channel.serverSchema();
    if (schema !== SCHEMA) this.#channel.closeHttp();
    if (schema !== null && schema !== SCHEMA) this.mismatch.value = { side: "server", schema };
    this.#askSnapshot();
  }

  #askSnapshot(): void {
    const now = Date.now();
    if (now - this.#askedAt < 1_000) return;
    this.#askedAt = now;
    void this.#channel.send({ id: newId(), type: "snapshot" });
  }

  readonly #onMessage = (message: KernelMessage): void => {
    if (!message || typeof message !== "object") return;
    this.gone.value = false; // who speaks is there; what is read late may be a dead one's
    this.#inbox.push(message);
    if (this.#frame || this.#timer) return;
    // Once a frame; a hidden page draws no frames but still has to keep up.
    if (document.hidden) this.#timer = window.setTimeout(this.#drain, 250);
    else {
      this.#frame = requestAnimationFrame(this.#drain);
      this.#timer = window.setTimeout(this.#drain, 500);
    }
  };

  readonly #drain = (): void => {
    cancelAnimationFrame(this.#frame);
    clearTimeout(this.#timer);
    this.#frame = 0;
    this.#timer = 0;
    let state = this.state.value;
    const now = Date.now();
    for (const message of this.#inbox.splice(0)) {
      state = onKernelMessage(state, message, now);
      // What was refused was not chosen.
      if (message.type === "notice") this.values.value = readValues(this.#model.get("settings"));
    }
    this.state.value = state;
    this.#noteFork();
    this.#settle();
    if (state.torn) this.#askSnapshot();
  };

  /** The kernel has made the session that was asked for. */
  #noteFork(): void {
    const { sessionId } = this.state.value;
    if (!this.#forking || sessionId === this.#forking) return;
    this.#forking = "";
    this.forked.value = sessionId;
  }

  /** Stop is over when nothing runs any more, or the kernel speaks of it itself. */
  #settle(): void {
    const { status, turns } = this.state.value;
    const open = turns.some((turn) => !ended(turn.status));
    if (status.state === "stopping" || !open) this.stopping.value = "";
  }

  readonly #onTraits = (): void => {
    const status = this.#status();
    this.state.value = {
      ...this.state.value,
      status,
      sessionId: this.text("session_id"),
      title: this.text("title"),
    };
    this.info.value = readInfo(this.#model.get("info"));
    this.values.value = readValues(this.#model.get("settings"));
    this.#noteFork();
    if (status.state !== "running") this.stopping.value = "";
  };

  readonly #onComm = async (): Promise<void> => {
    const live = await this.#channel.alive();
    const back = live && this.gone.value;
    if (!live) this.#lose();
    else this.gone.value = false;
    if (back) this.#askSnapshot();
  };

  /** The kernel is gone: what was on its way will not arrive. */
  #lose(): void {
    this.gone.value = true;
    this.stopping.value = "";
    this.state.value = lost(this.state.value);
  }
}
