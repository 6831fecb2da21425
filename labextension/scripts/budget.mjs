/** Fails when a bundle has grown over its budget. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";

const folder = fileURLToPath(
  new URL("../../agentscope_runtime_nb/widgets/static", import.meta.url),
);
const manifest = JSON.parse(readFileSync(join(folder, "manifest.json"), "utf8"));
const LIMITS = [
  { what: "loader", files: [manifest.loader], minified: 10_000 },
  // The parsers come by themselves, but with every chat that has an answer: they count as its own.
  {
    what: "chat and parsers",
    files: [manifest.chat, manifest.assets.parsers],
    minified: 200_000,
    gzipped: 70_000,
  },
  { what: "highlighter", files: [manifest.assets.highlighter], minified: 40_000 },
  { what: "style", files: [manifest.css], minified: 36_000, gzipped: 8_000 },
];

let over = false;
for (const { what, files, minified, gzipped } of LIMITS) {
  const contents = files.map((file) => readFileSync(join(folder, file)));
  const size = contents.reduce((sum, content) => sum + content.length, 0);
  const packed = contents.reduce((sum, content) => sum + gzipSync(content).length, 0);
  const bad = size > minified || (gzipped !== undefined && packed > gzipped);
  over ||= bad;
  const limits = [minified, gzipped].filter(Boolean).join(" / ");
  console.log(
    `${bad ? "OVER" : "ok  "} ${what}: ${size} bytes, ${packed} gzipped (limit ${limits})`,
  );
}
process.exit(over ? 1 : 0);
