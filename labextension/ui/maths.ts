/** Formulas: found in Markdown, and set by the page's own typesetter where it has one. */
import type { MarkedExtension, Tokens } from "marked";
import type { WidgetManager } from "./jupyter";

/** As in Pandoc: `$5 and $6` is money, `$x$` is a formula. */
const INLINE =
  /^(?:\$\$[^$]+?\$\$|\$(?![\s$])(?:\\.|[^$\\\n]|\n(?!\n))*?(?<![\s\\])\$(?!\d)|\\\([\s\S]+?\\\))/;
const BLOCK = /^(?:\$\$[\s\S]+?\$\$|\\\[[\s\S]+?\\\])[ \t]*(?:\n|$)/;

interface Formula extends Tokens.Generic {
  readonly raw: string;
}

function extension(name: string, level: "inline" | "block", start: RegExp, rule: RegExp) {
  return {
    name,
    level,
    start: (text: string) => text.search(start),
    tokenizer: (text: string): Formula | undefined => {
      const raw = rule.exec(text)?.[0];
      return raw ? { type: name, raw, text: raw.trim() } : undefined;
    },
    renderer: (token: Tokens.Generic) => {
      const tag = level === "block" ? "p" : "span";
      return `<${tag} data-math="${level}">${escaped(String(token["text"]))}</${tag}>`;
    },
  };
}

/** What makes the Markdown parser keep formulas as they are written. */
export const MATHS: MarkedExtension = {
  extensions: [
    extension("maths", "block", /(?<=\n)(?:\$\$|\\\[)/, BLOCK),
    extension("formula", "inline", /\$|\\\(/, INLINE),
  ],
};

function escaped(text: string): string {
  return text.replace(/[&<>"]/g, (char) => `&#${char.charCodeAt(0)};`);
}

/** Sets the formulas in an element. */
export type Typeset = (root: HTMLElement) => void;

/** How formulas are set on this page; null where nothing can, and they stay as written. */
export function typesetterOf(manager: WidgetManager | undefined): Typeset | null {
  const typesetter = manager?.rendermime?.latexTypesetter;
  if (!typesetter) return null;
  return (root) => {
    for (const node of root.querySelectorAll<HTMLElement>("[data-math]")) typesetter.typeset(node);
  };
}
