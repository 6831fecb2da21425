import { describe, expect, it } from "vitest";
import { RunScript } from "../harness/script";
import { turnFromWire } from "../ui/model";
import { defused, toNotebook } from "../ui/notebook";
import { toMarkdown } from "../ui/transcript";

const about = { name: "fri_day", model: "m", sessionId: "s1" };

describe("the notebook of a conversation", () => {
  it("has a cell with an id for each thing said, and pictures as attachments", () => {
    const wire = new RunScript("r1").tool("add", { a: 1 }, 2).text("It is **3**.").end().turn("hi");
    wire.input?.[0]?.content?.push(
      { object: "content", type: "image", image_url: "data:image/png;base64,AAAA" },
      { object: "content", type: "image", image_url: "https://evil.example/p.png" },
      { object: "content", type: "file", filename: "a_b.csv", file_data: "YQ==" },
    );
    const turns = [turnFromWire(wire)];
    const notebook = JSON.parse(toNotebook(turns, about));
    expect([notebook.nbformat, notebook.nbformat_minor]).toEqual([4, 5]);
    expect(notebook.cells.map((cell: { id: string }) => cell.id)).toEqual([
      "about",
      "1-you",
      "1-agent",
    ]);
    const [, you, agent] = notebook.cells;
    expect(you.source).toContain("hi\n\n![image](attachment:image1.png)");
    expect(you.source).toContain("*[a\\_b.csv]*");
    expect(you.attachments).toEqual({ "image1.png": { "image/png": "AAAA" } });
    expect(agent.source).toContain("**fri\\_day**");
    expect(agent.source).toContain("It is **3**.");
    expect(toMarkdown(turns, about)).toContain("[a_b.csv]");
  });

  it("fetches nothing and brings no HTML; code stays as it is", () => {
    const text = "![x](https://evil/?q) <img src=y>\n`<b>` and <c>\n```html\n<d>![e](f)\n```\n<g>";
    expect(defused(text)).toBe(
      "!\\[x](https://evil/?q) &lt;img src=y>\n`<b>` and &lt;c>\n```html\n<d>![e](f)\n```\n&lt;g>",
    );
    expect(defused("> ```\n> <a>\n> ```\n> <b>")).toBe("> ```\n> <a>\n> ```\n> &lt;b>");
    expect(defused("```\n<a>")).toBe("```\n<a>\n```");
  });
});
