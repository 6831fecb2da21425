import { describe, expect, it } from "vitest";
import type { Block } from "../ui/blocks";
import { BlockSplitter, MAX_OPEN } from "../ui/blocks";

const raw = (block: Block): string =>
  block.kind === "code"
    ? `\`${block.lang}\`${block.code}`
    : block.tokens.map((token) => token.raw).join("");

/** All blocks after feeding the text in pieces of a size. */
function split(text: string, size: number): Block[] {
  const splitter = new BlockSplitter();
  const all: Block[] = [];
  for (let end = size; end < text.length; end += size) {
    all.push(...(splitter.update(text.slice(0, end), false)?.finished ?? []));
  }
  const last = splitter.update(text, true);
  all.push(...(last?.finished ?? []));
  expect(last?.open).toBeNull();
  return all;
}

const TEXT = `# Title

Some *prose* that
goes on.

- one
- two

  still two
- three

\`\`\`python
x = 1

\`\`\`\`not the end
y = 2
\`\`\`
After.

| a | b |
| - | - |
| 1 | 2 |

~~~
tilde
~~~

1. last
`;

describe("block splitter", () => {
  it("gives the same blocks however the text arrives", () => {
    const whole = split(TEXT, TEXT.length)
      .map(raw)
      .map((text) => text.trim());
    expect(whole).toHaveLength(8);
    for (const size of [1, 2, 3, 7, 50]) {
      expect(
        split(TEXT, size)
          .map(raw)
          .map((text) => text.trim()),
      ).toEqual(whole);
    }
  });

  it("finishes blocks while the last stays open", () => {
    const splitter = new BlockSplitter();
    const first = splitter.update("one\n\ntwo\n\nthr", false);
    expect(first?.finished.map(raw)).toHaveLength(2);
    expect(first?.open && raw(first.open)).toBe("thr");
    const second = splitter.update("one\n\ntwo\n\nthree", true);
    expect(second?.finished.map(raw)).toEqual(["three"]);
  });

  it("knows open code and its end", () => {
    const splitter = new BlockSplitter();
    expect(splitter.update("```js\nlet a", false)?.open).toMatchObject({
      kind: "code",
      lang: "js",
      code: "let a",
      closed: false,
    });
    expect(splitter.update("```js\nlet a\n``", false)?.finished).toEqual([]);
    const end = splitter.update("```js\nlet a\n```\nok", false);
    expect(end?.finished).toMatchObject([{ kind: "code", code: "let a", closed: true }]);
    expect(splitter.update("```js\nlet a\n```\nok", true)?.finished).toHaveLength(1);
  });

  it("cuts what would be slow to draw again, and loses nothing", () => {
    const kinds = {
      line: "x".repeat(50_000),
      words: "word ".repeat(10_000),
      list: Array.from({ length: 3000 }, (_, i) => `- item ${i}`).join("\n"),
      table: `| a | b |\n| - | - |\n${Array.from({ length: 3000 }, (_, i) => `| r${i} | ${i} |`).join("\n")}`,
    };
    for (const [kind, text] of Object.entries(kinds)) {
      const blocks = split(text, 997);
      for (const block of blocks) expect(raw(block).length).toBeLessThanOrEqual(MAX_OPEN + 1000);
      const joined = blocks.map(raw).join("");
      for (const mark of kind === "list"
        ? ["item 0", "item 2999"]
        : kind === "table"
          ? ["r0 ", "r2999 "]
          : []) {
        expect(joined).toContain(mark);
      }
      if (kind === "line") expect(joined).toBe(text);
      if (kind === "table")
        expect(
          new Set(blocks.map((b) => (b.kind === "markdown" ? b.tokens[0]?.type : "code"))),
        ).toEqual(new Set(["table"]));
    }
  });

  it("never repeats work on what is finished", () => {
    const splitter = new BlockSplitter();
    let text = "";
    let finished = 0;
    for (let i = 0; i < 400; i++) {
      text += `Paragraph ${i} with some words.\n\n`;
      finished += splitter.update(text, false)?.finished.length ?? 0;
    }
    expect(finished).toBe(399);
  });

  it("says when the text was replaced", () => {
    const splitter = new BlockSplitter();
    splitter.update("abc", false);
    expect(splitter.update("abX", false)).toBeNull();
  });

  it("holds an escape sequence back until it is whole", () => {
    const splitter = new BlockSplitter();
    splitter.update("red \u001b[3", false);
    const update = splitter.update("red \u001b[31mhot", true);
    expect(update?.finished.map(raw)).toEqual(["red hot"]);
  });
});
