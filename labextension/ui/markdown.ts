/** Draws growing Markdown into an element: finished blocks once, the open one at most once a frame. */
import type { Marked } from "marked";
import type { Block } from "./blocks";
import { BlockSplitter } from "./blocks";
import { CodeView } from "./code";
import type { Words } from "./i18n";
import { markup } from "./markup";
import type { Typeset } from "./maths";
import { MATHS } from "./maths";
import { isHtml, sanitizerFor } from "./sanitize";

/** Text beyond this is not drawn; the download has it. */
export const MAX_SHOWN = 1_000_000;
/** Finished blocks are grouped, so that the browser skips those that are out of sight. */
const GROUP = 16;

let made: Marked | null = null;

function parser(): Marked {
  made ??= new (markup().Marked)({
    gfm: true,
    breaks: true,
    ...MATHS,
    renderer: {
      code: ({ text, lang }) =>
        `<pre data-lang="${escaped(lang ?? "")}"><code>${escaped(text)}</code></pre>`,
      html: ({ text }) => (isHtml(text) ? text : escaped(text)),
      checkbox: ({ checked }) => `<span data-task="${checked ? "done" : "open"}"></span>`,
    },
  });
  return made;
}

function escaped(text: string): string {
  return text.replace(/[&<>"]/g, (char) => `&#${char.charCodeAt(0)};`);
}

/** One text, shown. */
export class MarkdownView {
  readonly #root: HTMLElement;
  readonly #words: Words;
  readonly #typeset: Typeset | null;
  readonly #sanitize: (html: string) => DocumentFragment;
  #splitter = new BlockSplitter();
  #group: HTMLElement | null = null;
  #open: HTMLElement | null = null;
  #code: CodeView | null = null;
  #cost = 0;
  #drawn = 0;
  #timer = 0;
  #source = "";
  #done = false;

  constructor(root: HTMLElement, words: Words, typeset: Typeset | null = null) {
    this.#root = root;
    this.#words = words;
    this.#typeset = typeset;
    this.#sanitize = sanitizerFor(words);
  }

  /** Show the text so far. A slow block is drawn less often, so that the page stays free. */
  update(source: string, done: boolean): void {
    if (source === this.#source && done === this.#done) return;
    this.#source = source;
    this.#done = done;
    const wait = this.#cost * 4 - (performance.now() - this.#drawn);
    if (!done && wait > 0) {
      this.#timer ||= window.setTimeout(() => this.#draw(), wait);
      return;
    }
    this.#draw();
  }

  /** Forget what is planned. */
  destroy(): void {
    window.clearTimeout(this.#timer);
  }

  #draw(): void {
    window.clearTimeout(this.#timer);
    this.#timer = 0;
    const began = performance.now();
    const source = this.#source.slice(0, MAX_SHOWN);
    const update = this.#splitter.update(source, this.#done);
    if (update) {
      for (const block of update.finished) this.#finish(block);
      this.#drawOpen(update.open);
    } else {
      this.#restart(source);
    }
    if (this.#done) this.#rest();
    this.#drawn = performance.now();
    this.#cost = this.#drawn - began > 4 ? this.#drawn - began : 0;
  }

  #restart(source: string): void {
    this.#root.replaceChildren();
    this.#splitter = new BlockSplitter();
    this.#group = null;
    this.#open = null;
    this.#code = null;
    const update = this.#splitter.update(source, this.#done);
    for (const block of update?.finished ?? []) this.#finish(block);
    this.#drawOpen(update?.open ?? null);
  }

  #rest(): void {
    const count = this.#source.length - MAX_SHOWN;
    if (count <= 0 || this.#root.querySelector(":scope > .asnb-truncated")) return;
    const note = document.createElement("p");
    note.className = "asnb-truncated";
    note.textContent = this.#words("truncated", { count });
    this.#root.append(note);
  }

  #finish(block: Block): void {
    let node: HTMLElement;
    if (block.kind === "code") {
      // The code that was open goes on in the element it has.
      const view = this.#code ?? new CodeView(this.#words);
      view.update(block.code, block.lang, true);
      node = view.element;
    } else {
      node = this.#render(block);
      this.#open?.remove();
    }
    this.#open = null;
    this.#code = null;
    if (!this.#group || this.#group.childElementCount >= GROUP) {
      this.#group = document.createElement("div");
      this.#group.className = "asnb-blocks";
      this.#root.append(this.#group);
    }
    this.#group.append(node);
    if (block.kind === "markdown") this.#typeset?.(node); // once: what still grows waits
  }

  #drawOpen(block: Block | null): void {
    if (block?.kind === "code") {
      if (!this.#code) {
        this.#open?.remove();
        this.#code = new CodeView(this.#words);
        this.#open = this.#code.element;
        this.#root.append(this.#open);
      }
      this.#code.update(block.code, block.lang, block.closed);
      return;
    }
    this.#code = null;
    const node = block ? this.#render(block) : null;
    if (node && this.#open) this.#open.replaceWith(node);
    else if (node) this.#root.append(node);
    else this.#open?.remove();
    this.#open = node;
  }

  #render(block: Extract<Block, { kind: "markdown" }>): HTMLElement {
    const node = document.createElement("div");
    node.className = "asnb-block";
    node.append(this.#sanitize(parser().parser(block.tokens)));
    for (const pre of node.querySelectorAll("pre")) {
      const view = new CodeView(this.#words);
      view.update((pre.textContent ?? "").replace(/\n$/, ""), pre.dataset["lang"] ?? "", true);
      pre.replaceWith(view.element);
    }
    scrollTables(node);
    return node;
  }
}

/** Wide tables are scrolled where they stand, also by keyboard. */
export function scrollTables(root: HTMLElement): void {
  for (const table of root.querySelectorAll("table")) {
    const scroller = document.createElement("div");
    scroller.className = "asnb-table";
    scroller.tabIndex = 0;
    scroller.setAttribute("role", "group");
    table.replaceWith(scroller);
    scroller.append(table);
  }
}
