/** The parts of an answer: text, thoughts, tool calls, media, prints, errors. */

import type { ComponentChildren, ComponentType, JSX } from "preact";
import { Component } from "preact";
import { useEffect, useLayoutEffect, useRef, useState } from "preact/hooks";
import { CodeView, copyText } from "./code";
import type { Word, Words } from "./i18n";
import { duration } from "./i18n";
import type { IconName } from "./icons";
import { Icon } from "./icons";
import { MarkdownView } from "./markdown";
import type { ContentView, PartView, ToolView } from "./model";
import { ended, textOf } from "./model";
import { blockedImage, isDataImage, safeUrl, shortAddress } from "./sanitize";
import { clean, prettyJson, printed, summary } from "./text";
import type { WireError } from "./wire";

/** A component that is drawn again only when one of its properties is another object. */
export function memo<P extends object>(Inner: (props: P) => JSX.Element | null): ComponentType<P> {
  return class Memo extends Component<P> {
    override shouldComponentUpdate(next: Readonly<P>): boolean {
      const before = this.props as Record<string, unknown>;
      return Object.entries(next).some(([key, value]) => before[key] !== value);
    }

    override render(): JSX.Element {
      return <Inner {...(this.props as P)} />;
    }
  };
}

/** A button that is an icon, with its name for those who cannot see it. */
export function IconButton(props: {
  icon: IconName;
  label: string;
  onClick: () => void;
  text?: boolean;
  disabled?: boolean;
}): JSX.Element {
  return (
    <button
      type="button"
      class={props.text ? "asnb-quiet" : "asnb-icon-button"}
      title={props.label}
      aria-label={props.text ? undefined : props.label}
      disabled={props.disabled}
      onClick={props.onClick}
    >
      <Icon name={props.icon} />
      {props.text && <span>{props.label}</span>}
    </button>
  );
}

/** Copies a text and says so. */
export function CopyButton(props: {
  text: () => string;
  label: string;
  words: Words;
}): JSX.Element {
  const [copied, setCopied] = useState(false);
  const onClick = (): void => {
    void copyText(props.text()).then((ok) => {
      if (!ok) return;
      setCopied(true);
      window.setTimeout(() => setCopied(false), 1600);
    });
  };
  return (
    <IconButton
      icon={copied ? "check" : "copy"}
      label={copied ? props.words("copied") : props.label}
      onClick={onClick}
    />
  );
}

/** Markdown that may still grow. */
export function Markdown(props: { text: string; done: boolean; words: Words }): JSX.Element {
  const root = useRef<HTMLDivElement>(null);
  const view = useRef<MarkdownView | null>(null);
  useLayoutEffect(() => {
    if (!root.current) return;
    view.current ??= new MarkdownView(root.current, props.words);
    view.current.update(props.text, props.done);
  }, [props.text, props.done, props.words]);
  useEffect(() => () => view.current?.destroy(), []);
  return <div class="asnb-md" ref={root} />;
}

/** Text in a code block. */
function Code(props: { text: string; lang: string; done: boolean; words: Words }): JSX.Element {
  const root = useRef<HTMLDivElement>(null);
  const view = useRef<CodeView | null>(null);
  useLayoutEffect(() => {
    if (!view.current) {
      view.current = new CodeView(props.words);
      root.current?.append(view.current.element);
    }
    view.current.update(props.text, props.lang, props.done);
  }, [props.text, props.lang, props.done, props.words]);
  return <div ref={root} />;
}

/** Something that is folded away until it is asked for; its inside is made only then. */
function Fold(props: {
  class: string;
  head: ComponentChildren;
  children: () => ComponentChildren;
}): JSX.Element {
  const [open, setOpen] = useState(false);
  return (
    <details
      class={`asnb-fold ${props.class}`}
      onToggle={(event) => setOpen(event.currentTarget.open)}
    >
      <summary>
        <span class="asnb-chevron">
          <Icon name="chevron" />
        </span>
        {props.head}
      </summary>
      {open && <div class="asnb-fold-body">{props.children()}</div>}
    </details>
  );
}

/** Thoughts, folded. */
export const Thought = memo(function Thought({ part, words }: { part: PartView; words: Words }) {
  const open = !ended(part.status);
  const measured = part.metadata?.["duration"];
  const seconds =
    typeof measured === "number"
      ? measured
      : part.startedAt && part.endedAt
        ? (part.endedAt - part.startedAt) / 1000
        : null;
  const title = open
    ? words("thinking")
    : seconds !== null && seconds >= 0.05
      ? words("thoughtFor", { time: duration(seconds, words) })
      : words("thought");
  const head = (
    <>
      <span class="asnb-fold-icon">
        <Icon name="thought" />
      </span>
      <span class={open ? "asnb-fold-title asnb-shimmer" : "asnb-fold-title"}>{title}</span>
    </>
  );
  return (
    <Fold class="asnb-thought" head={head}>
      {() => <Markdown text={textOf(part)} done={!open} words={words} />}
    </Fold>
  );
});

const TOOL_STATES: Readonly<Record<string, Word>> = {
  calling: "toolCalling",
  running: "toolRunning",
  completed: "toolCompleted",
  failed: "toolFailed",
  incomplete: "toolFailed",
  rejected: "toolFailed",
  canceled: "toolCanceled",
};

/** A tool call: one quiet line that opens. */
export const Tool = memo(function Tool({ tool, words }: { tool: ToolView; words: Words }) {
  const active = tool.status === "calling" || tool.status === "running";
  const state = words(TOOL_STATES[tool.status] ?? "toolCompleted");
  const head = (
    <>
      <span class="asnb-fold-icon">
        <Icon name="tool" />
      </span>
      <span class={active ? "asnb-fold-title asnb-shimmer" : "asnb-fold-title"}>
        {clean(tool.server ? `${tool.server} · ${tool.name}` : tool.name).slice(0, 80)}
      </span>
      <span class="asnb-fold-gist">{summary(tool.args)}</span>
      <span class={`asnb-tool-state asnb-is-${tool.status}`}>
        {state}
        {tool.duration !== null && ` · ${duration(tool.duration, words)}`}
      </span>
    </>
  );
  return (
    <Fold class="asnb-tool" head={head}>
      {() => <ToolBody tool={tool} words={words} />}
    </Fold>
  );
});

function ToolBody({ tool, words }: { tool: ToolView; words: Words }): JSX.Element {
  const args = clean(prettyJson(tool.args));
  const waiting = tool.status === "calling" || tool.status === "running";
  return (
    <>
      <div class="asnb-label">{words("arguments")}</div>
      {args && args !== "{}" ? (
        <Code text={args} lang="json" done={tool.status !== "calling"} words={words} />
      ) : (
        <p class="asnb-faint">{words("noArguments")}</p>
      )}
      <div class="asnb-label">{words("result")}</div>
      {tool.output === null || tool.output === "" ? (
        <p class="asnb-faint">{words(waiting ? "waitingResult" : "noResult")}</p>
      ) : (
        <Code
          text={clean(prettyJson(tool.output))}
          lang={/^\s*[[{]/.test(tool.output) ? "json" : ""}
          done={true}
          words={words}
        />
      )}
      {(tool.result?.error ?? tool.call?.error) && (
        <ErrorCard error={(tool.result?.error ?? tool.call?.error) as WireError} words={words} />
      )}
    </>
  );
}

/** One message of the agent. */
export const Utterance = memo(function Utterance({
  part,
  words,
}: {
  part: PartView;
  words: Words;
}) {
  const done = ended(part.status);
  return (
    <>
      {part.contents.map((content, index) => (
        <Content key={index} content={content} done={done} words={words} />
      ))}
      {part.error && <ErrorCard error={part.error} words={words} />}
    </>
  );
});

function Content(props: { content: ContentView; done: boolean; words: Words }): JSX.Element | null {
  const { content, done, words } = props;
  switch (content.type) {
    case "text":
      return content.text ? <Markdown text={content.text} done={done} words={words} /> : null;
    case "refusal":
      return <p class="asnb-refusal">{clean(content.text)}</p>;
    case "image":
      return <Picture url={content.url} words={words} />;
    case "audio":
      return <Sound content={content} words={words} />;
    case "video":
    case "file":
      return <Attachment content={content} words={words} />;
    default:
      return content.data ? (
        <Code text={clean(JSON.stringify(content.data, null, 2))} lang="json" done words={words} />
      ) : null;
  }
}

function Picture({ url, words }: { url: string; words: Words }): JSX.Element {
  const root = useRef<HTMLSpanElement>(null);
  const shown = isDataImage(url);
  useLayoutEffect(() => {
    if (!shown) root.current?.replaceChildren(blockedImage(document, url, "", words));
  }, [shown, url, words]);
  return shown ? <img class="asnb-picture" src={url} alt={words("image")} /> : <span ref={root} />;
}

function Sound({ content, words }: { content: ContentView; words: Words }): JSX.Element {
  const format = /^[a-z0-9.+-]{1,20}$/i.test(content.format) ? content.format : "wav";
  const data = content.text.replace(/^data:[^,]*,/, "");
  if (!/^[A-Za-z0-9+/=\s]+$/.test(data)) return <Attachment content={content} words={words} />;
  return (
    // biome-ignore lint/a11y/useMediaCaption: a model's speech comes with its text as a message
    <audio controls class="asnb-audio" src={`data:audio/${format};base64,${data}`} />
  );
}

/** A film or a file: named, opened or saved by a click, never fetched before. */
function Attachment({ content, words }: { content: ContentView; words: Words }): JSX.Element {
  const name = clean(content.name) || words(content.type as Word);
  const url = safeUrl(content.url);
  const saved = content.type === "file" && /^[A-Za-z0-9+/=\s]+$/.test(content.text);
  return (
    <span class="asnb-attachment">
      <Icon name="file" />
      {saved ? (
        <a download={name} href={`data:application/octet-stream;base64,${content.text}`}>
          {name}
        </a>
      ) : url ? (
        <a href={url.href} target="_blank" rel="noopener noreferrer nofollow" title={url.href}>
          {name} <span class="asnb-host">({shortAddress(url.href)})</span>
        </a>
      ) : (
        <span>{name}</span>
      )}
    </span>
  );
}

/** What the agent's code printed. */
export const Prints = memo(function Prints({ log, words }: { log: string; words: Words }) {
  const text = printed(log.length > 200_000 ? log.slice(-200_000) : log).replace(/\n+$/, "");
  const root = useRef<HTMLPreElement>(null);
  useLayoutEffect(() => {
    if (root.current) root.current.scrollTop = root.current.scrollHeight;
  }, [text]);
  return (
    <div class="asnb-prints">
      <div class="asnb-label">{words("printed")}</div>
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: it scrolls, so the keyboard must reach it */}
      <pre ref={root} tabIndex={0}>
        {text}
      </pre>
    </div>
  );
});

/** What went wrong, and the way on. */
export function ErrorCard(props: {
  error: WireError;
  words: Words;
  onRetry?: (() => void) | undefined;
}): JSX.Element {
  const { error, words } = props;
  return (
    <div class="asnb-error" role="group" aria-label={words("error")}>
      <span class="asnb-error-icon">
        <Icon name="warning" />
      </span>
      <div class="asnb-error-text">
        <div class="asnb-error-head">
          <strong>{words("error")}</strong>
          {error.code && <code>{clean(error.code)}</code>}
        </div>
        <p>{clean(error.message ?? "")}</p>
      </div>
      {props.onRetry && (
        <button type="button" class="asnb-button" onClick={props.onRetry}>
          <Icon name="retry" />
          <span>{words("retry")}</span>
        </button>
      )}
    </div>
  );
}
