/** One question and its answer. */
import type { JSX } from "preact";
import type { Words } from "./i18n";
import { duration } from "./i18n";
import { Icon } from "./icons";
import type { Item, TurnView } from "./model";
import { ended, inputText, itemsOf, textOf } from "./model";
import {
  CopyButton,
  ErrorCard,
  IconButton,
  memo,
  Prints,
  Thought,
  Tool,
  Utterance,
} from "./pieces";
import type { Pending } from "./store";
import { clean } from "./text";

/** What a turn shows and does. */
export interface TurnProps {
  readonly turn: TurnView;
  readonly name: string;
  readonly words: Words;
  /** Set on the last turn, when asking again makes sense. */
  readonly onRetry: ((runId: string) => void) | null;
}

/** A turn of the conversation. */
export const Turn = memo(function Turn({ turn, name, words, onRetry }: TurnProps) {
  const items = itemsOf(turn);
  const retry = onRetry ? () => onRetry(turn.runId) : undefined;
  return (
    <div class="asnb-turn" data-status={turn.status}>
      <Question text={inputText(turn.input)} words={words} />
      <div class="asnb-answer" role="group" aria-label={name}>
        {items.map((item, index) => (
          <Line key={item.key} item={item} before={items[index - 1]} words={words} />
        ))}
        {isQuiet(turn, items) && (
          <div class="asnb-working">
            <span class="asnb-dots" aria-hidden="true">
              <i />
              <i />
              <i />
            </span>
            {words("working")}
          </div>
        )}
        {turn.status === "canceled" && <p class="asnb-stopped">{words("stopped")}</p>}
        {turn.status === "incomplete" && <p class="asnb-stopped">{words("incomplete")}</p>}
        {turn.error && <ErrorCard error={turn.error} words={words} onRetry={retry} />}
        {turn.log && <Prints log={turn.log} words={words} />}
        {ended(turn.status) && (
          <Foot turn={turn} words={words} retry={turn.error ? undefined : retry} />
        )}
      </div>
    </div>
  );
});

/** Nothing is being written, but the answer is not over. */
function isQuiet(turn: TurnView, items: readonly Item[]): boolean {
  if (ended(turn.status)) return false;
  const last = items.at(-1);
  if (!last) return true;
  if (last.kind === "tool") return last.status !== "calling" && last.status !== "running";
  return ended(last.part.status) || (last.part.type !== "reasoning" && !textOf(last.part));
}

function Question({ text, words }: { text: string; words: Words }): JSX.Element {
  return (
    <div class="asnb-question" role="group" aria-label={words("you")}>
      <div class="asnb-bubble">{clean(text)}</div>
    </div>
  );
}

function Line(props: { item: Item; before: Item | undefined; words: Words }): JSX.Element | null {
  const { item, before, words } = props;
  if (item.kind === "tool") return <Tool tool={item} words={words} />;
  const { part } = item;
  if (part.type === "reasoning") return <Thought part={part} words={words} />;
  const speaker = before?.kind === "part" ? before.part.agent : "";
  return (
    <>
      {part.agent && part.agent !== speaker && <div class="asnb-label">{clean(part.agent)}</div>}
      <Utterance part={part} words={words} />
    </>
  );
}

function Foot(props: {
  turn: TurnView;
  words: Words;
  retry: (() => void) | undefined;
}): JSX.Element {
  const { turn, words } = props;
  const answer = (): string =>
    turn.parts
      .filter((part) => part.type === "message")
      .map(textOf)
      .join("\n\n");
  const facts = [usage(turn, words), took(turn, words)].filter(Boolean).join(" · ");
  return (
    <div class="asnb-foot">
      {answer() && <CopyButton text={answer} label={words("copyAnswer")} words={words} />}
      {props.retry && turn.status !== "completed" && (
        <IconButton icon="retry" label={words("tryAgain")} onClick={props.retry} text />
      )}
      <span class="asnb-facts">{facts}</span>
    </div>
  );
}

function usage(turn: TurnView, words: Words): string {
  const { input_tokens: input, output_tokens: output, total_tokens: total } = turn.usage ?? {};
  if (typeof input === "number" && typeof output === "number") {
    return words("tokens", { input: input.toLocaleString(), output: output.toLocaleString() });
  }
  return typeof total === "number" ? words("tokensTotal", { total: total.toLocaleString() }) : "";
}

function took(turn: TurnView, words: Words): string {
  const seconds = (turn.completedAt ?? 0) - (turn.createdAt ?? 0);
  return turn.createdAt && turn.completedAt && seconds > 0 ? duration(seconds, words) : "";
}

/** A message that the kernel has not taken yet. */
export function PendingTurn(props: {
  message: Pending;
  words: Words;
  onEdit: (message: Pending) => void;
}): JSX.Element {
  const { message, words } = props;
  return (
    <div class={`asnb-turn asnb-pending asnb-pending-${message.state}`}>
      <Question text={message.text} words={words} />
      <div class="asnb-pending-note">
        {message.state === "sending" && words("pendingSending")}
        {message.state === "queued" && words("pendingQueued")}
        {message.state === "failed" && (
          <>
            <Icon name="warning" />
            <span>{words("pendingFailed", { why: clean(message.why) || words("goneShort") })}</span>
            {message.why && (
              <button type="button" class="asnb-quiet" onClick={() => props.onEdit(message)}>
                {words("edit")}
              </button>
            )}
          </>
        )}
      </div>
    </div>
  );
}
