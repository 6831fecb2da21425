/** The chat: head, conversation, composer. */

import type { JSX, RefObject } from "preact";
import { render } from "preact";
import { useEffect, useLayoutEffect, useRef, useState } from "preact/hooks";
import { Composer } from "./composer";
import type { Words } from "./i18n";
import { wordsFor } from "./i18n";
import { Icon } from "./icons";
import type { TurnView } from "./model";
import { ended, textOf } from "./model";
import { IconButton } from "./pieces";
import type { ChatSession } from "./session";
import { SCHEMA } from "./session";
import type { ChatState, Pending } from "./store";
import { isBusy } from "./store";
import { clean } from "./text";
import { followTheme } from "./theme";
import { download, toJson, toMarkdown } from "./transcript";
import { PendingTurn, Turn } from "./turn";

/** Draw a chat into an element; returns how to take it away. */
export function mountChat(el: HTMLElement, session: ChatSession): () => void {
  const root = document.createElement("div");
  root.className = "asnb-chat";
  el.append(root);
  const unfollow = followTheme(root);
  render(<Chat session={session} words={wordsFor(session.text("lang"))} />, root);
  return () => {
    unfollow();
    render(null, root);
    root.remove();
    session.destroy();
  };
}

interface ChatProps {
  readonly session: ChatSession;
  readonly words: Words;
}

function Chat({ session, words }: ChatProps): JSX.Element {
  const state = session.state.value;
  const gone = session.gone.value;
  const name = clean(session.text("app")) || "agent";
  const busy = !gone && isBusy(state);
  const stopping = state.status.state === "stopping" || session.stopping.value !== "";
  const [text, setText] = useState("");
  const box = useRef<HTMLTextAreaElement>(null);
  const scroll = useScroll();
  const send = (): void => {
    const message = text.trim();
    if (!message || busy || gone) return;
    setText("");
    scroll.pin();
    void session.send(message);
  };
  const stop = (): void => {
    session.stop();
    box.current?.focus();
  };
  const onKeyDown = (event: KeyboardEvent): void => {
    if (event.key === "Escape" && busy && !stopping && !event.isComposing) {
      event.preventDefault();
      session.stop();
    }
    // Single keys, and Enter in any form, are the notebook's shortcuts: here they are not meant.
    const chord = event.ctrlKey || event.metaKey || event.altKey;
    if (!chord || event.key === "Enter") event.stopPropagation();
  };
  const edit = (message: Pending): void => {
    session.drop(message.id);
    setText(message.text);
    box.current?.focus();
  };
  return (
    <section class="asnb-card" aria-label={words("chatWith", { name })} onKeyDown={onKeyDown}>
      <Head session={session} state={state} words={words} name={name} gone={gone} busy={busy} />
      <Banners session={session} state={state} words={words} gone={gone} />
      <div class="asnb-stage">
        {/* biome-ignore lint/a11y/useKeyWithClickEvents: keys on what it holds arrive as clicks */}
        <div
          class="asnb-log"
          ref={scroll.view}
          role="log"
          aria-live="off"
          // biome-ignore lint/a11y/noNoninteractiveTabindex: it scrolls, so the keyboard must reach it
          tabIndex={0}
          aria-label={words("conversation", { name })}
          onScroll={scroll.onScroll}
          onClick={scroll.onClick}
        >
          <div class="asnb-turns" ref={scroll.content}>
            <Talk
              session={session}
              state={state}
              words={words}
              name={name}
              busy={busy}
              gone={gone}
              onEdit={edit}
            />
          </div>
        </div>
        {!scroll.pinned && (
          <button type="button" class="asnb-jump" onClick={scroll.jump}>
            <Icon name="down" />
            <span>{words("jump")}</span>
          </button>
        )}
      </div>
      <Stopping session={session} state={state} words={words} gone={gone} />
      <Composer
        name={name}
        words={words}
        text={text}
        onText={setText}
        onSend={send}
        onStop={stop}
        busy={busy}
        stopping={stopping}
        gone={gone}
        box={box}
      />
      <Announcer turns={state.turns} name={name} words={words} gone={gone} />
    </section>
  );
}

interface PartProps extends ChatProps {
  readonly state: ChatState;
  readonly gone: boolean;
}

/** Who this is, and what can be done with the conversation. */
function Head(props: PartProps & { name: string; busy: boolean }): JSX.Element {
  const { session, state, words, name } = props;
  const model = clean(session.text("model_label"));
  const empty = state.turns.length === 0;
  const about = { name, model, sessionId: state.sessionId };
  const file = `${name.replace(/[^\w.-]+/g, "-")}-${new Date().toISOString().slice(0, 10)}`;
  return (
    <header class="asnb-head">
      <span class="asnb-name">{name}</span>
      {model && (
        <span class="asnb-model" title={model}>
          {model}
        </span>
      )}
      <span class="asnb-space" />
      <Sure
        label={words("newSession")}
        sure={words("newSessionSure")}
        disabled={empty || props.gone || props.busy}
        onClick={() => session.newSession()}
      />
      <Menu
        label={words("download")}
        disabled={empty}
        choices={[
          [
            words("downloadMarkdown"),
            () => download(`${file}.md`, toMarkdown(state.turns, about), "text/markdown"),
          ],
          [
            words("downloadJson"),
            () => download(`${file}.json`, toJson(state.turns, about), "application/json"),
          ],
        ]}
      />
    </header>
  );
}

/** A button that asks once before it does something that takes the conversation from sight. */
function Sure(props: {
  label: string;
  sure: string;
  disabled: boolean;
  onClick: () => void;
}): JSX.Element {
  const [asking, setAsking] = useState(false);
  useEffect(() => {
    if (!asking) return;
    const timer = window.setTimeout(() => setAsking(false), 4000);
    return () => window.clearTimeout(timer);
  }, [asking]);
  if (!asking) {
    return (
      <IconButton
        icon="plus"
        label={props.label}
        disabled={props.disabled}
        onClick={() => setAsking(true)}
      />
    );
  }
  const yes = (): void => {
    setAsking(false);
    props.onClick();
  };
  return (
    <button
      type="button"
      class="asnb-button"
      ref={(button) => button?.focus()}
      onClick={yes}
      onBlur={() => setAsking(false)}
    >
      {props.sure}
    </button>
  );
}

/** A button with a few choices below it. */
function Menu(props: {
  label: string;
  disabled: boolean;
  choices: [string, () => void][];
}): JSX.Element {
  const [open, setOpen] = useState(false);
  const root = useRef<HTMLDivElement>(null);
  const onKeyDown = (event: KeyboardEvent): void => {
    if (event.key === "Escape" && open) {
      event.stopPropagation();
      setOpen(false);
      root.current?.querySelector("button")?.focus();
    }
  };
  const onBlur = (event: FocusEvent): void => {
    if (!root.current?.contains(event.relatedTarget as Node | null)) setOpen(false);
  };
  return (
    // biome-ignore lint/a11y/noStaticElementInteractions: Esc and leaving close the menu
    <div class="asnb-menu" ref={root} onKeyDown={onKeyDown} onFocusOut={onBlur}>
      <button
        type="button"
        class="asnb-icon-button"
        title={props.label}
        aria-label={props.label}
        aria-expanded={open}
        disabled={props.disabled}
        onClick={() => setOpen(!open)}
      >
        <Icon name="download" />
      </button>
      {open && (
        <div class="asnb-menu-list">
          {props.choices.map(([label, act]) => (
            <button
              type="button"
              key={label}
              onClick={() => {
                act();
                setOpen(false);
              }}
            >
              {label}
            </button>
          ))}
        </div>
      )}
    </div>
  );
}

/** What stands between the user and the agent, said plainly. */
function Banners({ session, state, words, gone }: PartProps): JSX.Element {
  const mismatch = session.mismatch.value;
  const side = mismatch?.side === "server" ? "sideServer" : "sideKernel";
  return (
    <>
      {gone && (
        <div class="asnb-banner asnb-warning" role="status">
          <Icon name="warning" />
          <span>{words("gone")}</span>
        </div>
      )}
      {mismatch && (
        <div class="asnb-banner asnb-warning" role="status">
          <Icon name="warning" />
          <span>
            {words("schema", { theirs: mismatch.schema, ours: SCHEMA, side: words(side) })}
          </span>
        </div>
      )}
      {!gone && state.status.state === "failed" && !state.turns.at(-1)?.error && (
        <div class="asnb-banner asnb-warning" role="status">
          <Icon name="warning" />
          <span>{words("failedState", { detail: clean(state.status.detail ?? "") })}</span>
        </div>
      )}
      {state.notices.map((notice) => (
        <div key={notice.key} class={`asnb-banner asnb-${notice.level}`} role="status">
          <Icon name={notice.level === "info" ? "info" : "warning"} />
          <span>{clean(notice.text)}</span>
          <IconButton
            icon="close"
            label={words("dismiss")}
            onClick={() => session.dismiss(notice.key)}
          />
        </div>
      ))}
    </>
  );
}

function Talk(
  props: PartProps & { name: string; busy: boolean; onEdit: (message: Pending) => void },
): JSX.Element {
  const { session, state, words, name } = props;
  const retry = useRef((runId: string) => session.retry(runId)).current;
  if (state.turns.length === 0 && state.pending.length === 0) {
    const description = clean(session.text("description"));
    return (
      <div class="asnb-empty">
        <p class="asnb-empty-title">{description || words("emptyTitle", { name })}</p>
        <p>{words("emptyHint")}</p>
      </div>
    );
  }
  const last = state.turns.length - 1;
  return (
    <>
      {state.turns.map((turn, index) => (
        <Turn
          key={turn.runId}
          turn={turn}
          name={name}
          words={words}
          onRetry={index === last && !props.busy && !props.gone ? retry : null}
        />
      ))}
      {state.pending.map((message) => (
        <PendingTurn key={message.id} message={message} words={words} onEdit={props.onEdit} />
      ))}
    </>
  );
}

/** Code that does not stop is named, with the way out. */
function Stopping({ session, state, words, gone }: PartProps): JSX.Element | null {
  if (gone || state.status.state !== "stopping") return null;
  const detail = /^still running in (.+?)\.?$/.exec(clean(state.status.detail ?? ""))?.[1] ?? "";
  return (
    <div class="asnb-banner asnb-stopping" role="status">
      <span>{detail ? words("stoppingDetail", { detail }) : words("stopping")}</span>
      <button
        type="button"
        class="asnb-button"
        title={words("forceHint")}
        onClick={() => session.force()}
      >
        {words("force")}
      </button>
    </div>
  );
}

/** Tells a screen reader of finished answers, not of every token. */
function Announcer(props: {
  turns: readonly TurnView[];
  name: string;
  words: Words;
  gone: boolean;
}): JSX.Element {
  const { turns, name, words } = props;
  const [said, setSaid] = useState("");
  const known = useRef<Set<string> | null>(null);
  useEffect(() => {
    const over = turns.filter((turn) => ended(turn.status)).map((turn) => turn.runId);
    const last = turns.at(-1);
    if (known.current && last && ended(last.status) && !known.current.has(last.runId)) {
      setSaid(announcement(last, name, words));
    }
    known.current = new Set(over); // what was over before is not news
  }, [turns, name, words]);
  return (
    <div class="asnb-unseen" aria-live="polite">
      {said}
    </div>
  );
}

function announcement(turn: TurnView, name: string, words: Words): string {
  if (turn.status === "canceled") return words("stopped");
  if (turn.error) return `${words("error")}: ${turn.error.message ?? ""}`;
  const text = turn.parts
    .filter((part) => part.type === "message")
    .map(textOf)
    .join(" ");
  return words("answered", { name, text: clean(text).slice(0, 600) });
}

interface Scroll {
  readonly view: RefObject<HTMLDivElement | null>;
  readonly content: RefObject<HTMLDivElement | null>;
  readonly pinned: boolean;
  readonly pin: () => void;
  readonly jump: () => void;
  readonly onScroll: () => void;
  readonly onClick: (event: MouseEvent) => void;
}

/** Keeps the newest in sight, unless the user has scrolled up to read. */
function useScroll(): Scroll {
  const view = useRef<HTMLDivElement>(null);
  const content = useRef<HTMLDivElement>(null);
  const at = useRef({ pinned: true, top: 0, height: 0 });
  const [pinned, setPinned] = useState(true);
  const set = (value: boolean): void => {
    at.current.pinned = value;
    setPinned(value);
  };
  const toBottom = (): void => {
    const el = view.current;
    if (el && at.current.pinned) el.scrollTop = el.scrollHeight;
  };
  useLayoutEffect(() => {
    if (!content.current || !view.current) return;
    const observer = new ResizeObserver(toBottom);
    observer.observe(content.current);
    observer.observe(view.current);
    return () => observer.disconnect();
  }, []);
  const onScroll = (): void => {
    const el = view.current;
    if (!el) return;
    const atBottom = el.scrollHeight - el.scrollTop - el.clientHeight < 24;
    // Content that shrinks moves the view too; only a move up at the same height is the user's.
    const movedUp = el.scrollTop < at.current.top - 1 && el.scrollHeight >= at.current.height;
    if (atBottom && !at.current.pinned) set(true);
    else if (!atBottom && movedUp && at.current.pinned) set(false);
    at.current.top = el.scrollTop;
    at.current.height = el.scrollHeight;
  };
  const pin = (): void => {
    set(true);
    toBottom();
  };
  const jump = (): void => {
    pin();
    view.current?.focus();
  };
  // Who opens something wants to read it: it may not be scrolled away at once.
  const onClick = (event: MouseEvent): void => {
    const el = view.current;
    if (!el || !(event.target as Element).closest("summary")) return;
    at.current.pinned = false;
    window.setTimeout(() => set(el.scrollHeight - el.scrollTop - el.clientHeight < 24), 50);
  };
  return { view, content, pinned, pin, jump, onScroll, onClick };
}
