/** The app's commands, offered while a message begins with `/`. */
import type { JSX } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";
import { newId } from "./channel";
import type { Words } from "./i18n";
import type { Command } from "./info";

/** A list of commands beside a text box, as a combobox has it. */
export interface CommandList {
  readonly open: boolean;
  readonly id: string;
  readonly found: readonly Command[];
  readonly active: number;
  readonly choose: (index: number) => void;
  readonly point: (index: number) => void;
  /** Whether a key was meant for the list. */
  readonly onKey: (event: KeyboardEvent) => boolean;
}

/** Follow what is written; the list closes with Esc until something else is written. */
export function useCommands(
  text: string,
  commands: readonly Command[],
  onText: (text: string) => void,
): CommandList {
  const [id] = useState(() => `asnb-commands-${newId()}`);
  const [active, setActive] = useState(0);
  const [closed, setClosed] = useState("");
  const typed = /^\/(\S*)$/.exec(text)?.[1]?.toLowerCase();
  const found =
    typed === undefined || closed === text
      ? []
      : commands.filter(({ name }) => name.toLowerCase().startsWith(typed));
  useEffect(() => setActive(0), [text]);
  const at = Math.min(active, found.length - 1);
  const choose = (index: number): void => {
    const command = found[index];
    if (command) onText(`/${command.name} `);
  };
  const onKey = (event: KeyboardEvent): boolean => {
    if (found.length === 0 || event.altKey || event.ctrlKey || event.metaKey) return false;
    const whole = found.length === 1 && found[0]?.name.toLowerCase() === typed;
    if (event.key === "ArrowDown") setActive((at + 1) % found.length);
    else if (event.key === "ArrowUp") setActive((at + found.length - 1) % found.length);
    else if (event.key === "Escape") setClosed(text);
    else if (event.shiftKey) return false;
    else if (event.key === "Tab" || (event.key === "Enter" && !whole)) choose(at);
    else return false;
    return true;
  };
  return { open: found.length > 0, id, found, active: at, choose, point: setActive, onKey };
}

/** The list itself. */
export function Commands({ list, words }: { list: CommandList; words: Words }): JSX.Element | null {
  const root = useRef<HTMLDivElement>(null);
  useEffect(() => {
    root.current?.querySelector("[aria-selected=true]")?.scrollIntoView({ block: "nearest" });
  }, [list.active]);
  if (!list.open) return null;
  return (
    <div
      class="asnb-commands"
      id={list.id}
      role="listbox"
      aria-label={words("commands")}
      ref={root}
    >
      {list.found.map((command, index) => (
        // biome-ignore lint/a11y/useKeyWithClickEvents: the text box has the keys
        <div
          key={command.name}
          id={`${list.id}-${index}`}
          class="asnb-command"
          role="option"
          tabIndex={-1}
          aria-selected={index === list.active}
          onPointerMove={() => list.point(index)}
          // The text box keeps the focus.
          onMouseDown={(event) => event.preventDefault()}
          onClick={() => list.choose(index)}
        >
          <span class="asnb-command-name">/{command.name}</span>
          <span class="asnb-command-about">{command.description}</span>
        </div>
      ))}
    </div>
  );
}
