import { describe, expect, it } from "vitest";
import { formsOf, toCsv } from "../ui/bundles";
import type { Renderers } from "../ui/jupyter";
import { lonePage } from "../ui/sanitize";

const PANDAS = `<div>
<style scoped>
    .dataframe tbody tr th:only-of-type { vertical-align: middle; }
    .dataframe thead th { text-align: right; }
</style>
<table border="1" class="dataframe"><thead><tr style="text-align: right;"><th></th><th>a</th></tr></thead>
<tbody><tr><th>0</th><td>1,5</td></tr></tbody></table></div>`;

const kinds = (data: Record<string, unknown>, lab?: Renderers): string[] =>
  formsOf({ data }, lab && { rendermime: lab, create_view: () => Promise.reject() }).map((form) =>
    form.kind === "jupyter" ? form.mime : form.kind,
  );

const lab = {
  mimeTypes: ["application/vnd.plotly.v1+json", "text/html", "text/javascript", "text/latex"],
  getFactory: (mime: string) => ({ safe: mime !== "text/javascript" }),
} as unknown as Renderers;

describe("the form that is shown", () => {
  it("is the page's own for tables, whose styles are ours", () => {
    expect(kinds({ "text/html": PANDAS, "text/plain": "a" })).toEqual(["html"]);
    expect(formsOf({ data: { "text/html": PANDAS } }, undefined)[0]).toMatchObject({
      text: expect.not.stringContaining("style"),
    });
  });

  it("is a frame for what brings styles or drawings", () => {
    for (const html of [
      "<style>b{}</style><b>x</b>",
      "<p style='color:red'>x</p>",
      "<svg></svg>",
    ]) {
      expect(kinds({ "text/html": html })).toEqual(["page"]);
    }
    expect(kinds({ "text/html": "<script>alert(1)</script><b>x</b>" })).toEqual(["html"]);
  });

  it("is Jupyter's where only Jupyter knows it, but never runs code", () => {
    const plot = { "application/vnd.plotly.v1+json": {}, "text/html": "<div></div>" };
    expect(kinds(plot, lab)).toEqual(["application/vnd.plotly.v1+json", "html"]);
    expect(kinds(plot)).toEqual(["html"]);
    expect(kinds({ "text/javascript": "alert(1)", "text/latex": "$x$" }, lab)).toEqual([
      "text/latex",
    ]);
  });

  it("is a view of a widget where there are views", () => {
    const data = {
      "application/vnd.jupyter.widget-view+json": { model_id: "m1" },
      "text/plain": "S",
    };
    expect(kinds(data, lab)).toEqual(["view"]);
    expect(kinds(data)).toEqual([]);
  });

  it("is a picture in data, however it is written", () => {
    expect(kinds({ "image/png": ["AAAA\n", "AAAA\n"] })).toEqual(["image"]);
    expect(kinds({ "image/svg+xml": "<svg onload='alert(1)'/>" })).toEqual(["image"]);
    expect(kinds({ "image/png": 7, "text/html": null, "text/plain": "x" })).toEqual([]);
  });
});

it("a page of its own has no code, no forms, no links, and a policy", () => {
  const html = `<style>p{color:red}</style><p style="x" onclick="alert(1)">t</p><script>1</script>
    <form action="/x"><button>b</button></form><a href="https://evil.example">l</a>
    <iframe src="https://evil.example"></iframe><svg onload="1"><script>1</script></svg>`;
  const page = lonePage(html, "body{margin:0}");
  expect(page).toContain("default-src 'none'");
  expect(page).toContain("p{color:red}");
  expect(page).not.toMatch(/<script|onclick|onload|<form|<button|<a |<iframe/i);
});

it("a table is copied as CSV", () => {
  const node = document.createElement("div");
  node.innerHTML = `<table><tr><th></th><th>a "b"</th></tr><tr><td>0</td><td>1,5</td></tr></table>`;
  expect(toCsv(node.querySelector("table") as HTMLTableElement)).toBe(',"a ""b"""\n0,"1,5"');
});
