/** The conversations that are kept: to find, open, rename and delete them. */
import type { JSX } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";
import type { PartProps } from "./banners";
import type { Words } from "./i18n";
import { ago } from "./i18n";
import { Icon } from "./icons";
import { OneLine } from "./one-line";
import { IconButton } from "./pieces";
import type { SessionEntry, SessionList } from "./store";
import { clean } from "./text";

const TYPING = 250; // ms of rest after which a search is made

interface PanelProps extends PartProps {
  readonly busy: boolean;
  readonly onClose: () => void;
  readonly onNew: () => void;
}

/** See the module. */
export function Sessions(props: PanelProps): JSX.Element {
  const { session, state, words, gone, busy, onClose } = props;
  const [search, setSearch] = useState("");
  const found = useFound(props, search.trim());
  const box = useRef<HTMLInputElement>(null);
  const root = useRef<HTMLDivElement>(null);
  useEffect(() => (gone ? root.current : box.current)?.focus(), [gone]);
  const open = (entry: SessionEntry): void => {
    if (entry.session_id !== state.sessionId) session.open(entry.session_id);
    onClose();
  };
  const onKeyDown = (event: KeyboardEvent): void => {
    if (event.isComposing) return;
    if (event.key === "Escape") {
      event.preventDefault();
      event.stopPropagation();
      onClose();
    } else if (event.key === "ArrowDown" || event.key === "ArrowUp") {
      if (step(root.current, event.key === "ArrowDown" ? 1 : -1)) event.preventDefault();
    }
  };
  return (
    <div
      class="asnb-sessions"
      ref={root}
      role="dialog"
      aria-label={words("sessions")}
      tabIndex={-1}
      onKeyDown={onKeyDown}
    >
      <div class="asnb-sessions-head">
        <span class="asnb-search">
          <Icon name="search" />
          <input
            ref={box}
            class="asnb-field"
            type="search"
            value={search}
            disabled={gone}
            aria-label={words("searchSessions")}
            placeholder={words("searchSessions")}
            onInput={(event) => setSearch(event.currentTarget.value)}
          />
        </span>
        <button type="button" class="asnb-button" disabled={gone || busy} onClick={props.onNew}>
          <Icon name="plus" />
          <span>{words("newSession")}</span>
        </button>
        <IconButton icon="close" label={words("close")} onClick={onClose} />
      </div>
      {busy && <p class="asnb-sessions-note">{words("sessionsBusy")}</p>}
      <div class="asnb-sessions-body" aria-busy={!gone && found.list?.search !== search.trim()}>
        <Found {...props} found={found} search={search.trim()} onOpen={open} />
      </div>
    </div>
  );
}

/** Move between the sessions by arrow keys; false when the key means something else here. */
function step(root: HTMLElement | null, by: number): boolean {
  const all = [
    ...(root?.querySelectorAll<HTMLElement>("input[type=search], .asnb-session-open") ?? []),
  ];
  const at = all.indexOf(document.activeElement as HTMLElement);
  if (at < 0) return false;
  all[Math.min(all.length - 1, Math.max(0, at + by))]?.focus();
  return true;
}

interface FoundSessions {
  readonly list: SessionList | null;
  /** Names and deletions that the kernel has not told of yet. */
  readonly renamed: ReadonlyMap<string, string>;
  readonly deleted: ReadonlySet<string>;
  readonly rename: (entry: SessionEntry, title: string) => void;
  readonly remove: (entry: SessionEntry) => void;
}

/** What a search finds; several views may search at once, so only its own answer is taken. */
function useFound({ session, state, gone }: PanelProps, search: string): FoundSessions {
  const list = useRef<SessionList | null>(null);
  const [renamed, setRenamed] = useState<ReadonlyMap<string, string>>(new Map());
  const [deleted, setDeleted] = useState<ReadonlySet<string>>(new Set());
  const first = useRef(true);
  if (state.sessions?.search === search) list.current = state.sessions;
  useEffect(() => {
    if (gone) return;
    const timer = window.setTimeout(() => session.listSessions(search), first.current ? 0 : TYPING);
    first.current = false;
    return () => window.clearTimeout(timer);
  }, [session, search, gone, state.sessionId, state.title, renamed, deleted]);
  return {
    list: list.current,
    renamed,
    deleted,
    rename: (entry, title) => {
      session.rename(entry.session_id, title);
      setRenamed(new Map(renamed).set(entry.session_id, title));
    },
    remove: (entry) => {
      session.delete(entry.session_id);
      setDeleted(new Set(deleted).add(entry.session_id));
    },
  };
}

function Found(
  props: PanelProps & {
    found: FoundSessions;
    search: string;
    onOpen: (entry: SessionEntry) => void;
  },
): JSX.Element {
  const { found, search, state, words, gone, busy } = props;
  if (gone) return <p class="asnb-sessions-note">{words("sessionsGone")}</p>;
  if (!found.list) return <p class="asnb-sessions-note">{words("loading")}</p>;
  const entries = found.list.sessions.filter((entry) => !found.deleted.has(entry.session_id));
  if (entries.length === 0) {
    const text = search ? words("nothingFound", { search: clean(search) }) : words("noSessions");
    return <p class="asnb-sessions-note">{text}</p>;
  }
  return (
    <ul class="asnb-sessions-list">
      {entries.map((entry) => (
        <Entry
          key={entry.session_id}
          entry={entry}
          title={clean(found.renamed.get(entry.session_id) || entry.title)}
          current={entry.session_id === state.sessionId}
          words={words}
          locked={busy}
          onOpen={() => props.onOpen(entry)}
          onRename={(title) => found.rename(entry, title)}
          onDelete={() => found.remove(entry)}
        />
      ))}
    </ul>
  );
}

interface EntryProps {
  readonly entry: SessionEntry;
  readonly title: string;
  readonly current: boolean;
  readonly words: Words;
  readonly locked: boolean;
  readonly onOpen: () => void;
  readonly onRename: (title: string) => void;
  readonly onDelete: () => void;
}

function Entry(props: EntryProps): JSX.Element {
  const { entry, title, current, words, locked } = props;
  const [mode, setMode] = useState<"plain" | "rename" | "delete">("plain");
  const root = useRef<HTMLLIElement>(null);
  const back = (): void => {
    setMode("plain");
    requestAnimationFrame(() => root.current?.querySelector("button")?.focus());
  };
  const turns = words(entry.turns === 1 ? "oneTurn" : "turns", { count: entry.turns });
  const facts = [current ? words("current") : "", turns, ago(entry.updated, words)];
  const preview = clean(entry.preview).replace(/\s+/g, " ").trim();
  return (
    <li class="asnb-session" ref={root}>
      {mode === "rename" && (
        <Rename
          title={title}
          words={words}
          onDone={(next) => {
            if (next !== null && next !== title) props.onRename(next);
            back();
          }}
        />
      )}
      {mode === "delete" && <Sure words={words} onYes={props.onDelete} onNo={back} />}
      {mode === "plain" && (
        <>
          <button
            type="button"
            class="asnb-session-open"
            aria-current={current}
            disabled={locked && !current}
            onClick={props.onOpen}
          >
            <span class="asnb-session-title">{title || words("untitled")}</span>
            <span class="asnb-session-facts">{facts.filter(Boolean).join(" · ")}</span>
            {preview && preview !== title && <span class="asnb-session-preview">{preview}</span>}
          </button>
          <span class="asnb-session-actions">
            <IconButton icon="edit" label={words("rename")} onClick={() => setMode("rename")} />
            <IconButton
              icon="trash"
              label={words("delete")}
              disabled={locked && current}
              onClick={() => setMode("delete")}
            />
          </span>
        </>
      )}
    </li>
  );
}

function Rename(props: {
  title: string;
  words: Words;
  /** Null leaves it as it is; without a title it is called by its first words. */
  onDone: (title: string | null) => void;
}): JSX.Element {
  const { words, onDone } = props;
  const [text, setText] = useState(props.title);
  return (
    <span class="asnb-session-form">
      <OneLine text={text} onText={setText} label={words("rename")} longest={200} onDone={onDone} />
      <IconButton icon="check" label={words("rename")} onClick={() => onDone(text.trim())} />
      <IconButton icon="close" label={words("cancel")} onClick={() => onDone(null)} />
    </span>
  );
}

/** Asks once before a session is gone for good. */
function Sure(props: { words: Words; onYes: () => void; onNo: () => void }): JSX.Element {
  const { words, onYes, onNo } = props;
  const button = useRef<HTMLButtonElement>(null);
  useEffect(() => button.current?.focus(), []);
  const onKeyDown = (event: KeyboardEvent): void => {
    if (event.key !== "Escape") return;
    event.preventDefault();
    event.stopPropagation();
    onNo();
  };
  return (
    <span class="asnb-session-form" role="group" aria-label={words("deleteSure")}>
      <span class="asnb-session-sure">{words("deleteSure")}</span>
      <button
        type="button"
        class="asnb-button asnb-danger"
        ref={button}
        onKeyDown={onKeyDown}
        onClick={() => {
          // The next thing to be focused: this one goes.
          const list = button.current?.closest(".asnb-sessions");
          onYes();
          list?.querySelector<HTMLElement>("input[type=search]")?.focus();
        }}
      >
        {words("delete")}
      </button>
      <button type="button" class="asnb-button" onKeyDown={onKeyDown} onClick={onNo}>
        {words("cancel")}
      </button>
    </span>
  );
}
