/** Files of JupyterLab's own file browser, which travel by a kind of drag that is its own. */
import { jupyterBaseUrl, xsrfHeader } from "./channel";

const PATHS = "application/x-jupyter-icontents";
const KINDS = ["lm-dragenter", "lm-dragover", "lm-dragleave", "lm-drop"];

interface LabDrag extends MouseEvent {
  readonly mimeData?: { hasData(type: string): boolean; getData(type: string): unknown };
  readonly proposedAction?: string;
  dropAction?: string;
}

/** What becomes of such files. */
export interface Receiver {
  readonly over: (over: boolean) => void;
  readonly take: (file: File) => void;
  readonly fail: (name: string) => void;
}

/** Take the files that are dropped on an element; returns how to end it. */
export function followLabDrags(el: HTMLElement, receiver: Receiver): () => void {
  const onDrag = (plain: Event): void => {
    const event = plain as LabDrag;
    if (!event.mimeData?.hasData(PATHS)) return;
    event.preventDefault();
    event.stopPropagation();
    if (event.proposedAction) event.dropAction = event.proposedAction;
    if (event.type === "lm-dragleave") {
      if (!el.contains(event.relatedTarget as Node | null)) receiver.over(false);
      return;
    }
    receiver.over(event.type !== "lm-drop");
    if (event.type !== "lm-drop") return;
    const paths = event.mimeData.getData(PATHS);
    for (const path of Array.isArray(paths) ? paths.map(String) : []) {
      fetched(path).then(receiver.take, () => receiver.fail(nameOf(path)));
    }
  };
  for (const kind of KINDS) el.addEventListener(kind, onDrag);
  return () => {
    for (const kind of KINDS) el.removeEventListener(kind, onDrag);
  };
}

function nameOf(path: string): string {
  return path.slice(path.lastIndexOf("/") + 1);
}

/** The file as the server gives it out. */
async function fetched(path: string): Promise<File> {
  const base = jupyterBaseUrl();
  if (!base) throw new Error("no Jupyter server");
  // What is edited together lies in a drive of its own, and on the disk all the same.
  const local = path.replace(/^RTC:/, "").split("/").map(encodeURIComponent).join("/");
  const reply = await fetch(new URL(`files/${local}`, base), {
    credentials: "same-origin",
    headers: xsrfHeader(),
  });
  if (!reply.ok) throw new Error(`${path}: ${reply.status}`);
  const content = await reply.blob();
  return new File([content], nameOf(path), { type: content.type.split(";")[0] ?? "" });
}
