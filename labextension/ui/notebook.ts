/** The conversation as a notebook: a Markdown cell for each thing said, and nothing fetched by it. */
import { exchanges } from "./exchanges";
import type { Attachment } from "./files";
import { attachedTo } from "./files";
import type { TurnView } from "./model";
import { inputText } from "./model";
import { isDataImage } from "./sanitize";
import type { About } from "./transcript";
import { answerOf } from "./transcript";

interface Cell {
  readonly cell_type: "markdown";
  readonly id: string;
  readonly metadata: Record<string, never>;
  readonly source: string;
  readonly attachments?: Readonly<Record<string, Readonly<Record<string, string>>>>;
}

/** As a notebook of format 4.5. */
export function toNotebook(turns: readonly TurnView[], about: About): string {
  const facts = [`# ${plain(about.name)}`];
  if (about.model) facts.push(`Model: ${plain(about.model)}`);
  if (about.sessionId) facts.push(`Session: \`${about.sessionId}\``);
  const cells = [cell("about", facts.join("\n\n"))];
  exchanges(turns).forEach((turn, index) => {
    cells.push(question(turn, `${index + 1}-you`));
    const answer = `**${plain(about.name)}**\n\n${defused(answerOf(turn))}`;
    cells.push(cell(`${index + 1}-agent`, answer));
  });
  const kernelspec = { display_name: "Python 3", language: "python", name: "python3" };
  const notebook = { cells, metadata: { kernelspec }, nbformat: 4, nbformat_minor: 5 };
  return `${JSON.stringify(notebook, null, 1)}\n`;
}

function cell(id: string, source: string): Cell {
  return { cell_type: "markdown", id, metadata: {}, source };
}

/** What the user said; pictures go along as attachments of the cell. */
function question(turn: TurnView, id: string): Cell {
  const attachments: Record<string, Record<string, string>> = {};
  const added = attachedTo(turn.input).map((item) => {
    const [, mime, kind, data] = pictureOf(item);
    if (!mime || !data) return `*[${plain(item.name || "file")}]*`;
    const name = `image${Object.keys(attachments).length + 1}.${kind}`;
    attachments[name] = { [mime]: data };
    return `![${plain(item.name || "image")}](attachment:${name})`;
  });
  const source = ["**You**", defused(inputText(turn.input)), ...added].filter(Boolean).join("\n\n");
  const made = cell(id, source);
  return Object.keys(attachments).length > 0 ? { ...made, attachments } : made;
}

function pictureOf({ content }: Attachment): readonly (string | undefined)[] {
  if (content?.type !== "image" || !isDataImage(content.image_url, Number.POSITIVE_INFINITY)) {
    return [];
  }
  return /^data:(image\/([a-z]+));base64,(.*)$/s.exec(content.image_url) ?? [];
}

/** Text of which nothing is taken for Markdown. */
function plain(text: string): string {
  return text.replace(/[\\`*_{}[\]()#!|<>~]/g, "\\$&").replace(/\s+/g, " ");
}

/** Markdown in which HTML is text and no image is fetched; code stays as it is. */
export function defused(text: string): string {
  const lines: string[] = [];
  let fence = "";
  for (const line of text.split("\n")) {
    const mark = /^\s{0,3}(?:> ?)*\s{0,3}(`{3,}|~{3,})/.exec(line)?.[1] ?? "";
    if (mark && !fence) fence = mark;
    else if (mark.startsWith(fence) && fence && line.replace(/[> ]/g, "") === mark) fence = "";
    else if (!fence) {
      lines.push(defusedLine(line));
      continue;
    }
    lines.push(line);
  }
  if (fence) lines.push(fence); // left open, it would swallow whatever comes next
  return lines.join("\n");
}

/** `<` also ends autolinks; addresses that run code are Jupyter's sanitiser's to refuse. */
function defusedLine(line: string): string {
  let result = "";
  let end = 0;
  for (const span of line.matchAll(/(`+)(?!`).*?(?<!`)\1(?!`)/g)) {
    result += inert(line.slice(end, span.index)) + span[0];
    end = span.index + span[0].length;
  }
  return result + inert(line.slice(end));
}

function inert(text: string): string {
  return text.replaceAll("<", "&lt;").replaceAll("![", "!\\[");
}
