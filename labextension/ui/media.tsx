/** Pictures, sound, films and files of an answer. */
import type { JSX } from "preact";
import { useEffect, useLayoutEffect, useRef, useState } from "preact/hooks";
import { sizeText } from "./files";
import type { Word, Words } from "./i18n";
import { Icon } from "./icons";
import type { ContentView } from "./model";
import { blockedImage, isDataImage, safeUrl, shortAddress } from "./sanitize";
import { clean } from "./text";

/** An image that is here; one from elsewhere is named, not fetched. A click shows it large. */
export function Picture(props: {
  url: string;
  words: Words;
  name?: string;
  /** Whether it is drawn for a light background. */
  light?: boolean;
  onFail?: () => void;
}): JSX.Element {
  const { url, words } = props;
  const root = useRef<HTMLSpanElement>(null);
  const [large, setLarge] = useState(false);
  const shown = isDataImage(url) || isDrawing(url);
  useLayoutEffect(() => {
    if (!shown) root.current?.replaceChildren(blockedImage(document, url, "", words));
  }, [shown, url, words]);
  if (!shown) return <span ref={root} />;
  return (
    <>
      <button
        type="button"
        class={props.light ? "asnb-zoom asnb-on-light" : "asnb-zoom"}
        aria-label={words("enlarge")}
        title={words("enlarge")}
        onClick={() => setLarge(true)}
      >
        <img
          class="asnb-picture"
          src={url}
          alt={props.name || words("image")}
          onError={props.onFail}
        />
      </button>
      {large && <Large url={url} words={words} onClose={() => setLarge(false)} />}
    </>
  );
}

/** A drawing as an image runs nothing and fetches nothing. */
function isDrawing(url: string): boolean {
  return url.startsWith("data:image/svg+xml;") && url.length <= 4_000_000;
}

function Large(props: { url: string; words: Words; onClose: () => void }): JSX.Element {
  const dialog = useRef<HTMLDialogElement>(null);
  useEffect(() => {
    dialog.current?.showModal?.();
  }, []);
  return (
    <dialog
      class="asnb-large"
      ref={dialog}
      aria-label={props.words("image")}
      onClose={props.onClose}
      onClick={() => dialog.current?.close()}
      onKeyDown={(event) => event.stopPropagation()} // here Esc stops no answer
    >
      <img src={props.url} alt={props.words("image")} />
      <button type="button" class="asnb-button">
        {props.words("close")}
      </button>
    </dialog>
  );
}

/** Sound that is here, with its controls. */
export function Sound({ content, words }: { content: ContentView; words: Words }): JSX.Element {
  const format = /^[a-z0-9.+-]{1,20}$/i.test(content.format) ? content.format : "wav";
  const data = content.text.replace(/^data:[^,]*,/, "");
  if (!isBase64(data)) return <Attachment content={content} words={words} />;
  return (
    // biome-ignore lint/a11y/useMediaCaption: a model's speech comes with its text as a message
    <audio
      controls
      class="asnb-audio"
      aria-label={words("audio")}
      src={`data:audio/${format};base64,${data}`}
    />
  );
}

/** A film or a file: named, opened or saved by a click, never fetched before. */
export function Attachment(props: { content: ContentView; words: Words }): JSX.Element {
  const { content, words } = props;
  const name = clean(content.name) || words(content.type as Word);
  const inline = /^data:([\w.+-]+\/[\w.+-]+)?(?:;[^,]*)?;base64,/.exec(content.url);
  const data = inline ? content.url.slice(inline[0].length) : content.text;
  const url = safeUrl(content.url);
  if (inline?.[1]?.startsWith("video/") && isBase64(data)) {
    // biome-ignore lint/a11y/useMediaCaption: a model's film has none
    return <video controls class="asnb-film" aria-label={name} src={content.url} />;
  }
  const saved = isBase64(data);
  return (
    <span class="asnb-attachment">
      <Icon name="file" />
      {saved ? (
        <a download={name} href={`data:application/octet-stream;base64,${data}`}>
          {name}
        </a>
      ) : url ? (
        <a href={url.href} target="_blank" rel="noopener noreferrer nofollow" title={url.href}>
          {name} <span class="asnb-host">({shortAddress(url.href)})</span>
        </a>
      ) : (
        <span>{name}</span>
      )}
      {saved && <span class="asnb-host">{sizeText(bytes(data), words)}</span>}
    </span>
  );
}

function bytes(base64: string): number {
  return Math.floor((base64.replace(/[=\s]+/g, "").length * 3) / 4);
}

function isBase64(text: string): boolean {
  return /^[A-Za-z0-9+/=\s]+$/.test(text);
}
