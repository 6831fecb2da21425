/** The chat application, as the loader imports it. */
import type { WidgetModel } from "../ui/channel";
import { mountChat } from "../ui/chat";
import { setLanguageBase } from "../ui/highlight";
import { ChatSession } from "../ui/session";

/**
 * Show a chat.
 *
 * @param base where this file and the languages beside it are served; "" when it came by the comm.
 * @returns how to take it away.
 */
export function mount(model: WidgetModel, el: HTMLElement, base: string): () => void {
  setLanguageBase(base);
  return mountChat(el, new ChatSession(model, el));
}
