/** What goes along with a message, shown: a picture small, a file by its name. */
import type { JSX } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";
import type { Attachment, OutContent, Refusal } from "./files";
import { admit, asAttachment, MAX_BYTES, read, sizeText, waitingFor } from "./files";
import type { Words } from "./i18n";
import { Icon } from "./icons";
import { Picture } from "./media";
import { isDataImage, safeUrl, shortAddress } from "./sanitize";
import { clean } from "./text";

/** The longest data URI of a picture that fits in a message. */
const LONGEST = Math.ceil((MAX_BYTES * 4) / 3) + 100;

/** The attachments of a message, each with a way to take it away where that still makes sense. */
export function Attachments(props: {
  items: readonly Attachment[];
  words: Words;
  onRemove?: (key: string) => void;
}): JSX.Element | null {
  const { items, words, onRemove } = props;
  if (items.length === 0) return null;
  return (
    <ul class="asnb-attachments" aria-label={words("attachments")}>
      {items.map((item) => (
        <li key={item.key} class="asnb-attached" aria-busy={item.content === null}>
          <Face item={item} plain={onRemove !== undefined} words={words} />
          {onRemove && (
            <button
              type="button"
              class="asnb-remove"
              title={words("removeFile", { name: item.name })}
              aria-label={words("removeFile", { name: item.name })}
              onClick={() => onRemove(item.key)}
            >
              <Icon name="close" />
            </button>
          )}
        </li>
      ))}
    </ul>
  );
}

function Face(props: {
  item: Attachment;
  /** Whether its name is no way to the file, which the user has chosen just now. */
  plain: boolean;
  words: Words;
}): JSX.Element {
  const { item, words } = props;
  const { content } = item;
  const size = item.size > 0 ? sizeText(item.size, words) : "";
  if (content?.type === "image" && isDataImage(content.image_url, LONGEST)) {
    const name = item.name || words("image");
    return (
      <span class="asnb-thumb" title={[name, size].filter(Boolean).join(", ")}>
        {props.plain || !isDataImage(content.image_url) ? (
          <img src={content.image_url} alt={name} />
        ) : (
          <Picture url={content.image_url} name={name} words={words} />
        )}
      </span>
    );
  }
  return (
    <span class="asnb-chip">
      <Icon name="file" />
      <span class="asnb-chip-text">
        <FileName content={props.plain ? null : content} name={item.name} words={words} />
        <span class="asnb-chip-size">{content ? size : words("reading")}</span>
      </span>
    </span>
  );
}

/** The name, as a way to the file where there is one; nothing is fetched before a click. */
function FileName(props: { content: OutContent | null; name: string; words: Words }): JSX.Element {
  const { content, name, words } = props;
  const [data, address] = placeOf(content);
  const shown = (name && name !== address ? name : "") || shortAddress(address) || words("file");
  if (data && /^[A-Za-z0-9+/=\s]+$/.test(data)) {
    return (
      <a
        class="asnb-chip-name"
        download={shown}
        href={`data:application/octet-stream;base64,${data}`}
      >
        {shown}
      </a>
    );
  }
  const url = safeUrl(address);
  if (!url) return <span class="asnb-chip-name">{shown}</span>;
  return (
    <a
      class="asnb-chip-name"
      href={url.href}
      target="_blank"
      rel="noopener noreferrer nofollow"
      title={url.href}
    >
      {shown}
    </a>
  );
}

/** Base64 and address of a content. */
function placeOf(content: OutContent | null): [string, string] {
  switch (content?.type) {
    case "image":
      return ["", content.image_url.startsWith("data:") ? "" : content.image_url];
    case "audio":
      return [content.data.replace(/^data:[^,]*,/, ""), ""];
    case "video":
      return ["", content.video_url];
    case "file":
      return [content.file_data ?? "", content.file_url ?? ""];
    default:
      return ["", ""];
  }
}

/** Attachments being gathered for one message. */
export interface Gathering {
  readonly items: readonly Attachment[];
  readonly refused: readonly Refusal[];
  /** Whether a file is still being read. */
  readonly reading: boolean;
  readonly add: (files: readonly File[]) => void;
  readonly remove: (key: string) => void;
  /** Say that a file cannot be read. */
  readonly fail: (name: string) => void;
  /** Take these instead, as when a message that was refused is given back. */
  readonly replace: (contents: readonly OutContent[]) => void;
  readonly contents: () => OutContent[];
}

/** Gather attachments, within the limits of a message. */
export function useGathering(words: Words, initial: readonly Attachment[] = []): Gathering {
  const [items, setItems] = useState(initial);
  const [refused, setRefused] = useState<readonly Refusal[]>([]);
  // Files arrive one after the other while others are read: the newest list is what counts.
  const now = useRef(items);
  const alive = useRef(true);
  useEffect(
    () => () => {
      alive.current = false;
    },
    [],
  );
  const set = (next: readonly Attachment[]): void => {
    now.current = next;
    if (alive.current) setItems(next);
  };
  const fail = (name: string): void => setRefused([["fileUnreadable", { name: clean(name) }]]);
  const add = (files: readonly File[]): void => {
    const { taken, refused: not } = admit(now.current, files, words);
    setRefused(not);
    for (const file of taken) {
      const item = waitingFor(file);
      set([...now.current, item]);
      read(file).then(
        (content) =>
          set(now.current.map((old) => (old.key === item.key ? { ...old, content } : old))),
        () => {
          set(now.current.filter((old) => old.key !== item.key));
          fail(item.name);
        },
      );
    }
  };
  return {
    items,
    refused,
    reading: items.some((item) => item.content === null),
    add,
    fail,
    remove: (key) => {
      setRefused([]);
      set(now.current.filter((item) => item.key !== key));
    },
    replace: (contents) => {
      setRefused([]);
      set(contents.map((content, index) => asAttachment(content, `${index}`)));
    },
    contents: () => now.current.flatMap((item) => item.content ?? []),
  };
}

/** Why some files were not taken. */
export function Refusals(props: { refused: readonly Refusal[]; words: Words }): JSX.Element {
  return (
    <div class="asnb-refused" role="alert">
      {props.refused.map(([word, gaps], index) => (
        <p key={index}>{props.words(word, gaps)}</p>
      ))}
    </div>
  );
}
