/** Light or dark: what the page is, read from its own colours, so that any theme will do. */

const SOURCES = ["--jp-layout-color1", "--vscode-editor-background"];

/** Keep `data-theme` on the element in step with the page; returns how to end it. */
export function followTheme(el: HTMLElement): () => void {
  const media = window.matchMedia("(prefers-color-scheme: dark)");
  const apply = (): void => {
    el.dataset["theme"] = isDark(el, media.matches) ? "dark" : "light";
  };
  // Themes are switched by attributes and classes of the body; their colours come a little later.
  const later = (): void => {
    apply();
    window.setTimeout(apply, 300);
  };
  const observer = new MutationObserver(later);
  observer.observe(document.body, {
    attributes: true,
    attributeFilter: ["class", "data-jp-theme-name", "data-jp-theme-light", "data-theme"],
  });
  media.addEventListener("change", later);
  later();
  return () => {
    observer.disconnect();
    media.removeEventListener("change", later);
  };
}

function isDark(el: HTMLElement, preferred: boolean): boolean {
  const style = getComputedStyle(el.isConnected ? el : document.body);
  const colour = SOURCES.map((name) => style.getPropertyValue(name).trim()).find(Boolean);
  if (!colour) return preferred;
  const probe = document.createElement("span");
  probe.style.color = colour;
  document.body.append(probe);
  const [red, green, blue] = (getComputedStyle(probe).color.match(/[\d.]+/g) ?? []).map(Number);
  probe.remove();
  if (red === undefined || green === undefined || blue === undefined) return preferred;
  return 0.299 * red + 0.587 * green + 0.114 * blue < 128;
}
