/** Small line icons, drawn here so that none is ever fetched. */
import type { JSX } from "preact";

const PATHS = {
  send: "M8 13V3M3.5 7.5 8 3l4.5 4.5",
  stop: "M4.5 4.5h7v7h-7z",
  plus: "M8 3v10M3 8h10",
  download: "M8 2.5v8M4.5 7 8 10.5 11.5 7M3 13.5h10",
  copy: "M5.5 5.5h7v8h-7zM3.5 10.5v-8h7",
  check: "M3 8.5 6.5 12 13 4.5",
  retry: "M13 8a5 5 0 1 1-1.6-3.7M13 2v3h-3",
  down: "M8 3v10M3.5 8.5 8 13l4.5-4.5",
  chevron: "M6 3.5 10.5 8 6 12.5",
  tool: "M9.8 2.6a3.6 3.6 0 0 0-4 4.9L2.5 10.8l2.7 2.7 3.3-3.3a3.6 3.6 0 0 0 4.9-4L11.2 8.3 9 7.9l-.9-.9-.4-2.2z",
  thought: "M8 2.5l1.3 4.2 4.2 1.3-4.2 1.3L8 13.5 6.7 9.3 2.5 8l4.2-1.3z",
  warning: "M8 2.5 14 13H2zM8 6.5v3.2M8 11.3v.2",
  info: "M8 2a6 6 0 1 0 0 12A6 6 0 0 0 8 2zM8 7.3v3.5M8 5v.2",
  close: "M4 4l8 8M12 4l-8 8",
  file: "M4 2.5h5l3 3v8H4zM9 2.5v3h3",
} as const;

/** The name of an icon. */
export type IconName = keyof typeof PATHS;

/** An icon; it says nothing to a screen reader, its button does. */
export function Icon({ name, solid }: { name: IconName; solid?: boolean }): JSX.Element {
  return (
    <svg class="asnb-icon" viewBox="0 0 16 16" width="16" height="16" aria-hidden="true">
      <path d={PATHS[name]} fill={solid ? "currentColor" : "none"} />
    </svg>
  );
}
