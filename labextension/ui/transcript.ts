/** The conversation as a file, made in the page. */

import { partText } from "./answer";
import { exchanges } from "./exchanges";
import type { Item } from "./items";
import { itemsOf } from "./items";
import type { TurnView } from "./model";
import { inputText, textOf } from "./model";
import { prettyJson, printed } from "./text";

/** What a transcript says of the conversation itself. */
export interface About {
  readonly name: string;
  readonly model: string;
  readonly sessionId: string;
}

/** A fence longer than any in the text. */
function fenced(text: string, lang: string): string {
  const longest = Math.max(2, ...[...text.matchAll(/`{3,}/g)].map((match) => match[0].length));
  const fence = "`".repeat(longest + 1);
  return `${fence}${lang}\n${text}\n${fence}`;
}

/** As Markdown. */
export function toMarkdown(turns: readonly TurnView[], about: About): string {
  const lines = [`# ${about.name}`, ""];
  if (about.model) lines.push(`Model: ${about.model}  `);
  if (about.sessionId) lines.push(`Session: \`${about.sessionId}\``);
  for (const turn of exchanges(turns)) {
    lines.push("", "## You", "", inputText(turn.input), "", `## ${about.name}`, "", answerOf(turn));
  }
  return `${lines.join("\n").trim()}\n`;
}

function answerOf(turn: TurnView): string {
  const blocks = itemsOf(turn).map((item) => itemText(item, turn));
  if (turn.status === "canceled") blocks.push("*Stopped.*");
  if (turn.error) blocks.push(`**Error** \`${turn.error.code}\`: ${turn.error.message}`);
  if (turn.log) blocks.push(fenced(printed(turn.log), "text"));
  return paragraphs(blocks);
}

function itemText(item: Item, turn: TurnView): string {
  if (item.kind === "approval") {
    const decision = turn.decisions.get(item.request.id);
    const verdict = decision?.approve ? "allowed" : decision ? "denied" : "not answered";
    return `**Approval** \`${item.request.name}\`: ${verdict}. ${decision?.reason ?? ""}`.trim();
  }
  if (item.kind === "part") {
    if (item.part.type !== "reasoning") return partText(item);
    return textOf(item.part).replace(/^/gm, "> ");
  }
  const steps = item.steps.map((step) => {
    const text = itemText(step, turn).replace(/^/gm, "> ");
    return step.agent ? `> **${step.agent}**\n>\n${text}` : text;
  });
  return paragraphs([
    `**Tool** \`${item.name}\``,
    fenced(prettyJson(item.args), "json"),
    ...steps,
    item.output === null ? "" : fenced(prettyJson(item.output), "text"),
  ]);
}

function paragraphs(blocks: readonly string[]): string {
  return blocks.filter((block) => block.trim()).join("\n\n");
}

/** As JSON: what was asked and every message of the answers. */
export function toJson(turns: readonly TurnView[], about: About): string {
  return JSON.stringify({ schema: 1, ...about, turns }, null, 2);
}

/** As a notebook: a Markdown cell for each thing said. */
export function toNotebook(turns: readonly TurnView[], about: About): string {
  const facts = [`# ${about.name}`];
  if (about.model) facts.push(`Model: ${about.model}`);
  if (about.sessionId) facts.push(`Session: \`${about.sessionId}\``);
  const said = exchanges(turns).flatMap((turn) => [
    ["you", `**You**\n\n${inputText(turn.input)}`],
    ["agent", `**${about.name}**\n\n${answerOf(turn)}`],
  ]);
  const cells = [["about", facts.join("\n\n")], ...said].map(([who, source], index) => ({
    cell_type: "markdown",
    id: `${who}-${index}`,
    metadata: {},
    source,
  }));
  const kernelspec = { display_name: "Python 3", language: "python", name: "python3" };
  const notebook = { cells, metadata: { kernelspec }, nbformat: 4, nbformat_minor: 5 };
  return `${JSON.stringify(notebook, null, 1)}\n`;
}

/** Hand a file to the user. */
export function download(name: string, text: string, type: string): void {
  const url = URL.createObjectURL(new Blob([text], { type }));
  const link = document.createElement("a");
  link.href = url;
  link.download = name;
  document.body.append(link);
  link.click();
  link.remove();
  setTimeout(() => URL.revokeObjectURL(url), 10_000);
}
