/** The chat application, as the loader imports it. */

import { assetsFrom } from "../ui/assets";
import type { WidgetModel } from "../ui/channel";
import { mountChat } from "../ui/chat";
import { ChatSession } from "../ui/session";

/**
 * Show a chat.
 *
 * @param base where this file and the assets beside it are served; "" when it came by the comm.
 * @returns how to take it away.
 */
export function mount(model: WidgetModel, el: HTMLElement, base: string): () => void {
  const detach = assetsFrom(model, base);
  const unmount = mountChat(el, new ChatSession(model, el));
  return () => {
    unmount();
    detach();
  };
}
