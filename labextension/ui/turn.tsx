/** One question and its answer. */
import type { JSX } from "preact";
import { answerText } from "./answer";
import type { Approver } from "./approval";
import { Decisions } from "./approval";
import { Feedback } from "./feedback";
import { asAttachment } from "./files";
import { factsOf } from "./gauge";
import type { Words } from "./i18n";
import { Icon } from "./icons";
import { itemsOf } from "./items";
import type { TurnView } from "./model";
import { ended } from "./model";
import { CopyButton, ErrorCard, IconButton, memo, Prints } from "./pieces";
import type { TurnActions } from "./question";
import { Bubble, Question } from "./question";
import { isQuiet, Lines } from "./steps";
import type { Pending } from "./store";
import { clean } from "./text";

/** What a turn shows and does. */
export interface TurnProps {
  readonly turn: TurnView;
  readonly name: string;
  readonly words: Words;
  /** Set on the last turn, when asking again makes sense. */
  readonly onRetry: ((runId: string) => void) | null;
  /** Set on the last turn, while what it asks can be answered. */
  readonly approver: Approver | null;
  readonly actions: TurnActions;
  /** Whether the conversation can be changed now. */
  readonly locked: boolean;
  /** Whether the kernel is gone: what it was saying will not go on. */
  readonly gone: boolean;
}

/** A turn of the conversation. */
export const Turn = memo(function Turn(props: TurnProps) {
  const { turn, name, words, onRetry, actions } = props;
  const items = itemsOf(turn);
  const retry = onRetry ? () => onRetry(turn.lastRunId) : undefined;
  const cut = props.gone && !ended(turn.status);
  return (
    <div class={cut ? "asnb-turn asnb-cut" : "asnb-turn"} data-status={turn.status}>
      <Question
        input={turn.input}
        runId={turn.runId}
        lastRunId={turn.lastRunId}
        words={words}
        actions={actions}
        locked={props.locked}
      />
      <div class="asnb-answer" role="group" aria-label={name}>
        <Decisions turn={turn} approver={props.approver}>
          <Lines items={items} own={name} words={words} />
        </Decisions>
        {!ended(turn.status) && !cut && isQuiet(items) && (
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
        {cut && <p class="asnb-stopped">{words("cutOff")}</p>}
        {turn.error && <ErrorCard error={turn.error} words={words} onRetry={retry} />}
        {turn.log && <Prints log={turn.log} words={words} />}
        {ended(turn.status) && (
          <Foot
            turn={turn}
            words={words}
            retry={turn.error ? undefined : retry}
            onRate={props.locked ? undefined : actions.rate}
          />
        )}
      </div>
    </div>
  );
});

function Foot(props: {
  turn: TurnView;
  words: Words;
  retry: (() => void) | undefined;
  onRate: TurnActions["rate"] | undefined;
}): JSX.Element {
  const { turn, words } = props;
  const answer = (): string => answerText(itemsOf(turn));
  return (
    <div class="asnb-foot">
      {answer() && <CopyButton text={answer} label={words("copyAnswer")} words={words} />}
      {props.retry && turn.status !== "completed" && (
        <IconButton icon="retry" label={words("tryAgain")} onClick={props.retry} text />
      )}
      {props.onRate && <Feedback turn={turn} words={words} onRate={props.onRate} />}
      <span class="asnb-facts">{factsOf(turn, words)}</span>
    </div>
  );
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
      <div class="asnb-question" role="group" aria-label={words("you")}>
        <Bubble
          text={message.text}
          attached={message.contents.map((content, index) => asAttachment(content, `${index}`))}
          words={words}
        />
      </div>
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
