/** Where the user writes. */
import type { JSX, RefObject } from "preact";
import { useLayoutEffect, useState } from "preact/hooks";
import { newId } from "./channel";
import type { Words } from "./i18n";
import { Icon } from "./icons";

/** What the composer shows and does. */
export interface ComposerProps {
  readonly name: string;
  readonly words: Words;
  readonly text: string;
  readonly onText: (text: string) => void;
  readonly onSend: () => void;
  readonly onStop: () => void;
  readonly busy: boolean;
  readonly stopping: boolean;
  readonly gone: boolean;
  readonly box: RefObject<HTMLTextAreaElement | null>;
}

/** The text box with its one button: Send, or Stop while an answer is made. */
export function Composer(props: ComposerProps): JSX.Element {
  const { words, name, box } = props;
  const [hint] = useState(() => `asnb-hint-${newId()}`); // several chats stand in one page
  useLayoutEffect(() => grow(box.current), [props.text]);
  const onKeyDown = (event: KeyboardEvent): void => {
    // While an input method composes, Enter belongs to it (229 is how older browsers say so).
    if (event.isComposing || event.keyCode === 229) return;
    if (event.key !== "Enter" || event.shiftKey || event.altKey) return;
    event.preventDefault();
    if (canSend) props.onSend();
  };
  const canSend = !props.busy && !props.gone && props.text.trim() !== "";
  const why = props.gone
    ? words("goneHint")
    : props.busy
      ? words(props.stopping ? "stopping" : "stopHint", { name })
      : words("sendHint");
  return (
    <div class="asnb-composer">
      <div class="asnb-box">
        <textarea
          ref={box}
          rows={1}
          value={props.text}
          disabled={props.gone}
          aria-label={words("placeholder", { name })}
          aria-describedby={hint}
          placeholder={words("placeholder", { name })}
          onInput={(event) => props.onText(event.currentTarget.value)}
          onKeyDown={onKeyDown}
        />
        {props.busy && !props.gone ? (
          <button
            type="button"
            class="asnb-send asnb-stop"
            title={`${words("stop")} (Esc)`}
            aria-label={words("stop")}
            disabled={props.stopping}
            onClick={props.onStop}
          >
            <Icon name="stop" solid />
          </button>
        ) : (
          <button
            type="button"
            class="asnb-send"
            title={words("send")}
            aria-label={words("send")}
            disabled={!canSend}
            onClick={props.onSend}
          >
            <Icon name="send" />
          </button>
        )}
      </div>
      <div class="asnb-hint" id={hint}>
        {why}
      </div>
    </div>
  );
}

/** As high as its text, up to eight lines (the style sheet's limit). */
function grow(box: HTMLTextAreaElement | null): void {
  if (!box) return;
  box.style.height = "auto";
  box.style.height = `${box.scrollHeight}px`;
}
