/** A chat in a document, as tests drive it: a scripted kernel, clicks, keys, and time by hand. */
import { afterEach, beforeEach, vi } from "vitest";
import { ScriptedModel } from "../harness/scripted-model";
import { Channel } from "../ui/channel";
import { mountChat } from "../ui/chat";
import { ChatSession } from "../ui/session";

class NoObserver {
  observe(): void {}
  disconnect(): void {}
}

/** The element that the chat is drawn into, and how to take the chat away. */
export const page = { el: document.createElement("div"), unmount: (): void => undefined };

beforeEach(() => {
  vi.useFakeTimers();
  vi.stubGlobal("ResizeObserver", NoObserver);
  vi.stubGlobal("matchMedia", () => ({
    matches: false,
    addEventListener: () => {},
    removeEventListener: () => {},
  }));
  Element.prototype.scrollIntoView = () => undefined; // jsdom lays nothing out
  page.el = document.createElement("div");
  document.body.replaceChildren(page.el);
});

afterEach(() => {
  page.unmount();
  vi.unstubAllGlobals();
  vi.useRealTimers();
});

/** Show a chat; what it asked of the kernel to begin with is forgotten. */
export async function open(traits: Record<string, unknown> = {}): Promise<ScriptedModel> {
  const model = new ScriptedModel(traits);
  page.unmount = mountChat(page.el, new ChatSession(model, page.el, new Channel(model, null)));
  await settle();
  return model;
}

/** Let time pass. */
export async function settle(ms = 600): Promise<void> {
  await vi.advanceTimersByTimeAsync(ms);
}

/** The button that is called so. */
export function button(label: string): HTMLButtonElement | undefined {
  return [...page.el.querySelectorAll("button")].find(
    (node) => node.getAttribute("aria-label") === label || node.textContent?.trim() === label,
  );
}

/** Click the button that is called so. */
export async function click(label: string): Promise<void> {
  const found = button(label);
  if (!found) throw new Error(`no button is called ${label}: ${page.el.textContent}`);
  found.click();
  await settle(50);
}

/** Put text into a field. */
export async function fill(selector: string, text: string): Promise<void> {
  const box = page.el.querySelector(selector) as HTMLInputElement;
  box.value = text;
  box.dispatchEvent(new Event("input", { bubbles: true }));
  await settle(20);
}

/** Press a key there. */
export async function press(
  selector: string,
  key: string,
  init: KeyboardEventInit = {},
): Promise<void> {
  const options = { key, bubbles: true, cancelable: true, ...init };
  page.el.querySelector(selector)?.dispatchEvent(new KeyboardEvent("keydown", options));
  await settle(50);
}

/** Write into the composer and press Enter. */
export async function write(text: string, key: KeyboardEventInit = {}): Promise<void> {
  await fill("textarea", text);
  await press("textarea", "Enter", key);
}

/** The types of what was sent. */
export const sentTypes = (model: ScriptedModel): unknown[] => model.sent.map(({ type }) => type);
