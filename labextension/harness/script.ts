/** Builds the wire events of a run, by the grammar, for harness and tests. */
import type { WireTurn } from "../ui/model";
import type { AnyEvent, Message } from "../ui/wire";

type Loose = Record<string, unknown>;

/** One run, told event by event. */
export class RunScript {
  readonly events: AnyEvent[] = [];
  readonly output: Message[] = [];
  readonly runId: string;
  #messages = 0;
  #voice: Loose = {};

  constructor(runId = "response_1") {
    this.runId = runId;
    this.#response("created");
    this.#response("in_progress");
  }

  /** Who speaks from here on, and in which tool call. */
  as(agent = "", parent = ""): this {
    this.#voice = { ...(agent && { agent }), ...(parent && { parent_id: parent }) };
    return this;
  }

  /** A call that may not be made without the user's word. */
  ask(call_id: string, name: string, args: unknown, server_label = ""): this {
    this.call(call_id, name, args);
    const data = {
      id: `apr_${call_id}`,
      call_id,
      name,
      arguments: JSON.stringify(args),
      server_label,
    };
    const id = this.#start("mcp_approval_request", "assistant");
    this.#end(id, "mcp_approval_request", "assistant", { type: "data", data });
    return this;
  }

  /** A tool call alone. */
  call(call_id: string, name: string, args: unknown): this {
    const id = this.#start("plugin_call", "assistant");
    const data = { call_id, name, arguments: JSON.stringify(args) };
    this.#end(id, "plugin_call", "assistant", { type: "data", data });
    return this;
  }

  /** What came of a call. */
  result(call_id: string, name: string, output: unknown, extra: Loose = {}): this {
    const id = this.#start("plugin_call_output", "tool");
    const data = { call_id, name, output: JSON.stringify(output) };
    const metadata = { duration: 0.42, ...extra };
    this.#end(id, "plugin_call_output", "tool", { type: "data", data }, { metadata });
    return this;
  }

  /** Text in pieces, as a whole message; left open when `open`. */
  text(pieces: string | string[], type = "message", open = false): this {
    const id = this.#start(type, "assistant");
    const all = [pieces].flat();
    for (const text of all)
      this.#content(id, { type: "text", text, delta: true, status: "in_progress" });
    if (!open) this.#end(id, type, "assistant", { type: "text", text: all.join("") });
    return this;
  }

  /** A tool call; its result unless `output` is undefined. */
  tool(name: string, args: unknown, output?: unknown, options: Loose = {}): this {
    const call_id = `call_${this.#messages}`;
    const id = this.#start("plugin_call", "assistant");
    const text = typeof args === "string" ? args : JSON.stringify(args);
    const half = text.slice(0, text.length / 2);
    const data = { call_id, name, arguments: half };
    this.#content(id, { type: "data", data, delta: false, status: "in_progress" });
    this.#end(id, "plugin_call", "assistant", { type: "data", data: { ...data, arguments: text } });
    if (output === undefined) return this;
    const result = this.#start("plugin_call_output", "tool");
    const payload = { call_id, name, output: JSON.stringify(output) };
    this.#end(
      result,
      "plugin_call_output",
      "tool",
      { type: "data", data: payload },
      {
        metadata: { duration: 0.42 },
        ...options,
      },
    );
    return this;
  }

  /** A content of any type as a message; `display` names its rich form. */
  media(content: Loose, display = ""): this {
    const id = this.#start("message", "assistant");
    const metadata = { ...this.#voice, ...(display && { display }) };
    this.#end(id, "message", "assistant", content, { metadata });
    return this;
  }

  /** The end of the run. */
  end(status = "completed", extra: Loose = {}): this {
    this.#response(status, {
      output: this.output,
      usage: { input_tokens: 412, output_tokens: 1280 },
      completed_at: 1_760_000_004,
      ...extra,
    });
    return this;
  }

  /** As a turn of a snapshot. */
  turn(question: string, extra: Partial<WireTurn> = {}): WireTurn {
    const input = [userMessage(question)];
    return {
      run_id: this.runId,
      input,
      events: this.events,
      log: "",
      started: 1_760_000_000,
      ...extra,
    };
  }

  #add(event: Loose): void {
    this.events.push({
      sequence_number: this.events.length,
      error: null,
      ...event,
    } as unknown as AnyEvent);
  }

  #response(status: string, extra: Loose = {}): void {
    this.#add({
      object: "response",
      id: this.runId,
      status,
      created_at: 1_760_000_000,
      output: null,
      ...extra,
    });
  }

  #start(type: string, role: string): string {
    const id = `msg_${this.runId}_${++this.#messages}`;
    const metadata = this.#voice;
    this.#add({ object: "message", id, type, role, status: "in_progress", content: [], metadata });
    return id;
  }

  #content(id: string, content: Loose): void {
    this.#add({ object: "content", index: 0, msg_id: id, ...content });
  }

  #end(id: string, type: string, role: string, content: Loose, extra: Loose = {}): void {
    const whole = { ...content, delta: false, status: "completed" };
    this.#content(id, whole);
    const message = {
      object: "message",
      id,
      type,
      role,
      status: "completed",
      content: [{ object: "content", index: 0, msg_id: id, ...whole }],
      ...extra,
      metadata: { ...this.#voice, ...((extra["metadata"] as Loose | undefined) ?? {}) },
    };
    this.#add(message);
    this.output.push(message as unknown as Message);
  }
}

/** What a user decided. */
export function decisionMessage(...decisions: [string, boolean, Loose?][]): Message {
  const content = decisions.map(([approval_request_id, approve, extra]) => ({
    object: "content",
    type: "data",
    data: { approval_request_id, approve, reason: null, always: false, ...extra },
  }));
  return {
    object: "message",
    id: "msg_decision",
    type: "mcp_approval_response",
    role: "user",
    status: "completed",
    content: content as unknown as NonNullable<Message["content"]>,
  };
}

/** A user's message. */
export function userMessage(text: string): Message {
  return {
    object: "message",
    id: `msg_user_${text.length}`,
    type: "message",
    role: "user",
    status: "completed",
    content: [{ object: "content", type: "text", text }],
  };
}
