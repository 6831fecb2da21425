import { defineConfig } from "vitest/config";

export default defineConfig({
  oxc: { jsx: { runtime: "automatic", importSource: "preact" } },
  // As the build says it; the tests serve these themselves.
  define: {
    __ASSETS__: JSON.stringify({ highlighter: "highlighter.ts", "hljs-rust": "hljs-rust-ABC.js" }),
  },
  // DOMPurify is made for browsers and jsdom; in other imitations its verdict means nothing.
  test: {
    environment: "jsdom",
    setupFiles: ["tests/setup.ts"],
    include: ["tests/*.test.{ts,tsx}"],
  },
});
