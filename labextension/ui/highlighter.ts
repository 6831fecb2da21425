/** The colouring itself with its commonest languages: an asset, fetched with the first code. */
import hljs from "highlight.js/lib/core";
import bash from "highlight.js/lib/languages/bash";
import json from "highlight.js/lib/languages/json";
import python from "highlight.js/lib/languages/python";

hljs.registerLanguage("python", python);
hljs.registerLanguage("json", json);
hljs.registerLanguage("bash", bash);

/** A language as highlight.js defines it. */
export type Language = Parameters<typeof hljs.registerLanguage>[1];

/** Whether code in it can be coloured now. */
export function knows(language: string): boolean {
  return hljs.getLanguage(language) !== undefined;
}

/** Take a language in. */
export function learn(language: string, definition: Language): void {
  hljs.registerLanguage(language, definition);
}

/** Coloured HTML, escaped. */
export function colour(code: string, language: string): string {
  return hljs.highlight(code, { language, ignoreIllegals: true }).value;
}
