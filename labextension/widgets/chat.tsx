/** The chat application, as the loader imports it. */

import { assetsFrom } from "../ui/assets";
import type { WidgetModel } from "../ui/channel";
import { mountChat } from "../ui/chat";
import { fetchMarkup } from "../ui/markup";
import { ChatSession } from "../ui/session";

const PATIENCE = 1_500; // ms that a conversation is held back for its parsers

/**
 * Show a chat.
 *
 * @param base where this file and the assets beside it are served; "" when it came by the comm.
 * @returns how to take it away.
 */
export function mount(model: WidgetModel, el: HTMLElement, base: string): () => void {
  const detach = assetsFrom(model, base);
  const session = new ChatSession(model, el); // listens from now on
  let unmount = (): void => session.destroy();
  let gone = false;
  const show = (): void => {
    if (!gone) unmount = mountChat(el, session);
  };
  // What was said is drawn once, as it is meant; a chat in which nothing was said need not wait.
  const turns = model.get("turns");
  const parsers = fetchMarkup();
  if (!Array.isArray(turns) || turns.length === 0) show();
  else void Promise.race([parsers, new Promise((done) => setTimeout(done, PATIENCE))]).then(show);
  return () => {
    gone = true;
    unmount();
    detach();
  };
}
