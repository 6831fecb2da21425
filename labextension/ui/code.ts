/** A block of code: its language, a copy button, colours; long code is laid out piece by piece. */
import { coloured, fetchLanguage, MAX_COLOURED } from "./highlight";
import type { Words } from "./i18n";
import { pieces } from "./text";

/** So much open code is coloured again at each redraw. */
const LIVE = 6_000;
const PIECE = 4_000;

/** One block of code, which may still grow. */
export class CodeView {
  readonly element: HTMLElement;
  readonly #label: HTMLElement;
  readonly #code: HTMLElement;
  #lang = "";
  #text = "";
  #plain: string[] = [];
  #mode: "plain" | "coloured" = "plain";
  #closed = false;
  #asked = "";

  constructor(words: Words) {
    this.element = document.createElement("div");
    this.element.className = "asnb-code";
    const head = document.createElement("div");
    head.className = "asnb-code-head";
    this.#label = document.createElement("span");
    this.#label.className = "asnb-code-lang";
    const copy = document.createElement("button");
    copy.type = "button";
    copy.className = "asnb-quiet";
    copy.textContent = words("copy");
    copy.addEventListener("click", () => {
      void copyText(this.#text).then((ok) => {
        if (!ok) return;
        copy.textContent = words("copied");
        window.setTimeout(() => {
          copy.textContent = words("copy");
        }, 1600);
      });
    });
    head.append(this.#label, copy);
    const pre = document.createElement("pre");
    pre.tabIndex = 0; // long lines are scrolled by keyboard
    this.#code = document.createElement("code");
    pre.append(this.#code);
    this.element.append(head, pre);
  }

  /** Show the code so far. */
  update(text: string, lang: string, closed: boolean): void {
    const fresh = this.#text !== text || this.#lang !== lang;
    this.#text = text;
    this.#closed = closed;
    if (this.#lang !== lang || !this.#label.textContent) {
      this.#lang = lang;
      this.#label.textContent = lang || "text";
    }
    if (fresh || closed) this.#draw();
  }

  #draw(): void {
    const text = this.#text;
    const fit = text.length <= (this.#closed ? MAX_COLOURED : LIVE) && !hugeLine(text);
    const html = fit ? coloured(text, this.#lang) : null;
    if (html !== null) {
      this.#code.innerHTML = html; // escaped by highlight.js
      this.#mode = "coloured";
      this.#plain = [];
      return;
    }
    this.#drawPlain(text);
    // What is still being written may have half the name of its language only.
    const line = this.#closed || text.includes("\n");
    if (!fit || !line || !this.#lang || this.#asked === this.#lang) return;
    this.#asked = this.#lang;
    void fetchLanguage(this.#lang).then((ok) => {
      if (ok) this.#draw();
    });
  }

  /** Only the last piece changes while code grows. */
  #drawPlain(text: string): void {
    if (this.#mode === "coloured") {
      this.#code.replaceChildren();
      this.#mode = "plain";
    }
    const parts = pieces(text, PIECE);
    for (let i = 0; i < parts.length; i++) {
      const part = parts[i] ?? "";
      if (part === this.#plain[i]) continue;
      let node = this.#code.children[i];
      if (!node) {
        node = document.createElement("span");
        node.className = "asnb-piece";
        this.#code.append(node);
      }
      node.textContent = parts.length > i + 1 ? part.replace(/\n$/, "") : part;
      node.classList.toggle("asnb-wrap", hugeLine(part));
    }
    while (this.#code.children.length > parts.length) this.#code.lastElementChild?.remove();
    this.#plain = parts;
  }
}

function hugeLine(text: string): boolean {
  if (text.length < 2_000) return false;
  return text.split("\n").some((line) => line.length > 2_000);
}

/** Put text on the clipboard; false when the page may not. */
export async function copyText(text: string): Promise<boolean> {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    return copyOldWay(text); // no permission, or not a secure page
  }
}

function copyOldWay(text: string): boolean {
  const box = document.createElement("textarea");
  box.value = text;
  box.style.position = "fixed";
  box.style.opacity = "0";
  document.body.append(box);
  box.select();
  const ok = document.execCommand("copy");
  box.remove();
  return ok;
}
