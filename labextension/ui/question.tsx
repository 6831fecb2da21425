/** What the user said: a bubble that can be copied, said otherwise, or gone on from elsewhere. */
import type { JSX } from "preact";
import { useEffect, useMemo, useRef, useState } from "preact/hooks";
import { Attachments, Refusals, useGathering } from "./attachments";
import type { Attachment, OutContent } from "./files";
import { attachedTo, pastedFiles } from "./files";
import type { Words } from "./i18n";
import { inputText } from "./model";
import { CopyButton, IconButton, memo } from "./pieces";
import { clean } from "./text";
import type { Message } from "./wire";

/** What a user may do with a turn; the same object for the life of the chat. */
export interface TurnActions {
  readonly edit: (runId: string, text: string, contents: OutContent[]) => void;
  readonly fork: (runId: string) => void;
  readonly rate: (runId: string, rating: string, comment: string) => void;
  /** How many turns come after it. */
  readonly after: (runId: string) => number;
}

/** A question of the conversation; what is attached may be large, and is looked at once. */
export const Question = memo(function Question(props: {
  input: readonly Message[];
  runId: string;
  lastRunId: string;
  words: Words;
  actions: TurnActions;
  /** Whether the conversation can be changed now. */
  locked: boolean;
}): JSX.Element | null {
  const { input, runId, words, actions, locked } = props;
  const [editing, setEditing] = useState(false);
  const root = useRef<HTMLDivElement>(null);
  const text = inputText(input);
  const attached = useMemo(() => attachedTo(input), [input]);
  if (editing) {
    const done = (): void => {
      setEditing(false);
      // The button is there again after the next drawing.
      requestAnimationFrame(() =>
        root.current?.querySelector<HTMLElement>("[data-edit] button")?.focus(),
      );
    };
    return (
      <Editor
        text={text}
        attached={attached}
        after={actions.after(runId)}
        words={words}
        locked={locked}
        onCancel={done}
        onSend={(said, contents) => {
          setEditing(false);
          actions.edit(runId, said, contents);
        }}
      />
    );
  }
  if (!text && attached.length === 0) return null;
  return (
    <div class="asnb-question" role="group" aria-label={words("you")} ref={root}>
      <div class="asnb-question-actions">
        {text && <CopyButton text={() => text} label={words("copyMessage")} words={words} />}
        {!locked && (
          <>
            <span data-edit>
              <IconButton
                icon="edit"
                label={words("editMessage")}
                onClick={() => setEditing(true)}
              />
            </span>
            <IconButton
              icon="fork"
              label={words("forkHere")}
              onClick={() => actions.fork(props.lastRunId)}
            />
          </>
        )}
      </div>
      <Bubble text={text} attached={attached} words={words} />
    </div>
  );
});

/** The bubble with what was attached above it. */
export function Bubble(props: {
  text: string;
  attached: readonly Attachment[];
  words: Words;
}): JSX.Element {
  return (
    <div class="asnb-said">
      <Attachments items={props.attached} words={props.words} />
      {props.text && <div class="asnb-bubble">{clean(props.text)}</div>}
    </div>
  );
}

function Editor(props: {
  text: string;
  attached: Attachment[];
  after: number;
  words: Words;
  locked: boolean;
  onSend: (text: string, contents: OutContent[]) => void;
  onCancel: () => void;
}): JSX.Element {
  const { words, after, onSend, onCancel } = props;
  const [text, setText] = useState(props.text);
  const gathering = useGathering(words, props.attached);
  const box = useRef<HTMLTextAreaElement>(null);
  useEffect(() => {
    const area = box.current;
    area?.focus();
    area?.setSelectionRange(area.value.length, area.value.length);
  }, []);
  const empty = text.trim() === "" && gathering.items.length === 0;
  const ready = !empty && !gathering.reading && !props.locked;
  const send = (): void => {
    if (ready) onSend(text.trim(), gathering.contents());
  };
  const onKeyDown = (event: KeyboardEvent): void => {
    if (event.isComposing || event.keyCode === 229) return;
    if (event.key === "Escape") {
      event.preventDefault();
      event.stopPropagation();
      onCancel();
    } else if (event.key === "Enter" && event.target === box.current) {
      if (event.shiftKey || event.altKey) return;
      event.preventDefault();
      send();
    }
  };
  const onPaste = (event: ClipboardEvent): void => {
    const files = pastedFiles(event.clipboardData);
    event.stopPropagation();
    if (files.length === 0) return;
    event.preventDefault();
    gathering.add(files);
  };
  return (
    // biome-ignore lint/a11y/noStaticElementInteractions: Esc anywhere in it gives up
    <div class="asnb-editor" onKeyDown={onKeyDown} onPaste={onPaste}>
      <Attachments items={gathering.items} words={words} onRemove={gathering.remove} />
      <textarea
        ref={box}
        rows={Math.min(8, Math.max(2, text.split("\n").length))}
        value={text}
        aria-label={words("editMessage")}
        onInput={(event) => setText(event.currentTarget.value)}
      />
      <Refusals refused={gathering.refused} words={words} />
      <div class="asnb-editor-foot">
        <span class="asnb-editor-note">
          {after > 0 ? words(after === 1 ? "editTakesOne" : "editTakes", { count: after }) : ""}
        </span>
        <button type="button" class="asnb-button" onClick={onCancel}>
          {words("cancel")}
        </button>
        <button type="button" class="asnb-button asnb-primary" disabled={!ready} onClick={send}>
          {words("send")}
        </button>
      </div>
    </div>
  );
}
