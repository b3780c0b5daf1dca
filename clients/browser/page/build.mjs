// Builds the page of `lastcall dev`. What comes out is committed, because `make run` needs no Node; with --check it is
// only compared with what is committed.

import { readFile, writeFile } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";

const here = dirname(fileURLToPath(import.meta.url));
const committed = join(here, "../../../services/lastcall/src/dev/page");
const check = process.argv.includes("--check");

const { outputFiles } = await build({
  absWorkingDir: here,
  entryPoints: [{ in: "main.ts", out: "page" }, { in: "styles/page.css", out: "page" }],
  outdir: ".",
  bundle: true,
  format: "esm",
  target: ["es2022", "chrome123", "firefox128", "safari17.5"],
  charset: "utf8",
  alias: { "@lastcall/client": join(here, "../src/index.ts") },
  tsconfigRaw: { compilerOptions: { verbatimModuleSyntax: true } },
  write: false,
});
const files = new Map(outputFiles.map((file) => [basename(file.path), file.text]));
for (const name of ["index.html", "icon.svg"]) files.set(name, await readFile(join(here, name), "utf8"));

const differing = [];
for (const [name, text] of files) {
  const path = join(committed, name);
  if (!check) await writeFile(path, text);
  else if ((await readFile(path, "utf8").catch(() => null)) !== text) differing.push(name);
}
if (differing.length > 0) {
  console.error(`${differing.join(", ")} in services/lastcall/src/dev/page: not what the sources give. Run \`npm run page\`.`);
  process.exitCode = 1;
}
