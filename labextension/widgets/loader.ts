/**
 * What travels with every widget: it finds the chat application and shows it.
 *
 * The application comes from the Jupyter server when the package is installed there in the same
 * version (its name holds a hash of its content), else once per page through the widget's comm.
 */

import type { WidgetModel } from "../ui/channel";
import { jupyterBaseUrl, newId } from "../ui/channel";

interface Application {
  mount(model: WidgetModel, el: HTMLElement, base: string): () => void;
}
interface Loaded {
  readonly app: Application;
  readonly base: string;
}
interface Waiting {
  readonly promise: Promise<Loaded>;
  readonly resolve: (loaded: Loaded | Promise<Loaded>) => void;
  /** Whether the buffers have come; several listeners may hear of them. */
  taken: boolean;
}
interface AssetMessage {
  readonly type: string;
  readonly name: string;
}

const STATIC = "lab/extensions/agentscope-runtime-nb/static/";
const PATIENCE = 6_000; // ms until the reader is told why nothing shows
const KEY = Symbol.for("agentscope-runtime-nb.assets");
/** Shared by all widgets of the page, also by those of other versions of this loader. */
const page = globalThis as unknown as Record<symbol, Map<string, Waiting>>;
page[KEY] ??= new Map();
const assets = page[KEY];

function waiting(): Waiting {
  let resolve: Waiting["resolve"] = () => undefined;
  const promise = new Promise<Loaded>((done) => {
    resolve = done;
  });
  return { promise, resolve, taken: false };
}

function addStyle(id: string, text: string): void {
  if (document.getElementById(id)) return;
  const style = document.createElement("style");
  style.id = id;
  style.textContent = text;
  document.head.append(style);
}

async function fromServer(name: string, css: string): Promise<Loaded> {
  const root = jupyterBaseUrl();
  if (!root) throw new Error("no Jupyter server");
  const base = new URL(STATIC, root).href;
  const style = await fetch(new URL(css, base));
  if (!style.ok) throw new Error(`${css}: ${style.status}`);
  const app = (await import(/* webpackIgnore: true */ new URL(name, base).href)) as Application;
  addStyle(css, await style.text());
  return { app, base };
}

async function fromBuffers(css: string, buffers: readonly DataView[]): Promise<Loaded> {
  const [script, style] = buffers.map((buffer) => new TextDecoder().decode(buffer));
  const url = URL.createObjectURL(new Blob([script ?? ""], { type: "text/javascript" }));
  try {
    const app = (await import(/* webpackIgnore: true */ url)) as Application;
    addStyle(css, style ?? "");
    return { app, base: "" };
  } finally {
    URL.revokeObjectURL(url);
  }
}

function load(model: WidgetModel): Promise<Loaded> {
  const name = String(model.get("asset") ?? "");
  const css = String(model.get("asset_css") ?? "");
  if (!/^chat-[\w-]+\.js$/.test(name) || !/^chat-[\w-]+\.css$/.test(css)) {
    return Promise.reject(new Error("the widget names no application"));
  }
  const known = assets.get(name);
  const entry = known ?? waiting();
  assets.set(name, entry);
  const ask = (): void => model.send({ id: newId(), type: "asset", name });
  const onMessage = (message: AssetMessage, buffers: DataView[]): void => {
    if (message?.type !== "asset" || message.name !== name || !buffers?.length) return;
    if (entry.taken) return;
    entry.taken = true;
    model.off("msg:custom", onMessage);
    entry.resolve(fromBuffers(css, buffers));
  };
  model.on("msg:custom", onMessage);
  if (known) {
    // Someone else asked; should that kernel be gone, this one is asked too.
    const timer = setTimeout(ask, PATIENCE);
    entry.promise.then(
      () => clearTimeout(timer),
      () => clearTimeout(timer),
    );
  } else fromServer(name, css).then(entry.resolve, ask);
  const settled = (): void => model.off("msg:custom", onMessage);
  entry.promise.then(settled, () => {
    settled();
    assets.delete(name); // the next widget tries again
  });
  return entry.promise;
}

/** The output area that a widget stands in: there the static transcript is hidden. */
function markOutput(el: HTMLElement): () => void {
  let area: Element | null = null;
  let frame = 0;
  const look = (tries: number): void => {
    area = el.closest(".jp-OutputArea, .cell_container");
    if (area) area.classList.add("asnb-live");
    else if (tries > 0) frame = requestAnimationFrame(() => look(tries - 1));
  };
  look(300);
  return () => {
    cancelAnimationFrame(frame);
    area?.classList.remove("asnb-live");
  };
}

function say(el: HTMLElement, text: string): HTMLElement {
  const line = document.createElement("div");
  line.textContent = text;
  line.style.cssText = "padding:8px;font:13px/1.5 system-ui,sans-serif;opacity:.8";
  el.append(line);
  return line;
}

export default {
  initialize({ model }: { model: WidgetModel }): void {
    load(model).catch(() => undefined); // begin early; render waits for the same promise
  },

  render({ model, el }: { model: WidgetModel; el: HTMLElement }): () => void {
    let gone = false;
    let unmount = (): void => undefined;
    let note: HTMLElement | null = null;
    const chinese = /^zh/i.test(String(model.get("lang") || navigator.language));
    const timer = setTimeout(() => {
      note = say(
        el,
        chinese
          ? "聊天界面正在等待内核：某个单元格仍在运行，或内核已不在（请重新运行该单元格）。"
          : "The chat waits for the kernel: a cell is still running, or the kernel has gone (then run this cell again).",
      );
    }, PATIENCE);
    const unmark = markOutput(el);
    load(model).then(
      ({ app, base }) => {
        clearTimeout(timer);
        note?.remove();
        if (!gone) unmount = app.mount(model, el, base);
      },
      (error: unknown) => {
        clearTimeout(timer);
        note?.remove();
        say(el, `agentscope-runtime-nb: ${String(error)}`);
      },
    );
    return () => {
      gone = true;
      clearTimeout(timer);
      unmark();
      unmount();
    };
  },
};
