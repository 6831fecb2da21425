/** What stands between the user and the agent, said plainly. */
import type { JSX } from "preact";
import type { Words } from "./i18n";
import { Icon } from "./icons";
import { IconButton } from "./pieces";
import type { ChatSession } from "./session";
import { SCHEMA } from "./session";
import type { ChatState } from "./store";
import { clean } from "./text";

/** What the parts of the chat are given. */
export interface PartProps {
  readonly session: ChatSession;
  readonly words: Words;
  readonly state: ChatState;
  readonly gone: boolean;
}

/** The lines below the head. */
export function Banners({ session, state, words, gone }: PartProps): JSX.Element {
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
      {session.forked.value !== "" && session.forked.value === state.sessionId && (
        <div class="asnb-banner" role="status">
          <Icon name="fork" />
          <span>{words("forked")}</span>
          <IconButton
            icon="close"
            label={words("dismiss")}
            onClick={() => {
              session.forked.value = "";
            }}
          />
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

/** Code that does not stop is named, with the way out. */
export function Stopping({ session, state, words, gone }: PartProps): JSX.Element | null {
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
