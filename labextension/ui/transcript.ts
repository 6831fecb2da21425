/** The conversation as a file, made in the page. */

import { partText } from "./answer";
import type { Request } from "./approvals";
import { exchanges } from "./exchanges";
import { attachedTo } from "./files";
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
    lines.push("", "## You", "", questionOf(turn), "", `## ${about.name}`, "", answerOf(turn));
  }
  return `${lines.join("\n").trim()}\n`;
}

function questionOf(turn: TurnView): string {
  const names = attachedTo(turn.input).map(({ name }) => `[${name || "image"}]`);
  return paragraphs([inputText(turn.input), ...names]);
}

/** An answer as Markdown. */
export function answerOf(turn: TurnView): string {
  const blocks = itemsOf(turn).map((item) => itemText(item, turn));
  if (turn.status === "canceled") blocks.push("*Stopped.*");
  if (turn.error) blocks.push(`**Error** \`${turn.error.code}\`: ${turn.error.message}`);
  if (turn.log) blocks.push(fenced(printed(turn.log), "text"));
  return paragraphs(blocks);
}

function itemText(item: Item, turn: TurnView): string {
  if (item.kind === "approval") return verdict(item.request, turn);
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
    item.asked ? verdict(item.asked, turn) : "",
    ...steps,
    item.output === null ? "" : fenced(prettyJson(item.output), "text"),
  ]);
}

function verdict(request: Request, turn: TurnView): string {
  const decision = turn.decisions.get(request.id);
  const word = decision?.approve ? "allowed" : decision ? "denied" : "not answered";
  return `**Approval** \`${request.name}\`: ${word}. ${decision?.reason ?? ""}`.trim();
}

function paragraphs(blocks: readonly string[]): string {
  return blocks.filter((block) => block.trim()).join("\n\n");
}

/** As JSON: what was asked and every message of the answers. */
export function toJson(turns: readonly TurnView[], about: About): string {
  return JSON.stringify({ schema: 1, ...about, turns }, null, 2);
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
