/** What stands below one another in an answer, and what happened inside of a tool call. */
import type { JSX } from "preact";
import { Approval, Verdict } from "./approval";
import type { Word, Words } from "./i18n";
import { duration } from "./i18n";
import { Icon } from "./icons";
import type { Item, ToolView } from "./items";
import { ended, textOf } from "./model";
import { Code, ErrorCard, Fold, Markdown, memo, Thought } from "./pieces";
import { Rich } from "./rich";
import { clean, prettyJson, summary } from "./text";
import { Content, Utterance } from "./utterance";
import type { WireError } from "./wire";

/**
 * Items, each below the one before, with a name where the speaker changes.
 *
 * @param own who speaks when nobody is named.
 */
export function Lines(props: { items: readonly Item[]; own: string; words: Words }): JSX.Element {
  const { items, own, words } = props;
  return (
    <>
      {items.map((item, index) => {
        const author = item.agent || own;
        const before = items[index - 1];
        const named = author !== (before ? before.agent || own : own);
        return <Line key={item.key} item={item} author={named ? author : ""} words={words} />;
      })}
    </>
  );
}

function Line(props: { item: Item; author: string; words: Words }): JSX.Element {
  const { item, author, words } = props;
  return (
    <>
      {author && <Author name={author} />}
      {item.kind === "tool" && !asks(item) && <Tool tool={item} words={words} />}
      {item.kind === "approval" && <Approval item={item} words={words} />}
      {item.kind === "part" &&
        (item.part.type === "reasoning" ? (
          <Thought part={item.part} words={words} />
        ) : (
          <Utterance item={item} words={words} />
        ))}
    </>
  );
}

/** A call that waits for the user is shown by the card that asks. */
function asks(tool: ToolView): boolean {
  return tool.status === "asking" && tool.steps.length === 0;
}

/** Who speaks from here on, with a mark by which it is known again. */
function Author({ name }: { name: string }): JSX.Element {
  const shown = clean(name).slice(0, 60);
  return (
    <div class="asnb-author" style={{ "--asnb-hue": String(hue(name)) }}>
      <span class="asnb-mark" aria-hidden="true">
        {[...shown][0]?.toUpperCase()}
      </span>
      <bdi>{shown}</bdi>
    </div>
  );
}

function hue(name: string): number {
  let hash = 0;
  for (const char of name) hash = (hash * 31 + (char.codePointAt(0) ?? 0)) % 360_007;
  return (hash * 47) % 360;
}

const STATES: Readonly<Record<string, Word>> = {
  calling: "toolCalling",
  asking: "toolAsking",
  running: "toolRunning",
  completed: "toolCompleted",
  denied: "toolDenied",
  failed: "toolFailed",
  incomplete: "toolFailed",
  rejected: "toolFailed",
  canceled: "toolCanceled",
};

function active(tool: ToolView): boolean {
  return tool.status === "calling" || tool.status === "running";
}

/** A tool call: one quiet line that opens; what it returned to look at stands below. */
const Tool = memo(function Tool({ tool, words }: { tool: ToolView; words: Words }) {
  const state = [words(STATES[tool.status] ?? "toolCompleted")];
  if (tool.duration !== null) state.push(duration(tool.duration, words));
  const live = active(tool) && tool.steps.length > 0;
  if (tool.steps.length > 0) state.push(stepCount(tool, words));
  const head = (
    <>
      <span class="asnb-fold-icon">
        <Icon name="tool" />
      </span>
      <span class={active(tool) ? "asnb-fold-title asnb-shimmer" : "asnb-fold-title"}>
        {clean(tool.server ? `${tool.server} · ${tool.name}` : tool.name).slice(0, 80)}
      </span>
      <span class="asnb-fold-gist">{live ? gist(tool, words) : summary(tool.args)}</span>
      <span class={`asnb-tool-state asnb-is-${tool.status}`}>{state.join(" · ")}</span>
    </>
  );
  const media = (): JSX.Element => <Plain tool={tool} words={words} />;
  return (
    <div class="asnb-call">
      <Fold class="asnb-tool" head={head}>
        {() => <ToolBody tool={tool} words={words} />}
      </Fold>
      {tool.asked && <Verdict request={tool.asked} words={words} />}
      {tool.display ? <Rich display={tool.display} words={words} instead={media} /> : media()}
    </div>
  );
});

/** What a call returned to look at, where it cannot be shown as in a notebook. */
function Plain({ tool, words }: { tool: ToolView; words: Words }): JSX.Element {
  const media = (tool.result?.contents ?? []).filter(
    ({ type }) => type !== "data" && type !== "text",
  );
  const rich = tool.result?.metadata?.["display"] !== undefined;
  return (
    <>
      {media.map((content, index) => (
        <Content key={index} content={content} done words={words} />
      ))}
      {rich && media.length === 0 && (
        <Markdown text={spoken(tool.output ?? "")} done words={words} />
      )}
    </>
  );
}

/** A result that is text, without its quotes. */
function spoken(output: string): string {
  try {
    const value: unknown = JSON.parse(output);
    return typeof value === "string" ? value : output;
  } catch {
    return output; // no JSON
  }
}

function stepCount(tool: ToolView, words: Words): string {
  const count = tool.steps.length;
  return words(count === 1 ? "oneStep" : "stepCount", { count });
}

/** What goes on inside right now, in a line. */
function gist(tool: ToolView, words: Words): string {
  const last = tool.steps.at(-1);
  if (last?.kind === "tool") {
    return `${clean(last.name).slice(0, 60)}… ${last.steps.length ? gist(last, words) : ""}`;
  }
  if (last?.kind !== "part") return "";
  if (last.part.type === "reasoning") return words("thinking");
  return clean(textOf(last.part).slice(-160)).replace(/\s+/g, " ").trim().slice(-70);
}

function ToolBody({ tool, words }: { tool: ToolView; words: Words }): JSX.Element {
  const args = clean(prettyJson(tool.args));
  const error = tool.result?.error ?? tool.call?.error;
  return (
    <>
      <div class="asnb-label">{words("arguments")}</div>
      {args && args !== "{}" ? (
        <Code text={args} lang="json" done={tool.status !== "calling"} words={words} />
      ) : (
        <p class="asnb-faint">{words("noArguments")}</p>
      )}
      {tool.steps.length > 0 && (
        <>
          <div class="asnb-label">{words("steps")}</div>
          <div class="asnb-steps" role="group" aria-label={words("steps")}>
            <Lines items={tool.steps} own="" words={words} />
          </div>
        </>
      )}
      {!saidInside(tool) && <ToolResult tool={tool} words={words} />}
      {error && <ErrorCard error={error as WireError} words={words} />}
    </>
  );
}

/** Whether the result is just what was said inside, as a sub-agent's is. */
function saidInside(tool: ToolView): boolean {
  if (!tool.output || tool.steps.length === 0) return false;
  const said = tool.steps.map((step) =>
    step.kind === "part" && step.part.type === "message" ? textOf(step.part) : "",
  );
  const bare = (text: string): string => text.replace(/\s+/g, "");
  return bare(said.join("")) === bare(spoken(tool.output));
}

function ToolResult({ tool, words }: { tool: ToolView; words: Words }): JSX.Element {
  const waiting = active(tool) || tool.status === "asking";
  return (
    <>
      <div class="asnb-label">{words("result")}</div>
      {tool.output ? (
        <Code
          text={clean(prettyJson(tool.output))}
          lang={/^\s*[[{]/.test(tool.output) ? "json" : ""}
          done={true}
          words={words}
        />
      ) : (
        <p class="asnb-faint">{words(waiting ? "waitingResult" : "noResult")}</p>
      )}
    </>
  );
}

/** Whether nothing is being written although the answer is not over. */
export function isQuiet(items: readonly Item[]): boolean {
  const last = items.at(-1);
  if (!last || last.kind === "approval") return true;
  if (last.kind === "tool") return !active(last);
  return ended(last.part.status) || (last.part.type !== "reasoning" && !textOf(last.part));
}
