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
  edit: "M3 13l.6-2.8 7.3-7.3 2.2 2.2-7.3 7.3zM9.4 4.4l2.2 2.2",
  fork: "M4.5 2.5v11M4.5 10.5c0-3 7-2 7-5.5M11.5 5V2.5M2.5 4.5l2-2 2 2M9.5 4.5l2-2 2 2",
  trash: "M3 4.5h10M6.5 4.5v-2h3v2M4.5 4.5l.5 9h6l.5-9M6.8 7v4M9.2 7v4",
  clock: "M8 2a6 6 0 1 0 0 12A6 6 0 0 0 8 2zM8 5v3.2l2.2 1.4",
  search: "M7 2.5a4.5 4.5 0 1 0 0 9 4.5 4.5 0 0 0 0-9zM10.4 10.4l3.1 3.1",
  clip: "M12.5 7.5 8 12a2.8 2.8 0 0 1-4-4l5-5a1.9 1.9 0 0 1 2.7 2.7l-4.9 4.9a.9.9 0 0 1-1.3-1.3L9.8 5",
  sliders:
    "M2.5 5H7M10.5 5h3M2.5 11h3M9 11h4.5M8.7 3.2a1.8 1.8 0 1 0 0 3.6 1.8 1.8 0 0 0 0-3.6zM7.2 9.2a1.8 1.8 0 1 0 0 3.6 1.8 1.8 0 0 0 0-3.6z",
  thumbUp:
    "M2.5 7.5h2.3v6H2.5zM4.8 7.5 7.6 2c1.3 0 1.9.9 1.7 2L8.9 6.4h3.4c.9 0 1.4.7 1.2 1.5l-1.1 4.5c-.2.7-.7 1.1-1.4 1.1H4.8",
  thumbDown:
    "M2.5 8.5h2.3v-6H2.5zM4.8 8.5 7.6 14c1.3 0 1.9-.9 1.7-2l-.4-2.4h3.4c.9 0 1.4-.7 1.2-1.5l-1.1-4.5c-.2-.7-.7-1.1-1.4-1.1H4.8",
  shield: "M8 2l5 1.8v3.7c0 3.2-2 5.4-5 6.5-3-1.1-5-3.3-5-6.5V3.8z",
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
