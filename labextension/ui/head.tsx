/** The head of the chat: who this is, what is talked of, and what can be done with it. */
import type { JSX, RefObject } from "preact";
import type { PartProps } from "./banners";
import { ContextGauge } from "./gauge";
import { Icon } from "./icons";
import { Menu } from "./menu";
import { toNotebook } from "./notebook";
import { IconButton } from "./pieces";
import { Settings } from "./settings";
import { clean } from "./text";
import { download, toJson, toMarkdown } from "./transcript";

interface HeadProps extends PartProps {
  readonly name: string;
  readonly busy: boolean;
  readonly panel: boolean;
  readonly onPanel: () => void;
  readonly panelButton: RefObject<HTMLButtonElement | null>;
  readonly onNew: () => void;
}

/** See the module. */
export function Head(props: HeadProps): JSX.Element {
  const { session, state, words, name, gone } = props;
  const info = session.info.value;
  const chosen = session.values.value["model"];
  const model = clean(chosen ? String(chosen) : session.text("model_label"));
  const title = clean(state.title).replace(/\s+/g, " ").trim();
  return (
    <header class="asnb-head">
      <button
        type="button"
        class="asnb-icon-button"
        ref={props.panelButton}
        title={words("sessions")}
        aria-label={words("sessions")}
        aria-expanded={props.panel}
        onClick={props.onPanel}
      >
        <Icon name="clock" />
      </button>
      <span class="asnb-name">{name}</span>
      {title && (
        <span class="asnb-title" title={title}>
          {title}
        </span>
      )}
      {model && (
        <span class="asnb-model" title={model}>
          {model}
        </span>
      )}
      <span class="asnb-space" />
      <ContextGauge turns={state.turns} words={words} />
      <IconButton
        icon="plus"
        label={words("newSession")}
        disabled={state.turns.length === 0 || gone || props.busy}
        onClick={props.onNew}
      />
      {(info.settings.length > 0 || info.models.length > 0) && (
        <Settings
          info={info}
          values={session.values.value}
          words={words}
          disabled={gone}
          onChange={(values) => session.choose(values)}
        />
      )}
      <Download {...props} model={model} />
    </header>
  );
}

function Download(props: HeadProps & { model: string }): JSX.Element {
  const { state, words, name, model } = props;
  const { turns } = state;
  const about = { name, model, sessionId: state.sessionId };
  const file = `${name.replace(/[^\w.-]+/g, "-")}-${new Date().toISOString().slice(0, 10)}`;
  const save = (ending: string, text: string, type: string): void =>
    download(`${file}.${ending}`, text, type);
  return (
    <Menu
      icon="download"
      label={words("download")}
      disabled={turns.length === 0}
      choices={[
        [words("downloadMarkdown"), () => save("md", toMarkdown(turns, about), "text/markdown")],
        [words("downloadJson"), () => save("json", toJson(turns, about), "application/json")],
        [
          words("downloadNotebook"),
          () => save("ipynb", toNotebook(turns, about), "application/x-ipynb+json"),
        ],
      ]}
    />
  );
}
