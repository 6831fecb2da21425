/** An answer as text, to be copied or saved. */

import type { Item, ToolView } from "./items";
import type { ContentView, Display } from "./model";
import { textOf } from "./model";

/** The words of an answer: what was said, also inside of tool calls, and what stands for a display. */
export function answerText(items: readonly Item[]): string {
  return items
    .map((item) => {
      if (item.kind === "tool") return toolText(item);
      return item.kind === "part" && item.part.type !== "reasoning" ? partText(item) : "";
    })
    .filter((text) => text.trim())
    .join("\n\n");
}

/** What a message says; a file or a picture is named. */
export function partText(item: Extract<Item, { kind: "part" }>): string {
  const said = textOf({ contents: item.part.contents.filter(isText) });
  return said.trim() ? said : displayText(item.display) || item.part.contents.map(named).join("\n");
}

function toolText(tool: ToolView): string {
  const inside = tool.steps
    .map((step) => {
      const text = answerText([step]);
      return step.agent && text ? `**${step.agent}**: ${text}` : text;
    })
    .filter(Boolean);
  const quoted = inside.join("\n\n").replace(/^/gm, "> ");
  return [inside.length > 0 ? quoted : "", displayText(tool.display)].filter(Boolean).join("\n\n");
}

function isText(content: ContentView): boolean {
  return content.type === "text" || content.type === "refusal";
}

function named(content: ContentView): string {
  if (content.data) return JSON.stringify(content.data, null, 2);
  const address = content.url.startsWith("data:") ? "" : content.url;
  return `[${[content.type, content.name, address].filter(Boolean).join(" ")}]`;
}

function displayText(display: Display | null): string {
  const { "text/markdown": markdown, "text/plain": plain } = display?.data ?? {};
  const text = markdown ?? plain ?? "";
  return Array.isArray(text) ? text.join("") : String(text);
}
