/**
 * Splits growing Markdown into blocks. All but the last are final: they are drawn once, whatever
 * is appended later. Only the last, open block is looked at again.
 */

import type { MarkedOptions, Token, Tokens } from "marked";
import { markup } from "./markup";
import { MATHS } from "./maths";
import { clean } from "./text";

/** A piece of an answer that is drawn on its own. */
export type Block =
  | { readonly kind: "markdown"; readonly tokens: Token[] }
  | {
      readonly kind: "code";
      readonly code: string;
      readonly lang: string;
      readonly closed: boolean;
    };

/** What an update changed. */
export interface Update {
  /** Blocks that became final, in order. */
  readonly finished: readonly Block[];
  /** The block that may still grow, if there is text for one. */
  readonly open: Block | null;
}

/** An open block is cut when it grows past this, so that no single redraw is slow. */
export const MAX_OPEN = 5_000;
/** So much is read at once of a long text that is already there. */
const WINDOW = 4 * MAX_OPEN;
const FENCE = /^( {0,3})(`{3,}|~{3,})([^\n]*)\n/;
const HALF_ESCAPE = /\u001b[^\u001b]{0,64}$/;

/** Follows one text that only grows. */
export class BlockSplitter {
  #text = "";
  #start = 0; // where the open block begins
  #searched = 0; // how far the open code block was searched for its end
  #prefix = ""; // the head of a table that was cut
  readonly #links: Record<string, Pick<Tokens.Link, "href" | "title">> = {};

  /**
   * Take the text so far.
   *
   * @param done whether it will not grow any more.
   * @returns null when the text did not merely grow: start again with a new splitter.
   */
  update(raw: string, done: boolean): Update | null {
    const text = clean(done ? raw : raw.replace(HALF_ESCAPE, ""));
    if (!text.startsWith(this.#text)) return null;
    this.#text = text;
    const finished: Block[] = [];
    for (;;) {
      if (this.#prefix && /^\s*(?:\n|$)/.test(text.slice(this.#start, this.#start + 100))) {
        this.#prefix = ""; // the table that was cut ends here
      }
      const tail = this.#prefix + text.slice(this.#start);
      if (!tail.trim()) return { finished, open: null };
      const fence = this.#prefix ? null : FENCE.exec(tail);
      if (fence) {
        const code = this.#code(tail, fence, done);
        if (!code.closed) return { finished, open: code };
        finished.push(code);
      } else {
        const open = this.#markdown(tail, finished, done);
        if (open) return { finished, open };
      }
    }
  }

  /** The fenced code at the start of the tail; moves on when it is closed. */
  #code(tail: string, fence: RegExpExecArray, done: boolean): Extract<Block, { kind: "code" }> {
    const [head, indent = "", mark = "```", info = ""] = fence;
    const end = new RegExp(`\\n {0,3}${mark[0]}{${mark.length},}[ \\t]*(?:\\n|$)`, "g");
    end.lastIndex = Math.max(head.length - 1, this.#searched);
    const hit = end.exec(tail);
    // A fence at the very end may still grow into something else.
    const closed = hit !== null && (done || hit[0].endsWith("\n"));
    const body = tail.slice(head.length, hit ? Math.max(head.length, hit.index) : tail.length);
    if (closed) this.#advance(hit.index + hit[0].length);
    else if (done) this.#advance(tail.length);
    else this.#searched = Math.max(head.length - 1, tail.lastIndexOf("\n") - 1);
    return {
      kind: "code",
      code: indent ? body.replace(new RegExp(`^ {1,${indent.length}}`, "gm"), "") : body,
      lang: (info.trim().split(/[\s{,]/)[0] ?? "").slice(0, 40),
      closed: closed || done,
    };
  }

  /** Takes finished blocks off the tail; the block that stays open, if it is the only one. */
  #markdown(tail: string, finished: Block[], done: boolean): Block | null {
    const whole = tail.length <= WINDOW;
    const tokens = this.#lex(whole ? tail : tail.slice(0, WINDOW));
    const last = tokens.findLastIndex((token) => token.type !== "space");
    if (whole && done && tail.length <= MAX_OPEN) {
      finished.push(...blocks(tokens));
      this.#advance(tail.length);
    } else if (last > 0) {
      const before = tokens.slice(0, last);
      finished.push(...blocks(before));
      this.#advance(before.reduce((length, token) => length + token.raw.length, 0));
    } else if (tail.length <= MAX_OPEN) {
      return { kind: "markdown", tokens };
    } else this.#cut(tail, tokens[Math.max(0, last)]?.type, finished);
    return null;
  }

  #lex(text: string): Token[] {
    const lexer = new (markup().Lexer)(options());
    Object.assign(lexer.tokens.links, this.#links);
    const tokens = lexer.lex(text);
    Object.assign(this.#links, tokens.links);
    return [...tokens];
  }

  /** Cut a block that is too long: at an item, a line, a word, or anywhere. */
  #cut(tail: string, type: string | undefined, finished: Block[]): void {
    const head = tail.slice(0, this.#prefix.length + MAX_OPEN / 2);
    const item = type === "list" ? [...head.matchAll(/\n(?=\S)/g)].at(-1)?.index : undefined;
    const least = this.#prefix.length + 1000;
    const places = [item ?? -1, head.lastIndexOf("\n"), head.lastIndexOf(" ")];
    let at = places.find((place) => place > least) ?? head.length - 1;
    if (/[\ud800-\udbff]/.test(tail.charAt(at))) at -= 1; // not between the halves of a character
    finished.push(...blocks(this.#lex(tail.slice(0, at + 1))));
    const table = type === "table" ? (/^[^\n]*\n[^\n]*\n/.exec(tail)?.[0] ?? "") : "";
    this.#advance(at + 1);
    this.#prefix = table;
  }

  #advance(by: number): void {
    this.#start += by - this.#prefix.length;
    this.#prefix = "";
    this.#searched = 0;
  }
}

let made: MarkedOptions | null = null;

/** How Markdown is read; the parser's own form of the extensions is made once. */
function options(): MarkedOptions {
  made ??= new (markup().Marked)({ gfm: true, breaks: true, ...MATHS }).defaults;
  return made;
}

function blocks(tokens: readonly Token[]): Block[] {
  const result: Block[] = [];
  for (const token of tokens) {
    if (token.type === "space" || token.type === "def") continue;
    if (token.type === "code") {
      const code = token as Tokens.Code;
      result.push({
        kind: "code",
        code: code.text,
        lang: code.lang?.split(/[\s{,]/)[0] ?? "",
        closed: true,
      });
    } else result.push({ kind: "markdown", tokens: [token] });
  }
  return result;
}
