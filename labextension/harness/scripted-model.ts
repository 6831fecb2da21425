/** A widget model without a kernel: traits by hand, messages as the test says. */
import type { WidgetModel } from "../ui/channel";

type Callback = (...args: never[]) => void;

/** What a kernel and Jupyter give a widget, played by a test. */
export class ScriptedModel implements WidgetModel {
  readonly sent: Record<string, unknown>[] = [];
  readonly #traits: Record<string, unknown>;
  readonly #callbacks = new Map<string, Set<Callback>>();

  constructor(traits: Record<string, unknown> = {}) {
    this.#traits = {
      schema: 1,
      version: "0.1.0",
      app: "friday",
      session_id: "s1",
      status: { state: "idle", detail: "", run_id: "" },
      busy: false,
      turns: [],
      http_path: "",
      stop_path: "",
      model_label: "scripted (deterministic)",
      description: "",
      title: "",
      info: {},
      settings: {},
      lang: "en",
      ...traits,
    };
  }

  get(name: string): unknown {
    return this.#traits[name];
  }

  on(event: string, callback: Callback): void {
    const known = this.#callbacks.get(event) ?? new Set();
    known.add(callback);
    this.#callbacks.set(event, known);
  }

  off(event: string, callback?: Callback | null): void {
    if (callback) this.#callbacks.get(event)?.delete(callback);
    else this.#callbacks.delete(event);
  }

  /** What the kernel does with what it is sent. */
  onSend?: (message: Record<string, unknown>) => void;

  /** Whether sending throws, as it does once the kernel was restarted. */
  broken = false;

  send(content: unknown): void {
    if (this.broken) throw new Error("Cannot send");
    this.sent.push(content as Record<string, unknown>);
    this.onSend?.(content as Record<string, unknown>);
  }

  /** The kernel says something. */
  say(message: unknown, buffers: unknown[] = []): void {
    for (const callback of [...(this.#callbacks.get("msg:custom") ?? [])]) {
      (callback as (message: unknown, buffers: unknown[]) => void)(message, buffers);
    }
  }

  /** The kernel changes a trait. */
  set(name: string, value: unknown): void {
    this.#traits[name] = value;
    this.trigger(`change:${name}`);
  }

  /** Something happens to the model. */
  trigger(event: string): void {
    for (const callback of [...(this.#callbacks.get(event) ?? [])]) (callback as () => void)();
  }
}
