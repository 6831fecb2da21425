/** What answers are made of: text, code, folds, thoughts, prints, errors, buttons. */

import type { ComponentChildren, ComponentType, JSX } from "preact";
import { Component } from "preact";
import { useContext, useEffect, useLayoutEffect, useRef, useState } from "preact/hooks";
import { CodeView, copyText } from "./code";
import type { Words } from "./i18n";
import { duration } from "./i18n";
import type { IconName } from "./icons";
import { Icon } from "./icons";
import { Lent } from "./jupyter";
import { MarkdownView } from "./markdown";
import { useMarkup } from "./markup";
import { typesetterOf } from "./maths";
import type { PartView } from "./model";
import { ended, textOf } from "./model";
import { clean, printed } from "./text";
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
  /** Whether its name stands on it. */
  named?: boolean;
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
      text={props.named ?? false}
    />
  );
}

/** Markdown that may still grow; as it was written until it can be drawn. */
export function Markdown(props: { text: string; done: boolean; words: Words }): JSX.Element {
  if (useMarkup()) return <Drawn {...props} />;
  return <div class="asnb-md asnb-plain">{clean(props.text)}</div>;
}

function Drawn(props: { text: string; done: boolean; words: Words }): JSX.Element {
  const root = useRef<HTMLDivElement>(null);
  const view = useRef<MarkdownView | null>(null);
  const manager = useContext(Lent);
  useLayoutEffect(() => {
    if (!root.current) return;
    view.current ??= new MarkdownView(root.current, props.words, typesetterOf(manager));
    view.current.update(props.text, props.done);
  }, [props.text, props.done, props.words]);
  useEffect(() => () => view.current?.destroy(), []);
  return <div class="asnb-md" ref={root} />;
}

/** Text in a code block. */
export function Code(props: {
  text: string;
  lang: string;
  done: boolean;
  words: Words;
}): JSX.Element {
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
export function Fold(props: {
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
