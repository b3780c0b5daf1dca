// Makes dist: a module for each entry, what they share in modules of its own, and the types.

import { execFileSync } from "node:child_process";
import { rmSync } from "node:fs";
import { build } from "esbuild";
import { BUNDLE, ENTRIES } from "./entries.js";

rmSync("dist", { recursive: true, force: true });
await build({
  ...BUNDLE,
  entryPoints: ENTRIES.map(({ name }) => `src/${name}.ts`),
  splitting: true,
  sourcemap: true,
  outdir: "dist",
});
execFileSync(process.execPath, ["node_modules/typescript/bin/tsc", "-p", "tsconfig.build.json"], { stdio: "inherit" });
