/** The two roads to the kernel: the widget's comm, and HTTP through the Jupyter server. */

import type { Decision } from "./approvals";
import type { OutContent } from "./files";
import type { Value } from "./info";
import type { WidgetManager } from "./jupyter";

/** What anywidget gives a widget of its model. */
export interface WidgetModel {
  get(name: string): unknown;
  on(event: string, callback: (...args: never[]) => void): void;
  off(event: string, callback?: ((...args: never[]) => void) | null): void;
  send(content: unknown, callbacks?: unknown, buffers?: ArrayBuffer[]): void;
  readonly widget_manager?: WidgetManager;
}

/** A message to the kernel; `id` lets the kernel drop what comes by both roads. */
export interface Outgoing {
  id: string;
  type:
    | "send"
    | "stop"
    | "force"
    | "retry"
    | "new_session"
    | "snapshot"
    | "asset"
    | "approve"
    | "edit"
    | "fork"
    | "open"
    | "sessions"
    | "rename"
    | "delete"
    | "feedback"
    | "settings";
  text?: string;
  content?: readonly OutContent[];
  run_id?: string;
  session_id?: string;
  search?: string;
  title?: string;
  rating?: string;
  comment?: string;
  /** Null takes a value back to its default. */
  values?: Readonly<Record<string, Value | null>>;
  name?: string;
  decisions?: readonly Decision[];
}

/** What became of a message that was sent by HTTP. */
export type Outcome = "taken" | "unreachable" | { refused: string };

const PATIENCE = 4_000; // ms after which the comm is tried as well

/** The Jupyter server's address, when the page belongs to one. */
export function jupyterBaseUrl(): string | null {
  const text = document.getElementById("jupyter-config-data")?.textContent;
  if (!text) return null;
  try {
    const base = (JSON.parse(text) as { baseUrl?: unknown }).baseUrl;
    return typeof base === "string" ? new URL(base, location.href).href : null;
  } catch {
    return null;
  }
}

/** A fresh id. */
export function newId(): string {
  const random = globalThis.crypto;
  if (random?.randomUUID) return random.randomUUID();
  return `${Date.now().toString(36)}-${Math.random().toString(36).slice(2)}`; // not a secure page
}

/** Sends one widget's messages. */
export class Channel {
  readonly #model: WidgetModel;
  readonly #base: string | null;
  #http = true;
  /** Called when a message cannot leave the page, because the kernel's end is gone. */
  onGone = (): void => undefined;
  /** Called with the server's words when it and the kernel do not understand each other. */
  onMismatch = (_text: string): void => undefined;
  #worked = false; // whether HTTP ever reached this kernel

  constructor(model: WidgetModel, base: string | null = jupyterBaseUrl()) {
    this.#model = model;
    this.#base = base;
  }

  /** Do not use HTTP any more: nothing there speaks our language. */
  closeHttp(): void {
    this.#http = false;
  }

  /** By the comm alone. */
  byComm(message: Outgoing): void {
    try {
      this.#model.send(message);
    } catch {
      this.onGone(); // JupyterLab's comms refuse to send once their kernel has been restarted
    }
  }

  /**
   * Whether the widget's comm is alive.
   *
   * ipywidgets tells it by a class of the view's element and by an event; anywidget (0.11) loses
   * the listener that keeps the class, so the model itself is asked where it can be found.
   */
  async alive(): Promise<boolean> {
    const id = /\/chat\/([^/]+)$/.exec(String(this.#model.get("http_path") ?? ""))?.[1];
    try {
      const real = id ? await this.#model.widget_manager?.get_model?.(id) : undefined;
      if (typeof real?.comm_live === "boolean") return real.comm_live;
      this.#model.send({ id: newId(), type: "snapshot" });
      return true;
    } catch {
      return false;
    }
  }

  /** By HTTP, and by the comm when that does not get through or takes long. */
  async send(message: Outgoing): Promise<Outcome> {
    const path = this.#path("http_path");
    if (!path) {
      this.byComm(message);
      return "unreachable";
    }
    let late = false;
    const timer = setTimeout(() => {
      late = true;
      this.byComm(message);
    }, PATIENCE);
    const outcome = await this.#post(path, message);
    clearTimeout(timer);
    if (outcome === "unreachable" && !late) this.byComm(message);
    return outcome;
  }

  /** By every road at once: a stop may not wait for a busy kernel. */
  async urgent(message: Outgoing): Promise<Outcome> {
    this.byComm(message);
    const path = this.#path("http_path");
    const outcome = path ? await this.#post(path, message) : "unreachable";
    if (outcome !== "unreachable" || message.type !== "stop") return outcome;
    const direct = this.#path("stop_path");
    return direct ? this.#post(direct, { run_id: message.run_id ?? "" }) : outcome;
  }

  /** The schema that the server part of the package speaks; null when it is not there. */
  async serverSchema(): Promise<number | null> {
    if (!this.#base || !this.#model.get("http_path")) return null;
    try {
      const reply = await fetch(new URL("agentscope-nb/status", this.#base), {
        credentials: "same-origin",
        headers: xsrfHeader(), // under a hub even what only reads has to show it
      });
      if (!reply.ok) return null;
      const { schema } = (await reply.json()) as { schema?: unknown };
      return typeof schema === "number" ? schema : null;
    } catch {
      return null;
    }
  }

  #path(trait: string): string | null {
    const path = this.#model.get(trait);
    if (!this.#http || !this.#base || typeof path !== "string" || !path) return null;
    const url = new URL(path, this.#base);
    return url.href.startsWith(this.#base) ? url.href : null;
  }

  async #post(url: string, body: unknown): Promise<Outcome> {
    try {
      const reply = await fetch(url, {
        method: "POST",
        credentials: "same-origin",
        headers: { "Content-Type": "application/json", ...xsrfHeader() },
        body: JSON.stringify(body),
      });
      if (reply.ok) {
        this.#worked = true;
        return "taken";
      }
      const { error } = (await reply.json()) as { error?: { code?: string; message?: string } };
      return this.#refusal(reply.status, error?.code ?? "", error?.message ?? "");
    } catch {
      return "unreachable";
    }
  }

  /** The app's own refusals are answers; the proxy's mean that the road is closed. */
  #refusal(status: number, code: string, message: string): Outcome {
    // A kernel that was never found may be elsewhere; one that was reached before has ended.
    if ((code === "KERNEL_NOT_FOUND" || code === "KERNEL_GONE") && this.#worked) this.onGone();
    if (code === "SCHEMA_MISMATCH") {
      this.closeHttp();
      this.onMismatch(message);
    }
    return message && ![404, 502, 503, 504].includes(status) ? { refused: message } : "unreachable";
  }
}

/** What lets a request through the server's check of where it comes from. */
export function xsrfHeader(): Record<string, string> {
  const value = /(?:^|;\s*)_xsrf=([^;]+)/.exec(document.cookie)?.[1];
  return value ? { "X-XSRFToken": decodeURIComponent(value) } : {};
}
