/** A card that asks whether a tool may be called, and later says what was decided. */
import type { JSX } from "preact";
import { createContext } from "preact";
import { useContext, useEffect, useMemo, useRef, useState } from "preact/hooks";
import type { Decision, Request } from "./approvals";
import type { Words } from "./i18n";
import { Icon } from "./icons";
import type { ApprovalView } from "./items";
import { asked } from "./items";
import type { TurnView } from "./model";
import { ended } from "./model";
import { Code, Fold } from "./pieces";
import type { Answering } from "./store";
import { clean, prettyJson, summary } from "./text";

/** How decisions reach the agent. */
export interface Approver {
  /** Decisions that are on their way, or were refused. */
  readonly answering: Answering | null;
  readonly send: (decisions: Decision[]) => void;
}

/** The decisions about one answer, while they are made. */
interface Deciding {
  readonly decisions: ReadonlyMap<string, Decision>;
  readonly chosen: ReadonlyMap<string, Decision>;
  readonly waiting: readonly ApprovalView[];
  readonly latest: boolean;
  /** Null where nobody could hear an answer. */
  readonly approver: Approver | null;
  readonly choose: (decisions: Decision[]) => void;
  readonly undo: (id: string) => void;
}

const Deciding = createContext<Deciding | null>(null);

/** Collects the decisions about an answer, and sends them when the last is made. */
export function Decisions(props: {
  turn: TurnView;
  approver: Approver | null;
  children: JSX.Element;
}): JSX.Element {
  const { turn, approver } = props;
  const [chosen, setChosen] = useState<ReadonlyMap<string, Decision>>(new Map());
  const waiting = asked(turn);
  const choose = (decisions: Decision[]): void => {
    const all = new Map(chosen);
    for (const decision of decisions) all.set(decision.id, decision);
    const rest = waiting.filter(({ request }) => !all.has(request.id));
    setChosen(rest.length > 0 ? all : new Map());
    if (rest.length > 0) return;
    approver?.send(waiting.flatMap(({ request }) => all.get(request.id) ?? []));
  };
  const undo = (id: string): void => {
    setChosen(new Map([...chosen].filter(([known]) => known !== id)));
  };
  const open = ended(turn.status) ? approver : null;
  const { decisions, latest } = turn;
  const value = { decisions, chosen, waiting, latest, approver: open, choose, undo };
  return <Deciding.Provider value={value}>{props.children}</Deciding.Provider>;
}

type State = "open" | "chosen" | "sending" | "allowed" | "denied" | "passed" | "closed";

function stateOf(id: string, deciding: Deciding): State {
  const decision = deciding.decisions.get(id);
  if (decision) return decision.approve ? "allowed" : "denied";
  if (!deciding.latest) return "passed";
  if (!deciding.approver) return "closed";
  const { answering } = deciding.approver;
  if (answering && !answering.why) return "sending";
  return deciding.chosen.has(id) ? "chosen" : "open";
}

const SETTLED: ReadonlySet<State> = new Set(["allowed", "denied", "passed"]);

/** What was decided, in a line. */
export function Verdict(props: {
  request: Request;
  /** Whether the tool is named; it need not be below its own call. */
  named?: boolean;
  words: Words;
}): JSX.Element | null {
  const deciding = useContext(Deciding);
  const { request, words } = props;
  if (!deciding) return null;
  const state = stateOf(request.id, deciding);
  return (
    <div class="asnb-settled" data-state={state}>
      <Icon name="shield" />
      {props.named && <span>{clean(request.name).slice(0, 120)}</span>}
      <Outcome id={request.id} state={state} deciding={deciding} words={words} />
    </div>
  );
}

/** One request. */
export function Approval({
  item,
  words,
}: {
  item: ApprovalView;
  words: Words;
}): JSX.Element | null {
  const deciding = useContext(Deciding);
  const card = useRef<HTMLDivElement>(null);
  const { request } = item;
  const state = deciding ? stateOf(request.id, deciding) : "closed";
  useFocus(card, state === "open" && deciding?.waiting[0] === item);
  if (!deciding) return null;
  const tool = clean(request.name).slice(0, 120);
  const title = words("allowTool", { tool });
  if (SETTLED.has(state)) return <Verdict request={request} named words={words} />;
  return (
    <div
      class="asnb-approval"
      data-state={state}
      role="group"
      aria-label={title}
      tabIndex={-1}
      ref={card}
    >
      <div class="asnb-approval-head">
        <Icon name="shield" />
        <strong>{title}</strong>
        {request.server && (
          <span class="asnb-faint">
            {words("fromServer", { server: clean(request.server).slice(0, 80) })}
          </span>
        )}
        {state !== "open" && (
          <Outcome id={request.id} state={state} deciding={deciding} words={words} />
        )}
      </div>
      <Arguments args={request.args} words={words} />
      {state === "open" && <Choice item={item} deciding={deciding} words={words} card={card} />}
    </div>
  );
}

/** Who waits in an empty composer is led to the card; whoever is elsewhere stays there. */
function useFocus(card: { current: HTMLElement | null }, first: boolean): void {
  useEffect(() => {
    const here = document.activeElement;
    if (!first || !(here instanceof HTMLTextAreaElement) || here.value) return;
    if (card.current?.closest(".asnb-card")?.contains(here)) card.current.focus();
  }, [first]);
}

const SHORT = 400;

function Arguments(props: { args: string; words: Words }): JSX.Element {
  const { words } = props;
  const args = useMemo(() => clean(prettyJson(props.args)), [props.args]);
  if (!args.trim() || args === "{}") return <p class="asnb-faint">{words("noArguments")}</p>;
  const code = (): JSX.Element => <Code text={args} lang="json" done={true} words={words} />;
  if (args.length <= SHORT && args.split("\n").length <= 12) return code();
  const head = (
    <>
      <span class="asnb-fold-title">{words("arguments")}</span>
      <span class="asnb-fold-gist">{summary(props.args)}</span>
    </>
  );
  return (
    <Fold class="asnb-approval-args" head={head}>
      {code}
    </Fold>
  );
}

/** What was decided, or is being told. */
function Outcome(props: {
  id: string;
  state: State;
  deciding: Deciding;
  words: Words;
}): JSX.Element {
  const { id, state, deciding, words } = props;
  const decision = deciding.decisions.get(id) ?? deciding.chosen.get(id);
  const sent = deciding.approver?.answering?.decisions.find((made) => made.id === id);
  const left = deciding.waiting.length - deciding.chosen.size;
  return (
    <span class={`asnb-outcome asnb-outcome-${state}`}>
      {(state === "allowed" || state === "denied") && verdict(decision, words)}
      {state === "passed" && words("wentOn")}
      {state === "closed" && words("unanswered")}
      {state === "sending" && `${verdict(sent, words)} · ${words("pendingSending")}`}
      {state === "chosen" && (
        <>
          {verdict(decision, words)} · {words("otherDecisions", { count: left })}
          <button type="button" class="asnb-quiet" onClick={() => deciding.undo(id)}>
            {words("undo")}
          </button>
        </>
      )}
    </span>
  );
}

function verdict(decision: Decision | undefined, words: Words): string {
  if (!decision) return "";
  if (decision.approve) return words(decision.always ? "allowedAlways" : "allowed");
  const reason = clean(decision.reason ?? "").slice(0, 400);
  return reason ? words("deniedWhy", { reason }) : words("denied");
}

function Choice(props: {
  item: ApprovalView;
  deciding: Deciding;
  words: Words;
  card: { current: HTMLElement | null };
}): JSX.Element {
  const { item, deciding, words, card } = props;
  const { id } = item.request;
  const [reason, setReason] = useState<string | null>(null);
  const refused = deciding.approver?.answering?.why;
  const open = deciding.waiting.filter(({ request }) => !deciding.chosen.has(request.id));
  const decide = (...decisions: Decision[]): void => {
    const chat = card.current?.closest(".asnb-card");
    deciding.choose(decisions);
    // The buttons vanish: the next thing to answer is where the keyboard goes on.
    requestAnimationFrame(() => {
      const next = chat?.querySelector<HTMLElement>(".asnb-approval[data-state=open]");
      (next ?? chat?.querySelector("textarea"))?.focus();
    });
  };
  const deny = (): void => decide({ id, approve: false, reason: reason?.trim() ?? "" });
  const onKeyDown = (event: KeyboardEvent): void => {
    if (event.isComposing || (event.key !== "Enter" && event.key !== "Escape")) return;
    event.preventDefault();
    event.stopPropagation();
    if (event.key === "Enter") deny();
    else {
      setReason(null);
      card.current?.focus();
    }
  };
  return (
    <>
      {reason !== null && (
        <input
          class="asnb-reason"
          type="text"
          maxLength={1000}
          value={reason}
          placeholder={words("denyReason")}
          aria-label={words("denyReason")}
          ref={(input) => {
            if (input && reason === "") input.focus();
          }}
          onInput={(event) => setReason(event.currentTarget.value)}
          onKeyDown={onKeyDown}
        />
      )}
      <div class="asnb-choice">
        <button
          type="button"
          class="asnb-button asnb-primary"
          onClick={() => decide({ id, approve: true })}
        >
          {words("allow")}
        </button>
        <button
          type="button"
          class="asnb-button"
          onClick={() => decide({ id, approve: true, always: true })}
        >
          {words("allowAlways")}
        </button>
        <button type="button" class="asnb-button" onClick={deny}>
          {words("deny")}
        </button>
        {reason === null && (
          <button type="button" class="asnb-quiet" onClick={() => setReason("")}>
            {words("denyWithReason")}
          </button>
        )}
        {open.length > 1 && open[0] === item && (
          <button
            type="button"
            class="asnb-quiet asnb-all"
            onClick={() =>
              decide(...open.map(({ request }) => ({ id: request.id, approve: true })))
            }
          >
            {words("allowAll", { count: open.length })}
          </button>
        )}
      </div>
      {refused && (
        <p class="asnb-refused" role="alert">
          {words("pendingFailed", { why: clean(refused) })}
        </p>
      )}
    </>
  );
}
