/** Buttons of the head that open something below them. */
import type { ComponentChildren, JSX } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";
import type { IconName } from "./icons";
import { Icon } from "./icons";

/** A button with something below it, which Esc and leaving close. */
export function Dropdown(props: {
  icon: IconName;
  label: string;
  disabled?: boolean;
  children: (close: () => void) => ComponentChildren;
}): JSX.Element {
  const [open, setOpen] = useState(false);
  const root = useRef<HTMLDivElement>(null);
  const close = (): void => {
    setOpen(false);
    root.current?.querySelector("button")?.focus();
  };
  useEffect(() => {
    if (!open) return;
    // A click on what takes no focus leaves it too.
    const away = (event: Event): void => {
      if (!root.current?.contains(event.target as Node)) setOpen(false);
    };
    document.addEventListener("pointerdown", away, true);
    return () => document.removeEventListener("pointerdown", away, true);
  }, [open]);
  const onKeyDown = (event: KeyboardEvent): void => {
    if (event.key !== "Escape" || !open || event.isComposing) return;
    event.stopPropagation();
    event.preventDefault();
    close();
  };
  const onBlur = (event: FocusEvent): void => {
    const to = event.relatedTarget as Node | null;
    if (to && !root.current?.contains(to)) setOpen(false);
  };
  return (
    // biome-ignore lint/a11y/noStaticElementInteractions: Esc and leaving close it
    <div class="asnb-menu" ref={root} onKeyDown={onKeyDown} onFocusOut={onBlur}>
      <button
        type="button"
        class="asnb-icon-button"
        title={props.label}
        aria-label={props.label}
        aria-expanded={open}
        disabled={props.disabled}
        onClick={() => setOpen(!open)}
      >
        <Icon name={props.icon} />
      </button>
      {open && props.children(close)}
    </div>
  );
}

/** A button with a few choices below it. */
export function Menu(props: {
  icon: IconName;
  label: string;
  disabled: boolean;
  choices: [string, () => void][];
}): JSX.Element {
  return (
    <Dropdown icon={props.icon} label={props.label} disabled={props.disabled}>
      {(close) => (
        <div class="asnb-menu-list">
          {props.choices.map(([label, act]) => (
            <button
              type="button"
              key={label}
              onClick={() => {
                act();
                close();
              }}
            >
              {label}
            </button>
          ))}
        </div>
      )}
    </Dropdown>
  );
}
