/**
 * Builds everything: the chat and its loader for the widget, the assets that are fetched on
 * demand, and the JupyterLab plugin, whose static files carry the chat as well.
 */
import { spawnSync } from "node:child_process";
import {
  cpSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { basename, delimiter, join } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";

const root = fileURLToPath(new URL("..", import.meta.url));
const python = join(root, "..", "agentscope_runtime_nb");
const widgets = join(python, "widgets", "static");
const labextension = join(python, "labextension");

/** What is fetched when code in it is first met; Python, JSON and shell come with the highlighter. */
const LANGUAGES = [
  ..."c cpp csharp css diff dockerfile go graphql ini java javascript julia kotlin latex less".split(
    " ",
  ),
  ..."lua makefile markdown matlab nginx perl php powershell protobuf r ruby rust scala scss".split(
    " ",
  ),
  ..."sql swift typescript xml yaml".split(" "),
];

const common = {
  absWorkingDir: root,
  bundle: true,
  minify: true,
  format: "esm",
  target: "es2022",
  charset: "utf8",
  legalComments: "eof",
  logLevel: "warning",
  metafile: true,
};

function only(result) {
  return basename(Object.keys(result.metafile.outputs)[0]);
}

/** What the chat fetches when it is first needed: the name it asks by → the source. */
const ASSETS = {
  parsers: "ui/parsers.ts",
  highlighter: "ui/highlighter.ts",
  zh: "ui/words-zh.ts",
  ...Object.fromEntries(
    LANGUAGES.map((name) => [`hljs-${name}`, `node_modules/highlight.js/lib/languages/${name}.js`]),
  ),
};

const shared = {
  ...common,
  outdir: widgets,
  entryNames: "[name]-[hash]",
  jsx: "automatic",
  jsxImportSource: "preact",
};

async function assets() {
  const result = await build({
    ...shared,
    entryPoints: Object.entries(ASSETS).map(([out, source]) => ({ in: source, out })),
  });
  const files = Object.keys(result.metafile.outputs).map((path) => basename(path));
  const named = files.map((file) => [/^(.+)-[^-]+\.js$/.exec(file)[1], file]);
  return { files: Object.fromEntries(named.sort()), inputs: Object.keys(result.metafile.inputs) };
}

async function chat({ files, inputs }) {
  const script = await build({
    ...shared,
    entryPoints: { chat: "widgets/chat.tsx" },
    define: { __ASSETS__: JSON.stringify(files) },
  });
  const style = await build({ ...shared, entryPoints: { chat: "ui/chat.css" } });
  await build({ ...common, entryPoints: ["widgets/loader.ts"], outdir: widgets });
  licences([...Object.keys(script.metafile.inputs), ...inputs]);
  // The kernel sends any of these by the comm where no server has them.
  const manifest = { loader: "loader.js", chat: only(script), css: only(style), assets: files };
  writeFileSync(join(widgets, "manifest.json"), `${JSON.stringify(manifest, null, 2)}\n`);
  return manifest;
}

/** The licences of what is bundled go along with it. */
function licences(inputs) {
  const packages = new Set(
    inputs.flatMap((path) => /node_modules\/((?:@[^/]+\/)?[^/]+)/.exec(path)?.[1] ?? []),
  );
  const texts = [...packages].sort().map((name) => {
    const folder = join(root, "node_modules", name);
    const { version, license } = JSON.parse(readFileSync(join(folder, "package.json"), "utf8"));
    const file = readdirSync(folder).find((entry) => /^licen[cs]e/i.test(entry));
    const text = file ? readFileSync(join(folder, file), "utf8").trim() : "";
    return `${name} ${version} (${license})\n\n${text}\n`;
  });
  writeFileSync(join(widgets, "third-party-licenses.txt"), texts.join(`\n${"-".repeat(72)}\n\n`));
}

function command(name) {
  const folders = [...(process.env.PATH ?? "").split(delimiter), join(root, "..", ".venv", "bin")];
  const found = folders.map((folder) => join(folder, name)).find((path) => existsSync(path));
  if (!found) throw new Error(`${name} was not found: pip install jupyter-builder`);
  return found;
}

async function plugin(manifest) {
  await build({
    ...common,
    minify: false,
    entryPoints: { lab: "lab/index.ts" },
    external: ["./style.css"],
    outdir: join(root, "lib"),
  });
  cpSync(join(root, "lab", "style.css"), join(root, "lib", "style.css"));
  const built = spawnSync(command("jupyter-builder"), ["build", "."], {
    cwd: root,
    stdio: "inherit",
  });
  if (built.status !== 0) process.exit(built.status ?? 1);
  const files = join(labextension, "static");
  for (const file of [manifest.chat, manifest.css, ...Object.values(manifest.assets)]) {
    cpSync(join(widgets, file), join(files, file));
  }
}

for (const folder of [widgets, labextension, join(root, "lib")]) {
  rmSync(folder, { recursive: true, force: true });
}
mkdirSync(widgets, { recursive: true });
const manifest = await chat(await assets());
await plugin(manifest);
const { loader, chat: script, css } = manifest;
console.log([loader, script, css, ...Object.values(manifest.assets)].join(" "));
