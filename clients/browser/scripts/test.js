// Runs the tests, all or those of the files that are named. They are TypeScript, which not every Node reads that this is built
// with, so each is put together first.

import { spawnSync } from "node:child_process";
import { readdirSync, rmSync } from "node:fs";
import { build } from "esbuild";

const OUT = "build/test";
const named = process.argv.slice(2);
const files = readdirSync("test").filter((file) => /\.test\.tsx?$/.test(file));
const chosen = named.length > 0 ? files.filter((file) => named.some((name) => file.startsWith(name))) : files;
if (chosen.length === 0) throw new Error(`no test is called ${named.join(" or ")}`);

rmSync(OUT, { recursive: true, force: true });
await build({
  entryPoints: chosen.map((file) => `test/${file}`),
  outdir: OUT,
  bundle: true,
  platform: "node",
  format: "esm",
  target: "node20",
  packages: "external",
  sourcemap: "inline",
});

const built = chosen.map((file) => `${OUT}/${file.replace(/\.tsx?$/, ".js")}`);
const flags = ["--experimental-eventsource", "--enable-source-maps", "--no-warnings", "--test", "--test-force-exit", "--test-reporter=spec"];
const { status, stdout, stderr } = spawnSync(process.execPath, [...flags, ...built], { encoding: "utf8" });
// All is said where something is wrong, and one line where nothing is.
console.log(status === 0 ? /tests \d+/.exec(stdout)?.[0] : `${stdout}${stderr}`);
process.exitCode = status ?? 1;
