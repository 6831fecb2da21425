/** What a notebook would show for a value: tables, pictures, plots, widgets. */
import type { ComponentChildren, JSX } from "preact";
import { useContext, useLayoutEffect, useMemo, useRef, useState } from "preact/hooks";
import type { Form } from "./bundles";
import { formsOf, toCsv } from "./bundles";
import type { Words } from "./i18n";
import type { Undraw } from "./jupyter";
import { drawBundle, drawView, Lent } from "./jupyter";
import { scrollTables } from "./markdown";
import { useMarkup } from "./markup";
import { Picture } from "./media";
import type { Display } from "./model";
import { CopyButton, Markdown } from "./pieces";
import { lonePage, sanitizerFor } from "./sanitize";

/** A value in the best form that this page can show, else what stands for it. */
export function Rich(props: {
  display: Display;
  words: Words;
  instead: () => ComponentChildren;
}): JSX.Element {
  const { display, words } = props;
  const manager = useContext(Lent);
  const forms = useMemo(() => formsOf(display, manager), [display, manager]);
  const [failed, setFailed] = useState(0);
  const form = forms[failed];
  const ready = useMarkup() || (form?.kind !== "html" && form?.kind !== "page");
  if (!form || !ready) return <>{props.instead()}</>;
  const onFail = (): void => setFailed(failed + 1);
  return (
    <div class="asnb-rich" data-form={form.kind} key={failed}>
      <Shown form={form} display={display} words={words} onFail={onFail} />
    </div>
  );
}

interface ShownProps<F = Form> {
  readonly form: F;
  readonly display: Display;
  readonly words: Words;
  readonly onFail: () => void;
}
type Drawable = Extract<Form, { kind: "view" | "jupyter" }>;
type Of<K extends Form["kind"]> = ShownProps<Extract<Form, { kind: K }>>;

function Shown(props: ShownProps): JSX.Element {
  const { form, words } = props;
  switch (form.kind) {
    case "view":
    case "jupyter":
      return <Drawn {...props} form={form} />;
    case "html":
      return <Html {...props} form={form} />;
    case "page":
      return <Page {...props} form={form} />;
    case "markdown":
      return <Markdown text={form.text} done={true} words={words} />;
    case "image":
      return <Picture url={form.url} words={words} light={form.light} onFail={props.onFail} />;
  }
}

/** Drawn by Jupyter. */
function Drawn({ form, display, onFail }: ShownProps<Drawable>): JSX.Element {
  const manager = useContext(Lent);
  const host = useRef<HTMLDivElement>(null);
  // As a layout effect it ends before its element leaves the page, as widgets expect.
  useLayoutEffect(() => {
    let gone = false;
    let undraw: Undraw = () => undefined;
    const root = host.current;
    const draw = async (): Promise<Undraw> => {
      if (!root || !manager) throw new Error("nothing to draw with");
      if (form.kind === "view") return drawView(manager, form.id, root);
      if (!manager.rendermime) throw new Error("no renderers");
      return drawBundle(manager.rendermime, form.mime, display, root);
    };
    draw().then(
      (done) => {
        if (gone) done();
        else undraw = done;
      },
      () => {
        if (!gone) onFail();
      },
    );
    return () => {
      gone = true;
      undraw();
    };
  }, []);
  return <div class="asnb-lent" ref={host} />;
}

/** HTML without styles of its own: it looks like the rest of the page. */
function Html({ form, words, onFail }: Of<"html">): JSX.Element {
  const host = useRef<HTMLDivElement>(null);
  const [table, setTable] = useState<HTMLTableElement | null>(null);
  useLayoutEffect(() => {
    const fragment = sanitizerFor(words)(form.text);
    if (isEmpty(fragment)) return onFail();
    host.current?.replaceChildren(fragment);
    if (!host.current) return;
    scrollTables(host.current);
    // A head without a word is none.
    for (const th of host.current.querySelectorAll("th:empty")) {
      th.replaceWith(document.createElement("td"));
    }
    setTable(host.current.querySelector("table"));
  }, [form, words]);
  return (
    <>
      <div class="asnb-md asnb-html" ref={host} />
      {table && (
        <div class="asnb-rich-actions">
          <CopyButton text={() => toCsv(table)} label={words("copyCsv")} words={words} named />
        </div>
      )}
    </>
  );
}

/** Whether nothing is left to see but the marks of what was taken away. */
function isEmpty(fragment: DocumentFragment): boolean {
  const copy = fragment.cloneNode(true) as DocumentFragment;
  for (const mark of copy.querySelectorAll(".asnb-blocked")) mark.remove();
  return !copy.textContent?.trim() && !copy.querySelector("img, hr");
}

const TALLEST = 480;

/** HTML with styles of its own: in a frame where nothing runs and nothing is fetched. */
function Page({ form, words, onFail }: Of<"page">): JSX.Element {
  const measure = useRef<HTMLDivElement>(null);
  const [page, setPage] = useState<{ html: string; height: number } | null>(null);
  useLayoutEffect(() => {
    const box = measure.current;
    if (!box) return;
    const fragment = sanitizerFor(words)(form.text);
    const drawings = /<svg\b/i.test(form.text);
    if (isEmpty(fragment) && !drawings) return onFail();
    // Nobody can look into the frame: its height is that of the same words without the styles.
    box.replaceChildren(fragment);
    const written = box.offsetHeight + 8;
    const height = Math.min(TALLEST, Math.max(40, written + (drawings ? 200 : 0)));
    const { color, fontFamily } = getComputedStyle(box);
    const scheme = box.closest("[data-theme=dark]") ? "dark" : "light";
    const look = `:root{color-scheme:${scheme}}body{margin:0;color:${color};font:13px/1.45 ${fontFamily.replace(/[<>]/g, "")}}body>:first-child{margin-top:0}table{border-collapse:collapse;font-size:12px}th,td{padding:4px 8px;text-align:right}`;
    setPage({ html: lonePage(form.text, look), height });
    box.replaceChildren();
  }, [form, words]);
  return (
    <>
      <div class="asnb-md asnb-html asnb-measure" ref={measure} aria-hidden="true" />
      {page && (
        <iframe
          class="asnb-page"
          sandbox=""
          srcdoc={page.html}
          title={words("framed")}
          style={{ height: `${page.height}px` }}
        />
      )}
    </>
  );
}
