/** Keeps the newest in sight, unless the user has scrolled up to read. */
import type { RefObject } from "preact";
import { useLayoutEffect, useRef, useState } from "preact/hooks";

/** The scrolling of a conversation. */
export interface Scroll {
  readonly view: RefObject<HTMLDivElement | null>;
  readonly content: RefObject<HTMLDivElement | null>;
  readonly pinned: boolean;
  readonly pin: () => void;
  readonly jump: () => void;
  readonly onScroll: () => void;
  readonly onClick: (event: MouseEvent) => void;
}

/** The scrolling of one conversation. */
export function useScroll(): Scroll {
  const view = useRef<HTMLDivElement>(null);
  const content = useRef<HTMLDivElement>(null);
  const at = useRef({ pinned: true, top: 0, height: 0 });
  const [pinned, setPinned] = useState(true);
  const set = (value: boolean): void => {
    at.current.pinned = value;
    setPinned(value);
  };
  const toBottom = (): void => {
    const el = view.current;
    if (el && at.current.pinned) el.scrollTop = el.scrollHeight;
  };
  useLayoutEffect(() => {
    if (!content.current || !view.current) return;
    const observer = new ResizeObserver(toBottom);
    observer.observe(content.current);
    observer.observe(view.current);
    return () => observer.disconnect();
  }, []);
  const onScroll = (): void => {
    const el = view.current;
    if (!el) return;
    const atBottom = el.scrollHeight - el.scrollTop - el.clientHeight < 24;
    // Content that shrinks moves the view too; only a move up at the same height is the user's.
    const movedUp = el.scrollTop < at.current.top - 1 && el.scrollHeight >= at.current.height;
    if (atBottom && !at.current.pinned) set(true);
    else if (!atBottom && movedUp && at.current.pinned) set(false);
    at.current.top = el.scrollTop;
    at.current.height = el.scrollHeight;
  };
  const pin = (): void => {
    set(true);
    toBottom();
  };
  const jump = (): void => {
    pin();
    view.current?.focus();
  };
  // Who opens something wants to read it: it may not be scrolled away at once.
  const onClick = (event: MouseEvent): void => {
    const el = view.current;
    if (!el || !(event.target as Element).closest("summary")) return;
    at.current.pinned = false;
    window.setTimeout(() => set(el.scrollHeight - el.scrollTop - el.clientHeight < 24), 50);
  };
  return { view, content, pinned, pin, jump, onScroll, onClick };
}
