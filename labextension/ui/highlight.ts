/** Colours for code, by a highlighter that is fetched when the first code is met. */
import { hasAsset, loadAsset } from "./assets";
import type { Language } from "./highlighter";

type Highlighter = typeof import("./highlighter");

/** Longer code is shown plain: colouring it would hold the page up. */
export const MAX_COLOURED = 40_000;

/** What the highlighter brings along. */
const BROUGHT = new Set(["python", "json", "bash"]);

const ALIASES: Readonly<Record<string, string>> = {
  "c++": "cpp",
  cc: "cpp",
  console: "bash",
  cs: "csharp",
  docker: "dockerfile",
  golang: "go",
  h: "c",
  html: "xml",
  ipython: "python",
  js: "javascript",
  jsonc: "json",
  jsx: "javascript",
  kt: "kotlin",
  make: "makefile",
  md: "markdown",
  patch: "diff",
  ps1: "powershell",
  py: "python",
  py3: "python",
  python3: "python",
  rb: "ruby",
  rs: "rust",
  sh: "bash",
  shell: "bash",
  svg: "xml",
  tex: "latex",
  toml: "ini",
  ts: "typescript",
  tsx: "typescript",
  yml: "yaml",
  zsh: "bash",
};

let highlighter: Highlighter | null = null;

/** The name a language is known by here. */
export function languageName(label: string): string {
  const name = label.trim().toLowerCase();
  return ALIASES[name] ?? name;
}

/** Coloured HTML (escaped by highlight.js), or null when the language is not at hand. */
export function coloured(code: string, label: string): string | null {
  const name = languageName(label);
  if (!name || code.length > MAX_COLOURED || !highlighter?.knows(name)) return null;
  try {
    return highlighter.colour(code, name);
  } catch {
    return null;
  }
}

/** Fetch what a language needs that is not at hand; true when it is now. */
export async function fetchLanguage(label: string): Promise<boolean> {
  const name = languageName(label);
  if (!BROUGHT.has(name) && !hasAsset(`hljs-${name}`)) return false;
  try {
    highlighter = await loadAsset<Highlighter>("highlighter");
    if (highlighter.knows(name)) return true;
    const language = await loadAsset<{ default: Language }>(`hljs-${name}`);
    highlighter.learn(name, language.default);
    return true;
  } catch {
    return false; // shown plain
  }
}
