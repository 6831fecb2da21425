/** A line of text that is asked for in passing: a title, a comment. */
import type { JSX } from "preact";
import { useEffect, useRef } from "preact/hooks";

/** What the line shows, and what becomes of it. */
export interface OneLineProps {
  readonly text: string;
  readonly onText: (text: string) => void;
  readonly label: string;
  readonly placeholder?: string;
  readonly longest: number;
  /** Enter gives the text, Escape null. */
  readonly onDone: (text: string | null) => void;
}

/** The field; it takes the focus when it appears. */
export function OneLine(props: OneLineProps): JSX.Element {
  const field = useRef<HTMLInputElement>(null);
  useEffect(() => field.current?.select(), []);
  const onKeyDown = (event: KeyboardEvent): void => {
    if (event.isComposing || event.keyCode === 229) return;
    if (event.key !== "Enter" && event.key !== "Escape") return;
    event.preventDefault();
    event.stopPropagation();
    props.onDone(event.key === "Enter" ? props.text.trim() : null);
  };
  return (
    <input
      ref={field}
      type="text"
      class="asnb-field"
      maxLength={props.longest}
      value={props.text}
      aria-label={props.label}
      placeholder={props.placeholder}
      onInput={(event) => props.onText(event.currentTarget.value)}
      onKeyDown={onKeyDown}
    />
  );
}
