/** Files that are dropped on the chat. */
import type { JSX, RefObject } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";
import type { Words } from "./i18n";
import { Icon } from "./icons";
import { followLabDrags } from "./lab-drop";

interface Drop {
  /** What is dropped on. */
  readonly place: RefObject<HTMLElement | null>;
  /** Whether files are held over the chat. */
  readonly over: boolean;
  readonly handlers: Readonly<
    Record<"onDragEnter" | "onDragOver" | "onDragLeave" | "onDrop", (event: DragEvent) => void>
  >;
}

/** Take dropped files, which the page around would open, upload or move. */
export function useDrop(
  take: (files: readonly File[]) => void,
  fail: (name: string) => void,
  enabled: boolean,
): Drop {
  const [over, setOver] = useState(false);
  const place = useRef<HTMLElement>(null);
  const now = useRef({ take, fail });
  now.current = { take, fail };
  useEffect(() => {
    if (!place.current || !enabled) return;
    return followLabDrags(place.current, {
      over: setOver,
      take: (file) => now.current.take([file]),
      fail: (name) => now.current.fail(name),
    });
  }, [enabled]);
  const inside = useRef(0); // children report entering and leaving too
  const last = useRef(0); // when files were last seen
  const leave = (): void => {
    inside.current = 0;
    last.current = 0;
    setOver(false);
  };
  useEffect(() => {
    if (!over || last.current === 0) return;
    // A drag may end outside, or by Esc, without a word to us.
    const timer = window.setInterval(() => {
      if (performance.now() - last.current > 1_000) leave();
    }, 500);
    return () => window.clearInterval(timer);
  }, [over]);
  const ours = (event: DragEvent): boolean => {
    if (!event.dataTransfer?.types.includes("Files")) return false;
    event.preventDefault();
    event.stopPropagation();
    last.current = performance.now();
    return true;
  };
  return {
    place,
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
