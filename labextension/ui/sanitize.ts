/** HTML that may stand in the page: a short list of tags, no remote fetches, blocked things named. */

import type createDOMPurify from "dompurify";
import type { Config } from "dompurify";
import type { Words } from "./i18n";
import { markup } from "./markup";

const TAGS =
  "a abbr b blockquote br code dd del details div dl dt em h1 h2 h3 h4 h5 h6 hr i img ins kbd li mark ol p pre q s small span strong sub summary sup caption table tbody td tfoot th thead tr u ul";
const ATTRIBUTES =
  "href title src alt align start colspan rowspan open data-lang data-task data-math lang dir";
/** Elements whose absence a reader should know of. */
const NAMED = new Set(
  "script iframe frame frameset object embed applet form input button textarea select style link meta base svg math video audio canvas template portal noscript".split(
    " ",
  ),
);
/** Harmless elements of which only the words are kept. */
const QUIET = new Set(
  "html head body section article header footer main nav aside figure figcaption center font big tt var samp cite time address col colgroup label fieldset legend option optgroup output progress meter picture source track wbr bdi bdo ruby rt rp data map area hgroup strike dfn #text #comment #document-fragment".split(
    " ",
  ),
);

const CONFIG: Config = {
  ALLOWED_TAGS: [...TAGS.split(" "), "#text"],
  ALLOWED_ATTR: ATTRIBUTES.split(" "),
  // Values of these are no addresses; every other value has to be one that is allowed.
  ADD_URI_SAFE_ATTR: ATTRIBUTES.split(" ").filter((name) => name !== "href" && name !== "src"),
  ALLOW_DATA_ATTR: false,
  ALLOW_ARIA_ATTR: false,
  ALLOWED_URI_REGEXP: /^(?:https?:|mailto:|data:image\/)/i,
  RETURN_DOM_FRAGMENT: true,
  KEEP_CONTENT: true,
};

/** The longest data URI that is shown as an image, in characters (about 3 MB of image). */
export const MAX_DATA_IMAGE = 4_000_000;
const DATA_IMAGE = /^data:image\/(?:png|jpeg|gif|webp|avif|bmp)(?:;[a-z0-9=;-]*)?,/i;

/** Whether an image address holds the image itself, in a size that is fit to show. */
export function isDataImage(url: string, longest = MAX_DATA_IMAGE): boolean {
  return url.length <= longest && DATA_IMAGE.test(url);
}

/** The address as a URL that a link may have, else null. */
export function safeUrl(url: string): URL | null {
  try {
    const parsed = new URL(url.trim());
    return ["http:", "https:", "mailto:"].includes(parsed.protocol) ? parsed : null;
  } catch {
    return null;
  }
}

/** `host/path…` of an address, short enough for a line. */
export function shortAddress(url: string): string {
  const parsed = safeUrl(url);
  if (!parsed) return url.slice(0, url.indexOf(":") + 1 || 20).slice(0, 20);
  const rest = parsed.pathname.length > 1 ? parsed.pathname : "";
  const address = `${parsed.host}${rest}`;
  return address.length > 60 ? `${address.slice(0, 59)}…` : address;
}

const KNOWN = new Set([...TAGS.split(" "), ...NAMED, ...QUIET]);

/** Whether a piece of HTML begins with a tag that browsers know; `Vec<String>` does not. */
export function isHtml(text: string): boolean {
  const name = /^\s*<\/?([a-z][^\s/>]*)/i.exec(text)?.[1];
  return name === undefined || KNOWN.has(name.toLowerCase());
}

type Purifier = ReturnType<typeof createDOMPurify>;

const made = new WeakMap<Words, (html: string) => DocumentFragment>();

/** The sanitiser that speaks the user's language. */
export function sanitizerFor(words: Words): (html: string) => DocumentFragment {
  const known = made.get(words) ?? createSanitizer(words);
  made.set(words, known);
  return known;
}

function createSanitizer(words: Words): (html: string) => DocumentFragment {
  const purify: Purifier = markup().createDOMPurify(window);
  // Addresses that were taken away. The elements are dressed after the cleaning, still in
  // DOMPurify's inert document, where nothing is fetched.
  const refused = new WeakMap<Element, string>();
  purify.addHook("uponSanitizeElement", (node, data) => {
    const name = data.tagName;
    if (data.allowedTags[name] || QUIET.has(name)) return;
    const label = NAMED.has(name) ? words("blockedElement", { name }) : `<${name}>`;
    const mark = blocked(node.ownerDocument as Document, label);
    if (!NAMED.has(name)) mark.className = "";
    node.parentNode?.insertBefore(mark, node);
  });
  purify.addHook("uponSanitizeAttribute", (node, data) => {
    const { attrName, attrValue } = data;
    const wanted =
      (attrName === "href" && node.nodeName === "A" && safeUrl(attrValue) !== null) ||
      (attrName === "src" && node.nodeName === "IMG" && isDataImage(attrValue));
    if (wanted || (attrName !== "href" && attrName !== "src")) return;
    data.keepAttr = false;
    refused.set(node, attrValue);
  });
  return (html) => {
    const fragment = purify.sanitize(html, CONFIG) as unknown as DocumentFragment;
    for (const link of fragment.querySelectorAll("a")) secureLink(link, refused.has(link), words);
    for (const image of fragment.querySelectorAll("img")) {
      secureImage(image, refused.get(image), words);
    }
    return fragment;
  };
}

const PAGE_CONFIG: Config = {
  FORBID_TAGS: "form input button select textarea dialog audio video a area".split(" "),
  FORCE_BODY: true, // keeps styles that stand first
};

/**
 * HTML with its own styles as a page for a frame that runs nothing: what could is taken away here,
 * refused by the page's own policy, and not allowed by the frame's sandbox.
 *
 * @param look the rules that it begins with.
 */
export function lonePage(html: string, look: string): string {
  const policy = "default-src 'none'; img-src data:; style-src 'unsafe-inline'; font-src data:";
  return `<!doctype html><meta http-equiv="Content-Security-Policy" content="${policy}"><style>${look}</style>${markup().createDOMPurify(window).sanitize(html, PAGE_CONFIG)}`;
}

function blocked(document: Document, label: string): HTMLElement {
  const mark = document.createElement("span");
  mark.className = "asnb-blocked";
  mark.textContent = label;
  return mark;
}

function secureLink(link: HTMLAnchorElement, refused: boolean, words: Words): void {
  const url = safeUrl(link.getAttribute("href") ?? "");
  if (url) {
    dressLink(link, url);
    return;
  }
  const text = link.ownerDocument.createElement("span");
  text.append(...link.childNodes);
  if (refused) text.append(" ", blocked(link.ownerDocument, words("blockedLink")));
  link.replaceWith(text);
}

/** Where the link leads is written beside it, unless its own text says so truly. */
export function dressLink(link: HTMLAnchorElement, url: URL): void {
  link.setAttribute("href", url.href);
  link.setAttribute("target", "_blank");
  link.setAttribute("rel", "noopener noreferrer nofollow");
  link.setAttribute("referrerpolicy", "no-referrer");
  link.setAttribute("title", url.href);
  const shown = (link.textContent ?? "").trim();
  const place = url.protocol === "mailto:" ? url.pathname : url.host;
  const honest = shown === place || safeUrl(shown)?.host === place || shown === url.href;
  if (honest || !place) return;
  const host = link.ownerDocument.createElement("span");
  host.className = "asnb-host";
  host.textContent = ` (${place})`;
  link.append(host);
}

function secureImage(image: HTMLImageElement, refused: string | undefined, words: Words): void {
  const address = image.getAttribute("src") ?? "";
  if (isDataImage(address)) {
    image.setAttribute("loading", "lazy");
    return;
  }
  image.removeAttribute("src");
  const alt = image.getAttribute("alt") ?? "";
  image.replaceWith(blockedImage(image.ownerDocument, refused ?? address, alt, words));
}

/** What stands in the place of an image that is not fetched. */
export function blockedImage(
  document: Document,
  address: string,
  alt: string,
  words: Words,
): HTMLElement {
  const url = safeUrl(address);
  const label = words("blockedImage", { address: shortAddress(address) });
  const mark = blocked(document, alt ? `${label} (${alt.slice(0, 80)})` : label);
  mark.classList.add("asnb-blocked-image");
  if (!url || url.protocol === "mailto:") return mark;
  const link = document.createElement("a");
  link.className = "asnb-open";
  link.textContent = words("openImage");
  link.setAttribute("href", url.href);
  link.setAttribute("target", "_blank");
  link.setAttribute("rel", "noopener noreferrer nofollow");
  link.setAttribute("title", url.href);
  mark.append(" ", link);
  return mark;
}
