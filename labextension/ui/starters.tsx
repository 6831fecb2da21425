/** A chat in which nothing was said: who answers, what to begin with, what to go on with. */
import type { JSX } from "preact";
import { useEffect } from "preact/hooks";
import type { PartProps } from "./banners";
import { ago } from "./i18n";
import { clean } from "./text";

const RECENT = 3;

/** See the module. */
export function Empty(
  props: PartProps & {
    name: string;
    onSend: (text: string) => void;
    onOpen: (sessionId: string) => void;
  },
): JSX.Element {
  const { session, state, words, name, gone } = props;
  const description = clean(session.text("description"));
  const { starters } = session.info.value;
  useEffect(() => {
    if (!gone) session.listSessions();
  }, [session, gone]);
  return (
    <div class="asnb-empty">
      <p class="asnb-empty-title">{description || words("emptyTitle", { name })}</p>
      <p>{words("emptyHint")}</p>
      {starters.length > 0 && (
        <div class="asnb-starters" role="group" aria-label={words("starters")}>
          {starters.map(({ label, text }, index) => (
            <button
              type="button"
              key={index}
              class="asnb-starter"
              title={clean(text)}
              disabled={gone}
              onClick={() => props.onSend(text)}
            >
              {label}
            </button>
          ))}
        </div>
      )}
      <Recent {...props} current={state.sessionId} />
    </div>
  );
}

/** The newest sessions, to go on with. */
function Recent(
  props: PartProps & { current: string; onOpen: (sessionId: string) => void },
): JSX.Element | null {
  const { state, words, gone } = props;
  if (gone || state.sessions?.search !== "") return null;
  const recent = state.sessions.sessions
    .filter((entry) => entry.session_id !== props.current && entry.turns > 0)
    .slice(0, RECENT);
  if (recent.length === 0) return null;
  return (
    <div class="asnb-recent" role="group" aria-label={words("continueWith")}>
      <p class="asnb-label">{words("continueWith")}</p>
      {recent.map((entry) => (
        <button
          type="button"
          key={entry.session_id}
          class="asnb-recent-entry"
          onClick={() => props.onOpen(entry.session_id)}
        >
          <span class="asnb-session-title">{clean(entry.title) || words("untitled")}</span>
          <span class="asnb-session-facts">{ago(entry.updated, words)}</span>
        </button>
      ))}
    </div>
  );
}
