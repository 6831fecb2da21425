/**
 * What Jupyter lends a widget to show things: its renderers and its other widgets' views.
 *
 * Only what is used is described. JupyterLab has all of it; VS Code and Colab lack the renderers.
 */

import { createContext } from "preact";

/** The widget manager of the page's front end. */
export interface WidgetManager {
  get_model?(id: string): Promise<{ comm_live?: unknown }>;
  create_view?(model: unknown): Promise<WidgetView>;
  readonly rendermime?: Renderers;
}

/** JupyterLab's registry of renderers. */
export interface Renderers {
  readonly mimeTypes: readonly string[];
  getFactory(mime: string): { readonly safe: boolean } | undefined;
  createModel(options: { data: object; metadata: object; trusted: boolean }): object;
  createRenderer(mime: string): Renderer;
  readonly latexTypesetter?: { typeset(node: HTMLElement): unknown } | null;
}

/** What Jupyter lends to show things; nothing where there is none. */
export const Lent = createContext<WidgetManager | undefined>(undefined);

interface LuminoWidget {
  readonly node: HTMLElement;
  readonly isDisposed: boolean;
  processMessage(message: object): void;
  dispose(): void;
}
interface Renderer extends LuminoWidget {
  renderModel(model: object): Promise<void>;
}
interface WidgetView {
  readonly el: HTMLElement;
  readonly luminoWidget?: LuminoWidget;
  readonly pWidget?: LuminoWidget;
  remove(): void;
}

/** Takes away what was drawn. */
export type Undraw = () => void;

/** Have Jupyter's renderer of a MIME type draw a bundle, which is not trusted. */
export async function drawBundle(
  renderers: Renderers,
  mime: string,
  bundle: { data: object; metadata?: object | undefined },
  host: HTMLElement,
): Promise<Undraw> {
  const { data, metadata = {} } = bundle;
  const renderer = renderers.createRenderer(mime);
  const detach = attach(renderer, host);
  const undraw = (): void => {
    detach();
    renderer.dispose();
  };
  try {
    await renderer.renderModel(renderers.createModel({ data, metadata, trusted: false }));
    return undraw;
  } catch (error) {
    undraw();
    throw error;
  }
}

const TRIES = 4;

/** Show a view of another widget of the kernel. */
export async function drawView(
  manager: WidgetManager,
  id: string,
  host: HTMLElement,
): Promise<Undraw> {
  const model = await found(manager, id);
  const view = await manager.create_view?.(model);
  if (!view) throw new Error("no views here");
  const widget = view.luminoWidget ?? view.pWidget;
  const detach = widget ? attach(widget, host) : append(view.el, host);
  return () => {
    detach();
    view.remove();
  };
}

/** A widget that was made just now may reach the page after the answer that shows it. */
async function found(manager: WidgetManager, id: string): Promise<unknown> {
  for (let tries = 1; ; tries++) {
    try {
      const model = await manager.get_model?.(id);
      if (model) return model;
    } catch (error) {
      if (tries >= TRIES) throw error;
    }
    if (tries >= TRIES) throw new Error("no such widget");
    await new Promise((done) => setTimeout(done, 150 * tries));
  }
}

/** Lumino widgets want to be told when they enter and leave the page, and of their size. */
function attach(widget: LuminoWidget, host: HTMLElement): Undraw {
  const tell = (type: string, extra = {}): void => {
    if (widget.isDisposed) return;
    widget.processMessage({ type, isConflatable: false, conflate: () => false, ...extra });
  };
  tell("before-attach");
  const detach = append(widget.node, host);
  tell("after-attach");
  let width = host.clientWidth;
  const observer = new ResizeObserver(() => {
    if (host.clientWidth === width) return;
    width = host.clientWidth;
    tell("resize", { width: -1, height: -1 }); // -1: find out yourself
  });
  observer.observe(host);
  return () => {
    observer.disconnect();
    tell("before-detach");
    detach();
    tell("after-detach");
  };
}

function append(node: HTMLElement, host: HTMLElement): Undraw {
  host.append(node);
  return () => node.remove();
}
