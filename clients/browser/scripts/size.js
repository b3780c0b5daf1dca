// Says what each entry weighs, and fails where one weighs too much.

import { gzipSync } from "node:zlib";
import { build } from "esbuild";
import { BUNDLE, ENTRIES } from "./entries.js";

for (const { name, limit } of ENTRIES) {
  const { outputFiles } = await build({ ...BUNDLE, entryPoints: [`src/${name}.ts`], write: false });
  const bytes = gzipSync(outputFiles[0].contents, { level: 9 }).length;
  console.log(`${name}: ${bytes} bytes of ${limit}`);
  if (bytes >= limit) process.exitCode = 1;
}
