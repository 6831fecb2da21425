/** How a MIME bundle is shown: which of its forms, and made safe in what way. */

import type { Renderers, WidgetManager } from "./jupyter";
import type { Display } from "./model";
import { isDataImage } from "./sanitize";

/** A form of a bundle that can be shown here. */
export type Form =
  | { readonly kind: "view"; readonly id: string }
  | { readonly kind: "jupyter"; readonly mime: string }
  | { readonly kind: "html"; readonly text: string }
  | { readonly kind: "page"; readonly text: string }
  | { readonly kind: "markdown"; readonly text: string }
  | { readonly kind: "image"; readonly url: string; readonly light: boolean };

const VIEW = "application/vnd.jupyter.widget-view+json";
const IMAGES = ["png", "jpeg", "gif", "webp"].map((name) => `image/${name}`);
/** Shown by us, the same everywhere: Jupyter's HTML renderer would fetch images from elsewhere. */
const OURS = new Set([
  VIEW,
  "text/html",
  "text/markdown",
  "text/latex",
  "text/plain",
  "image/svg+xml",
  ...IMAGES,
]);
const MAX_HTML = 3_000_000;

/** The forms of a bundle that could be shown, the best first; none when its text says as much. */
export function formsOf(display: Display, manager: WidgetManager | undefined): Form[] {
  const { data } = display;
  const forms: Form[] = [];
  const id = (data[VIEW] as { model_id?: unknown } | undefined)?.model_id;
  if (typeof id === "string" && manager?.create_view) forms.push({ kind: "view", id });
  const renderers = manager?.rendermime;
  for (const mime of foreign(data, renderers)) forms.push({ kind: "jupyter", mime });
  const html = text(data["text/html"]);
  if (html && html.length <= MAX_HTML) forms.push(prepared(html));
  const markdown = text(data["text/markdown"]);
  if (markdown) forms.push({ kind: "markdown", text: markdown });
  if (text(data["text/latex"]) && renderers?.getFactory("text/latex")?.safe) {
    forms.push({ kind: "jupyter", mime: "text/latex" });
  }
  return [...forms, ...images(display)];
}

/** Kinds that only Jupyter and its extensions can show, such as plots; never those that run code. */
function foreign(data: Display["data"], renderers: Renderers | undefined): string[] {
  if (!renderers) return [];
  return renderers.mimeTypes.filter(
    (mime) => Object.hasOwn(data, mime) && !OURS.has(mime) && renderers.getFactory(mime)?.safe,
  );
}

function images({ data, metadata }: Display): Form[] {
  const light = metadata?.["needs_background"] === "light";
  const svg = text(data["image/svg+xml"]);
  // As an image, a drawing runs nothing and fetches nothing.
  const drawn = svg ? [`data:image/svg+xml;charset=utf-8,${encodeURIComponent(svg)}`] : [];
  const painted = IMAGES.flatMap((mime) => {
    const base64 = text(data[mime]).replace(/\s+/g, "");
    const url = `data:${mime};base64,${base64}`;
    return base64 && isDataImage(url) ? [url] : [];
  });
  return [...drawn, ...painted].map((url) => ({ kind: "image", url, light }));
}

/** The value of a text type; notebooks may split it into lines. */
function text(value: unknown): string {
  if (Array.isArray(value)) return value.join("");
  return typeof value === "string" ? value : "";
}

/** The HTML, and whether it needs a page of its own because it brings styles or drawings. */
function prepared(html: string): Form {
  const { head, body } = new DOMParser().parseFromString(html, "text/html");
  // The few styles that data frames bring along are not missed: tables have ours.
  for (const style of head.parentElement?.querySelectorAll("style") ?? []) {
    if (onlyFrames(style.textContent ?? "")) style.remove();
  }
  for (const node of body.querySelectorAll<HTMLElement>("tr[style], th[style], td[style]")) {
    if (/^text-align: \w+;?$/.test(node.getAttribute("style") ?? "")) node.removeAttribute("style");
  }
  const own = "style, svg, math, canvas, link, [style]";
  const page = head.querySelector(own) ?? body.querySelector(own);
  return { kind: page ? "page" : "html", text: head.innerHTML + body.innerHTML };
}

function onlyFrames(rules: string): boolean {
  const selectors = rules.replace(/\{[^}]*\}/g, ",").split(",");
  return selectors.every((selector) => !selector.trim() || /^\s*\.dataframe\b/.test(selector));
}

/** The cells of a table as CSV. */
export function toCsv(table: HTMLTableElement): string {
  const cell = (value: string): string =>
    /[",\n\r]/.test(value) ? `"${value.replaceAll('"', '""')}"` : value;
  return [...table.rows]
    .map((row) => [...row.cells].map((td) => cell((td.textContent ?? "").trim())).join(","))
    .join("\n");
}
