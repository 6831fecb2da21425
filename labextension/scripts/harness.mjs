/** Builds the harness page into lib/harness, with axe beside it for the accessibility check. */
import { cpSync, mkdirSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";

const root = fileURLToPath(new URL("..", import.meta.url));
const out = join(root, "lib", "harness");
mkdirSync(out, { recursive: true });
await build({
  absWorkingDir: root,
  entryPoints: {
    harness: "harness/harness.ts",
    chat: "ui/chat.css",
    highlighter: "ui/highlighter.ts",
    parsers: "ui/parsers.ts",
  },
  define: {
    __ASSETS__: JSON.stringify({ highlighter: "highlighter.js", parsers: "parsers.js" }),
  },
  bundle: true,
  format: "esm",
  target: "es2022",
  jsx: "automatic",
  jsxImportSource: "preact",
  outdir: out,
  logLevel: "warning",
});
cpSync(join(root, "harness", "index.html"), join(out, "index.html"));
cpSync(join(root, "node_modules", "axe-core", "axe.min.js"), join(out, "axe.min.js"));
