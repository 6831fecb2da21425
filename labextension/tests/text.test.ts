import { describe, expect, it } from "vitest";
import { duration, ENGLISH, english, wordsOf } from "../ui/i18n";
import { clean, pieces, prettyJson, printed, summary } from "../ui/text";
import { WORDS } from "../ui/words-zh";

describe("text of strangers", () => {
  it("loses terminal codes and names what reorders it", () => {
    expect(clean("plain ünïcode 你好 🙂\n\ttab")).toBe("plain ünïcode 你好 🙂\n\ttab");
    expect(clean("a\u001b[31mred\u001b[0m b\u0007\u0000 c")).toBe("ared b c");
    expect(
      clean("\u001b]0;title\u0007x \u001b]8;;https://evil.example\u001b\\link\u001b]8;;\u001b\\"),
    ).toBe("x link");
    expect(clean("safe\u202egpj.exe")).toBe("safe[U+202E]gpj.exe");
    expect(clean("a\r\nb\rc")).toBe("a\nb\nc");
  });

  it("prints as a terminal would", () => {
    expect(printed("10%\r50%\r100%\ndone\r\n")).toBe("100%\ndone\n");
  });

  it("lays JSON out, also when it is not there yet", () => {
    expect(prettyJson('{"a":[1]}')).toBe('{\n  "a": [\n    1\n  ]\n}');
    expect(prettyJson('{"a":[')).toBe('{"a":[');
    expect(prettyJson('"text\\nof two lines"')).toBe("text\nof two lines");
    expect(prettyJson("42")).toBe("42");
  });

  it("is summed up in one line", () => {
    expect(summary('{"a":1,"b":"x"}')).toBe('a=1, b="x"');
    expect(summary('{"a":1,"b')).toBe('{"a":1,"b');
    expect(summary(JSON.stringify({ a: "y".repeat(500) }))).toHaveLength(80);
    expect(summary('{"a":"\\u001b[31mred"}')).toBe('a="\\u001b[31mred"');
  });

  it("is cut into pieces that join to the same", () => {
    for (const text of ["", "ab\ncd\nef", "x".repeat(100), "🙂".repeat(33), "\n".repeat(40)]) {
      const all = pieces(text, 7);
      expect(all.join("")).toBe(text);
      for (const piece of all) expect(piece.length).toBeLessThanOrEqual(7);
      for (const piece of all) expect(piece).not.toMatch(/^[\udc00-\udfff]/);
    }
  });
});

describe("words", () => {
  it("have both languages, with the same gaps", () => {
    const gaps = (text: string): string[] => [...text.matchAll(/\{\w+\}/g)].map(String).sort();
    expect(Object.keys(WORDS)).toEqual(Object.keys(ENGLISH));
    for (const [word, chinese] of Object.entries(WORDS)) {
      expect(chinese.length).toBeGreaterThan(0);
      expect(gaps(chinese)).toEqual(gaps(ENGLISH[word as keyof typeof ENGLISH]));
    }
  });

  it("follow the language asked for", () => {
    expect(wordsOf(WORDS)("stop")).toBe("停止");
    expect(english("chatWith", { name: "friday" })).toBe("Chat with friday");
    const said = [0.0004, 0.42, 2, 2.34, 12.3, 75].map((n) => duration(n, english));
    expect(said).toEqual(["1 ms", "420 ms", "2 s", "2.3 s", "12 s", "1 min 15 s"]);
  });
});
