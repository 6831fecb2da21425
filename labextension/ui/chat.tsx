/** The chat: head, conversation, composer. */

import type { JSX } from "preact";
import { render } from "preact";
import { useMemo, useRef, useState } from "preact/hooks";
import { Announcer } from "./announcer";
import { useGathering } from "./attachments";
import { Banners, Stopping } from "./banners";
import { Composer } from "./composer";
import { DropHere, useDrop } from "./drop";
import { exchanges } from "./exchanges";
import { Head } from "./head";
import type { Words } from "./i18n";
import { english, fetchWords, languageOf } from "./i18n";
import { Icon } from "./icons";
import { asked } from "./items";
import type { TurnActions } from "./question";
import { useScroll } from "./scroll";
import type { ChatSession } from "./session";
import { Sessions } from "./sessions";
import { useSignals } from "./signal";
import { Empty } from "./starters";
import type { ChatState, Pending } from "./store";
import { isBusy } from "./store";
import { Talk } from "./talk";
import { clean } from "./text";
import { followTheme } from "./theme";

/** Draw a chat into an element; returns how to take it away. */
export function mountChat(el: HTMLElement, session: ChatSession): () => void {
  const root = document.createElement("div");
  root.className = "asnb-chat";
  el.append(root);
  const unfollow = followTheme(root);
  let here = true;
  const draw = (words: Words): void => {
    if (here) render(<Chat session={session} words={words} />, root);
  };
  const language = languageOf(session.text("lang"));
  if (language) void fetchWords(language).then(draw);
  else draw(english);
  return () => {
    here = false;
    unfollow();
    render(null, root);
    root.remove();
    session.destroy();
  };
}

function Chat({ session, words }: { session: ChatSession; words: Words }): JSX.Element {
  useSignals(session.watched);
  const state = session.state.value;
  const gone = session.gone.value;
  const name = clean(session.text("app")) || "agent";
  const busy = !gone && isBusy(state);
  const stopping = state.status.state === "stopping" || session.stopping.value !== "";
  const [text, setText] = useState("");
  const [panel, setPanel] = useState(false);
  const box = useRef<HTMLTextAreaElement>(null);
  const panelButton = useRef<HTMLButtonElement>(null);
  const gathering = useGathering(words);
  const scroll = useScroll();
  const drop = useDrop(gathering.add, gathering.fail, !gone && !panel);
  const onward = useRef(() => {
    scroll.pin();
    box.current?.focus();
  }).current;
  const actions = useActions(session, onward);
  const send = (): void => {
    const message = text.trim();
    const contents = gathering.contents();
    if (busy || gone || gathering.reading || (!message && contents.length === 0)) return;
    setText("");
    gathering.replace([]);
    scroll.pin();
    void session.send(message, contents);
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
    gathering.replace(message.contents);
    box.current?.focus();
  };
  const begin = (): void => {
    session.newSession();
    setPanel(false);
    box.current?.focus();
  };
  const closePanel = (): void => {
    setPanel(false);
    panelButton.current?.focus();
  };
  const part = { session, state, words, gone };
  const empty = state.turns.length === 0 && state.pending.length === 0;
  return (
    <section
      ref={drop.place}
      class="asnb-card"
      aria-label={words("chatWith", { name })}
      onKeyDown={onKeyDown}
      {...drop.handlers}
    >
      <Head
        {...part}
        name={name}
        busy={busy}
        panel={panel}
        panelButton={panelButton}
        onPanel={() => setPanel(!panel)}
        onNew={begin}
      />
      <Banners {...part} />
      <div class="asnb-stage" inert={panel}>
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
            {empty ? (
              <Empty
                {...part}
                name={name}
                onSend={(said) => {
                  void session.send(said);
                  onward();
                }}
                onOpen={(id) => {
                  session.open(id);
                  onward();
                }}
              />
            ) : (
              <Talk {...part} name={name} busy={busy} actions={actions} onEdit={edit} />
            )}
          </div>
        </div>
        {!scroll.pinned && (
          <button type="button" class="asnb-jump" onClick={scroll.jump}>
            <Icon name="down" />
            <span>{words("jump")}</span>
          </button>
        )}
      </div>
      <Stopping {...part} />
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
        gathering={gathering}
        commands={session.info.value.commands}
        asking={asks(state)}
        inert={panel}
      />
      {panel && <Sessions {...part} busy={busy} onClose={closePanel} onNew={begin} />}
      {drop.over && <DropHere words={words} />}
      <Announcer turns={state.turns} name={name} words={words} gone={gone} />
    </section>
  );
}

/** Whether the last answer waits for the user's decision. */
function asks(state: ChatState): boolean {
  const last = exchanges(state.turns).at(-1);
  return last !== undefined && asked(last).length > 0;
}

/** What can be done with turns: one object, so that no turn is drawn again for it. */
function useActions(session: ChatSession, onward: () => void): TurnActions {
  return useMemo(
    () => ({
      edit: (runId, text, contents) => {
        onward();
        void session.edit(runId, text, contents);
      },
      fork: (runId) => session.fork(runId),
      rate: (runId, rating, comment) => session.rate(runId, rating, comment),
      after: (runId) => {
        const turns = exchanges(session.state.value.turns);
        return turns.length - 1 - turns.findIndex((turn) => turn.runId === runId);
      },
    }),
    [session, onward],
  );
}
