/** The conversation as a file, made in the page. */

import type { TurnView } from "./model";
import { inputText, itemsOf, textOf } from "./model";
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
  for (const turn of turns) {
    lines.push("", "## You", "", inputText(turn.input), "", `## ${about.name}`, "", answerOf(turn));
  }
  return `${lines.join("\n").trim()}\n`;
}

function answerOf(turn: TurnView): string {
  const blocks: string[] = [];
  for (const item of itemsOf(turn)) {
    if (item.kind === "tool") {
      blocks.push(`**Tool** \`${item.name}\``, fenced(prettyJson(item.args), "json"));
      if (item.output !== null) blocks.push(fenced(prettyJson(item.output), "text"));
    } else if (item.part.type === "reasoning") {
      blocks.push(textOf(item.part).replace(/^/gm, "> "));
    } else blocks.push(textOf(item.part));
  }
  if (turn.status === "canceled") blocks.push("*Stopped.*");
  if (turn.error) blocks.push(`**Error** \`${turn.error.code}\`: ${turn.error.message}`);
  if (turn.log) blocks.push(fenced(printed(turn.log), "text"));
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
