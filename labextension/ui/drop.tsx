/** Files that are dropped on the chat. */
import type { JSX } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";
import type { Words } from "./i18n";
import { Icon } from "./icons";

interface Drop {
  /** Whether files are held over the chat. */
  readonly over: boolean;
  readonly handlers: Readonly<
    Record<"onDragEnter" | "onDragOver" | "onDragLeave" | "onDrop", (event: DragEvent) => void>
  >;
}

/** Take dropped files, which the page around would open or upload. */
export function useDrop(take: (files: readonly File[]) => void, enabled: boolean): Drop {
  const [over, setOver] = useState(false);
  const inside = useRef(0); // children report entering and leaving too
  const leave = (): void => {
    inside.current = 0;
    setOver(false);
  };
  useEffect(() => {
    if (!over) return;
    // A drag may end outside, or by Esc, without a word to us.
    const timer = window.setInterval(() => {
      if (performance.now() - last.current > 1_000) leave();
    }, 500);
    return () => window.clearInterval(timer);
  }, [over]);
  const last = useRef(0);
  const ours = (event: DragEvent): boolean => {
    if (!event.dataTransfer?.types.includes("Files")) return false;
    event.preventDefault();
    event.stopPropagation();
    last.current = performance.now();
    return true;
  };
  return {
    over: over && enabled,
    handlers: {
      onDragEnter: (event) => {
        if (!ours(event)) return;
        inside.current += 1;
        setOver(true);
      },
      onDragOver: (event) => {
        if (ours(event) && event.dataTransfer) {
          event.dataTransfer.dropEffect = enabled ? "copy" : "none";
        }
      },
      onDragLeave: (event) => {
        if (!ours(event)) return;
        inside.current -= 1;
        if (inside.current <= 0) leave();
      },
      onDrop: (event) => {
        if (!ours(event)) return;
        leave();
        if (enabled) take([...(event.dataTransfer?.files ?? [])]);
      },
    },
  };
}

/** What is seen while files are held over the chat. */
export function DropHere({ words }: { words: Words }): JSX.Element {
  return (
    <div class="asnb-drop" aria-hidden="true">
      <Icon name="clip" />
      <span>{words("dropHere")}</span>
    </div>
  );
}
