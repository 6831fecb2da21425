import { defineConfig } from "vitest/config";

export default defineConfig({
  oxc: { jsx: { runtime: "automatic", importSource: "preact" } },
  // DOMPurify is made for browsers and jsdom; in other imitations its verdict means nothing.
  test: { environment: "jsdom", include: ["tests/*.test.{ts,tsx}"] },
});
