/** Tells a screen reader of finished answers, not of every token. */
import type { JSX } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";
import type { Words } from "./i18n";
import { asked } from "./items";
import type { TurnView } from "./model";
import { ended, textOf } from "./model";
import { clean } from "./text";

/** What is said of the turns. */
export function Announcer(props: {
  turns: readonly TurnView[];
  name: string;
  words: Words;
  gone: boolean;
}): JSX.Element {
  const { turns, name, words } = props;
  const [said, setSaid] = useState("");
  const known = useRef<Set<string> | null>(null);
  useEffect(() => {
    const over = turns.filter((turn) => ended(turn.status)).map((turn) => turn.runId);
    const last = turns.at(-1);
    if (known.current && last && ended(last.status) && !known.current.has(last.runId)) {
      setSaid(announcement(last, name, words));
    }
    known.current = new Set(over); // what was over before is not news
  }, [turns, name, words]);
  return (
    <div class="asnb-unseen" aria-live="polite">
      {said}
    </div>
  );
}

function announcement(turn: TurnView, name: string, words: Words): string {
  if (turn.status === "canceled") return words("stopped");
  if (turn.error) return `${words("error")}: ${turn.error.message ?? ""}`;
  const tools = asked(turn).map(({ request }) => clean(request.name).slice(0, 80));
  if (tools.length > 0) return words("approvalAsked", { name, tools: tools.join(", ") });
  const text = turn.parts
    .filter((part) => part.type === "message")
    .map(textOf)
    .join(" ");
  return words("answered", { name, text: clean(text).slice(0, 600) });
}
