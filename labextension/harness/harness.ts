/** A page that shows the chat in a scene without any kernel: `?scene=…&theme=lab-dark…`. */
import { mount } from "../widgets/chat";
import { stream } from "./load";
import { SCENES } from "./scenes";

declare global {
  interface Window {
    harness: unknown;
  }
}

const parameters = new URLSearchParams(location.search);
const theme = parameters.get("theme");
if (theme) document.body.classList.add(theme);
if (parameters.has("tall")) document.body.classList.add("tall");
const stage = document.getElementById("stage") as HTMLElement;
const name = parameters.get("scene") ?? "empty";
const chosen = name === "all" ? Object.values(SCENES) : [SCENES[name]];
for (const scene of chosen) {
  if (!scene) throw new Error(`scenes: all, ${Object.keys(SCENES).join(", ")}`);
  const el = document.createElement("div");
  stage.append(el);
  const model = scene.model(parameters.get("lang") ?? "en");
  if (scene.gone) el.classList.add("jupyter-widgets-disconnected");
  mount(model, el, new URL("./", location.href).href);
  scene.play?.(model);
  window.harness = { model, el, stage, mount, stream };
}
