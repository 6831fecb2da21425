/** What an answer and a session took: tokens, money, time, room in the model's context. */
import type { JSX } from "preact";
import type { Words } from "./i18n";
import { duration } from "./i18n";
import type { TurnView } from "./model";

/** Tokens, cost and time of one answer, in a line. */
export function factsOf(turn: TurnView, words: Words): string {
  return [tokens(turn.usage, words), cost(turn.usage?.["cost"]), took(turn, words)]
    .filter(Boolean)
    .join(" · ");
}

function tokens(usage: TurnView["usage"], words: Words): string {
  const { input_tokens: input, output_tokens: output, total_tokens: total } = usage ?? {};
  if (typeof input === "number" && typeof output === "number") {
    return words("tokens", { input: input.toLocaleString(), output: output.toLocaleString() });
  }
  return typeof total === "number" ? words("tokensTotal", { total: total.toLocaleString() }) : "";
}

/** US dollars, as exact as they matter; "" when nothing is known or nothing was paid. */
export function cost(dollars: unknown): string {
  if (typeof dollars !== "number" || !(dollars > 0)) return "";
  if (dollars < 0.0001) return "<$0.0001";
  return `$${dollars.toFixed(dollars < 0.1 ? 4 : dollars < 1 ? 3 : 2)}`;
}

function took(turn: TurnView, words: Words): string {
  const seconds = (turn.completedAt ?? 0) - (turn.createdAt ?? 0);
  return turn.createdAt && turn.completedAt && seconds > 0 ? duration(seconds, words) : "";
}

/** A share of the context from which on the reader is warned. */
const NEARLY_FULL = 0.8;
const ROUND = 2 * Math.PI * 6;

/** How much of the model's context the conversation fills; nothing where that is not known. */
export function ContextGauge(props: {
  turns: readonly TurnView[];
  words: Words;
}): JSX.Element | null {
  const { turns, words } = props;
  const context = turns.findLast((turn) => room(turn))?.usage?.["context"];
  if (!context) return null;
  const { used, window } = context as { used: number; window: number };
  const share = Math.min(1, Math.max(0, used / window));
  const percent = Math.round(share * 100);
  const full = share >= NEARLY_FULL;
  const says = [
    words("contextUsed", { used: used.toLocaleString(), window: window.toLocaleString(), percent }),
    full ? words("contextFull") : "",
    totals(turns, words),
  ].filter(Boolean);
  return (
    <span
      class={full ? "asnb-gauge asnb-gauge-full" : "asnb-gauge"}
      role="meter"
      aria-label={says[0]}
      aria-valuemin={0}
      aria-valuemax={100}
      aria-valuenow={percent}
      aria-valuetext={says.join(" ")}
      title={says.join("\n")}
    >
      <svg viewBox="0 0 16 16" width="16" height="16" aria-hidden="true">
        <circle cx="8" cy="8" r="6" />
        <circle
          cx="8"
          cy="8"
          r="6"
          class="asnb-gauge-used"
          stroke-dasharray={`${share * ROUND} ${ROUND}`}
        />
      </svg>
      <span aria-hidden="true">{percent} %</span>
    </span>
  );
}

function room(turn: TurnView): boolean {
  const { used, window } = (turn.usage?.["context"] ?? {}) as { used?: unknown; window?: unknown };
  return typeof used === "number" && typeof window === "number" && window > 0;
}

function totals(turns: readonly TurnView[], words: Words): string {
  const sum = (key: string): number =>
    turns.reduce((total, { usage }) => total + (Number(usage?.[key]) || 0), 0);
  const [input, output] = [sum("input_tokens"), sum("output_tokens")];
  const says = words("sessionUsed", {
    input: input.toLocaleString(),
    output: output.toLocaleString(),
  });
  return [says, cost(sum("cost"))].filter(Boolean).join(" · ");
}
