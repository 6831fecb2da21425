/** The conversation: what was said, what is on its way. */
import type { JSX } from "preact";
import { useMemo, useRef } from "preact/hooks";
import type { PartProps } from "./banners";
import { exchanges } from "./exchanges";
import { Lent } from "./jupyter";
import type { TurnActions } from "./question";
import type { Pending } from "./store";
import { PendingTurn, Turn } from "./turn";

/** All turns; the last of them may be asked again, and what it asks be answered. */
export function Talk(
  props: PartProps & {
    name: string;
    busy: boolean;
    actions: TurnActions;
    onEdit: (message: Pending) => void;
  },
): JSX.Element {
  const { session, state, words, name, actions } = props;
  const retry = useRef((runId: string) => session.retry(runId)).current;
  const locked = props.busy || props.gone;
  const { answering } = state;
  const approver = useMemo(
    () => ({
      answering,
      send: (decisions: Parameters<typeof session.approve>[0]) => void session.approve(decisions),
    }),
    [session, answering],
  );
  const turns = exchanges(state.turns);
  const last = turns.length - 1;
  return (
    <Lent.Provider value={session.manager}>
      {turns.map((turn, index) => (
        <Turn
          key={turn.runId}
          turn={turn}
          name={name}
          words={words}
          onRetry={index === last && !locked ? retry : null}
          approver={index === last && !props.gone ? approver : null}
          actions={actions}
          locked={locked}
          gone={props.gone}
        />
      ))}
      {state.pending.map((message) => (
        <PendingTurn key={message.id} message={message} words={words} onEdit={props.onEdit} />
      ))}
    </Lent.Provider>
  );
}
