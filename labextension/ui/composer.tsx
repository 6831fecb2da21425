/** Where the user writes. */
import type { JSX, RefObject } from "preact";
import { useLayoutEffect, useState } from "preact/hooks";
import type { Gathering } from "./attachments";
import { Attachments, Refusals } from "./attachments";
import { newId } from "./channel";
import { Commands, useCommands } from "./commands";
import { pastedFiles } from "./files";
import type { Words } from "./i18n";
import { Icon } from "./icons";
import type { Command } from "./info";

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
  readonly gathering: Gathering;
  readonly commands: readonly Command[];
  /** Whether the conversation waits for an answer to a card. */
  readonly asking: boolean;
  /** Whether something lies over it. */
  readonly inert: boolean;
}

/** The text box with what goes along, and its one button: Send, or Stop while an answer is made. */
export function Composer(props: ComposerProps): JSX.Element {
  const { words, name, box, gathering } = props;
  const [hint] = useState(() => `asnb-hint-${newId()}`); // several chats stand in one page
  const list = useCommands(props.text, props.gone ? [] : props.commands, props.onText);
  useLayoutEffect(() => grow(box.current), [props.text]);
  const onKeyDown = (event: KeyboardEvent): void => {
    // While an input method composes, Enter belongs to it (229 is how older browsers say so).
    if (event.isComposing || event.keyCode === 229) return;
    if (list.onKey(event)) {
      event.preventDefault();
      event.stopPropagation();
      return;
    }
    if (event.key !== "Enter" || event.shiftKey || event.altKey) return;
    event.preventDefault();
    if (canSend) props.onSend();
  };
  const onPaste = (event: ClipboardEvent): void => {
    const files = pastedFiles(event.clipboardData);
    event.stopPropagation(); // JupyterLab pastes cells
    if (files.length === 0) return;
    event.preventDefault();
    gathering.add(files);
  };
  const something = props.text.trim() !== "" || gathering.items.length > 0;
  const canSend = !props.busy && !props.gone && !gathering.reading && something;
  const why = props.gone
    ? words("goneHint")
    : list.open
      ? words("commandsHint", { count: list.found.length })
      : props.busy
        ? words(props.stopping ? "stopping" : "stopHint", { name })
        : words(props.asking ? "approvalHint" : "sendHint");
  // A box of several lines may not be called a combobox; its list is told of all the same.
  const combobox = list.open
    ? {
        "aria-haspopup": "listbox" as const,
        "aria-controls": list.id,
        "aria-autocomplete": "list" as const,
        "aria-activedescendant": `${list.id}-${list.active}`,
      }
    : {};
  return (
    <div class="asnb-composer" inert={props.inert}>
      <Commands list={list} words={words} />
      <div class="asnb-box">
        <Attachments items={gathering.items} words={words} onRemove={gathering.remove} />
        <div class="asnb-line">
          <button
            type="button"
            class="asnb-icon-button asnb-attach"
            title={words("attach")}
            aria-label={words("attach")}
            disabled={props.gone}
            onClick={() => choose(gathering.add, box.current)}
          >
            <Icon name="clip" />
          </button>
          <textarea
            ref={box}
            rows={1}
            value={props.text}
            disabled={props.gone}
            aria-label={words("placeholder", { name })}
            aria-describedby={hint}
            placeholder={words("placeholder", { name })}
            {...combobox}
            onInput={(event) => props.onText(event.currentTarget.value)}
            onKeyDown={onKeyDown}
            onPaste={onPaste}
          />
          <Button {...props} canSend={canSend} />
        </div>
      </div>
      <Refusals refused={gathering.refused} words={words} />
      <div class="asnb-hint" id={hint}>
        {why}
      </div>
    </div>
  );
}

function Button(props: ComposerProps & { canSend: boolean }): JSX.Element {
  const { words } = props;
  if (props.busy && !props.gone) {
    return (
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
    );
  }
  return (
    <button
      type="button"
      class="asnb-send"
      title={words("send")}
      aria-label={words("send")}
      disabled={!props.canSend}
      onClick={props.onSend}
    >
      <Icon name="send" />
    </button>
  );
}

/** Have files chosen; the input is made for it, so that no other is ever in the page. */
function choose(add: Gathering["add"], back: HTMLElement | null): void {
  const input = document.createElement("input");
  input.type = "file";
  input.multiple = true;
  input.addEventListener("change", () => {
    add([...(input.files ?? [])]);
    back?.focus();
  });
  input.click();
}

/** As high as its text, up to eight lines (the style sheet's limit). */
function grow(box: HTMLTextAreaElement | null): void {
  if (!box) return;
  box.style.height = "auto";
  // Before it is laid out it has no height, and keeps that of its one row.
  if (box.scrollHeight > 0) box.style.height = `${box.scrollHeight}px`;
}
