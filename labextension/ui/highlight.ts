/** Colours for code: a few languages at once, the others when they are first met. */
import hljs from "highlight.js/lib/core";
import bash from "highlight.js/lib/languages/bash";
import json from "highlight.js/lib/languages/json";
import python from "highlight.js/lib/languages/python";

hljs.registerLanguage("python", python);
hljs.registerLanguage("json", json);
hljs.registerLanguage("bash", bash);

/** Longer code is shown plain: colouring it would hold the page up. */
export const MAX_COLOURED = 40_000;

/** Set by the build: language → file beside the chat's own. */
declare const __LANGUAGES__: Readonly<Record<string, string>>;
const FILES: Readonly<Record<string, string>> =
  typeof __LANGUAGES__ === "undefined" ? {} : __LANGUAGES__;

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

let base = "";
const loading = new Map<string, Promise<boolean>>();

/** Where the language files are; "" when there are none to fetch. */
export function setLanguageBase(url: string): void {
  base = url;
}

/** The name a language is known by here. */
export function languageName(label: string): string {
  const name = label.trim().toLowerCase();
  return ALIASES[name] ?? name;
}

/** Coloured HTML (escaped by highlight.js), or null when the language is not at hand. */
export function coloured(code: string, label: string): string | null {
  const name = languageName(label);
  if (!name || code.length > MAX_COLOURED || !hljs.getLanguage(name)) return null;
  try {
    return hljs.highlight(code, { language: name, ignoreIllegals: true }).value;
  } catch {
    return null;
  }
}

/** Fetch a language that is not at hand; true when it is now. */
export function fetchLanguage(label: string): Promise<boolean> {
  const name = languageName(label);
  if (hljs.getLanguage(name)) return Promise.resolve(true);
  const file = Object.hasOwn(FILES, name) ? FILES[name] : undefined;
  if (!file || !base) return Promise.resolve(false);
  const known = loading.get(name);
  if (known) return known;
  const promise = import(/* webpackIgnore: true */ new URL(file, base).href).then(
    (module: { default: Parameters<typeof hljs.registerLanguage>[1] }) => {
      hljs.registerLanguage(name, module.default);
      return true;
    },
    () => false,
  );
  loading.set(name, promise);
  return promise;
}
