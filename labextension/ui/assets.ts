/**
 * Files that are fetched when they are first needed, so that the chat itself stays small.
 *
 * They lie beside the chat's own file where a server has that, else a kernel sends them by the
 * comm of a widget. A page asks once for each.
 */
import type { WidgetModel } from "./channel";
import { newId } from "./channel";

/** Set by the build: what a file is for → its name, which holds a hash of its content. */
declare const __ASSETS__: Readonly<Record<string, string>>;
const FILES: Readonly<Record<string, string>> = typeof __ASSETS__ === "undefined" ? {} : __ASSETS__;

const PATIENCE = 8_000; // ms after which another widget's kernel is asked as well

interface AssetMessage {
  readonly type: string;
  readonly name: string;
  readonly css?: string;
}
interface Arrived {
  readonly script: DataView;
  readonly css: string;
  readonly style: DataView | undefined;
}

const models = new Set<WidgetModel>();
const loading = new Map<string, Promise<unknown>>();
const awaited = new Map<string, (arrived: Arrived) => void>();
let base = "";

/**
 * Have assets brought by this widget's kernel, where no server has them.
 *
 * @param where the folder that the chat's own file came from; "" when it came by the comm.
 * @returns how to end it.
 */
export function assetsFrom(model: WidgetModel, where: string): () => void {
  if (where) base = where;
  const onMessage = (message: AssetMessage, buffers?: readonly DataView[]): void => {
    const [script, style] = buffers ?? [];
    if (message?.type !== "asset" || !script) return;
    awaited.get(message.name)?.({ script, css: message.css ?? "", style });
    awaited.delete(message.name);
  };
  models.add(model);
  model.on("msg:custom", onMessage);
  return () => {
    models.delete(model);
    model.off("msg:custom", onMessage);
  };
}

/** Whether the build knows an asset. */
export function hasAsset(name: string): boolean {
  return Object.hasOwn(FILES, name);
}

/** The module that is called so in the build; rejects when nobody has it. */
export function loadAsset<T>(name: string): Promise<T> {
  const known = loading.get(name);
  if (known) return known as Promise<T>;
  const file = hasAsset(name) ? FILES[name] : undefined;
  if (!file) return Promise.reject(new Error(`no asset is called ${name}`));
  const promise = base ? fromServer(file).catch(() => fromKernel(file)) : fromKernel(file);
  loading.set(name, promise);
  promise.catch(() => loading.delete(name)); // whoever needs it next tries again
  return promise as Promise<T>;
}

function fromServer(file: string): Promise<unknown> {
  return import(/* webpackIgnore: true */ new URL(file, base).href);
}

/** Ask one kernel after the other, until one sends the file. */
async function fromKernel(file: string): Promise<unknown> {
  const arrived = new Promise<Arrived>((resolve) => awaited.set(file, resolve));
  for (const model of [...models].reverse()) {
    try {
      model.send({ id: newId(), type: "asset", name: file });
    } catch {
      continue; // its kernel is gone
    }
    const sent = await Promise.race([arrived, late()]);
    if (sent) return fromBuffers(sent);
  }
  // A kernel that runs a long cell answers when it is over.
  return fromBuffers(await arrived);
}

function late(): Promise<null> {
  return new Promise((resolve) => setTimeout(() => resolve(null), PATIENCE));
}

async function fromBuffers({ script, css, style }: Arrived): Promise<unknown> {
  if (css && style && !document.getElementById(css)) {
    const element = document.createElement("style");
    element.id = css;
    element.textContent = new TextDecoder().decode(style);
    document.head.append(element);
  }
  const text = new TextDecoder().decode(script);
  const url = URL.createObjectURL(new Blob([text], { type: "text/javascript" }));
  try {
    return await import(/* webpackIgnore: true */ url);
  } finally {
    URL.revokeObjectURL(url);
  }
}
