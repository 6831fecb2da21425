/** Whether an answer was any good: thumbs below it, and what was wrong in the user's words. */
import type { JSX } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";
import type { Words } from "./i18n";
import { Icon } from "./icons";
import type { TurnView } from "./model";
import { OneLine } from "./one-line";

/** The thumbs of a turn; a second click takes the verdict back. */
export function Feedback(props: {
  turn: TurnView;
  words: Words;
  onRate: (runId: string, rating: string, comment: string) => void;
}): JSX.Element {
  const { turn, words, onRate } = props;
  const kept = turn.feedback?.rating ?? "";
  const [rating, setRating] = useState(kept);
  const [asking, setAsking] = useState(false);
  useEffect(() => setRating(kept), [kept]);
  const down = useRef<HTMLButtonElement>(null);
  const rate = (wanted: "up" | "down"): void => {
    const next = rating === wanted ? "" : wanted;
    setRating(next); // the kernel's word follows
    setAsking(next === "down");
    onRate(turn.lastRunId, next, "");
  };
  const close = (): void => {
    setAsking(false);
    down.current?.focus();
  };
  return (
    <span class="asnb-feedback">
      <button
        type="button"
        class="asnb-icon-button"
        title={words("good")}
        aria-label={words("good")}
        aria-pressed={rating === "up"}
        onClick={() => rate("up")}
      >
        <Icon name="thumbUp" />
      </button>
      <button
        type="button"
        class="asnb-icon-button"
        ref={down}
        title={words("bad")}
        aria-label={words("bad")}
        aria-pressed={rating === "down"}
        onClick={() => rate("down")}
      >
        <Icon name="thumbDown" />
      </button>
      {asking && (
        <Comment
          words={words}
          onDone={(comment) => {
            if (comment) onRate(turn.lastRunId, "down", comment);
            close();
          }}
        />
      )}
    </span>
  );
}

function Comment(props: { words: Words; onDone: (comment: string) => void }): JSX.Element {
  const { words, onDone } = props;
  const [text, setText] = useState("");
  return (
    <span class="asnb-comment">
      <OneLine
        text={text}
        onText={setText}
        label={words("whatWasWrong")}
        placeholder={words("whatWasWrong")}
        longest={2000}
        onDone={(comment) => onDone(comment ?? "")}
      />
      <button type="button" class="asnb-button" onClick={() => onDone(text.trim())}>
        {words(text.trim() ? "send" : "skip")}
      </button>
    </span>
  );
}
