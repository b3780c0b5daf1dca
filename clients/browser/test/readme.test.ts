import { execFileSync } from "node:child_process";
import { mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { test } from "node:test";

const OUT = "build/readme";

test("what the README shows compiles", () => {
  rmSync(OUT, { recursive: true, force: true });
  mkdirSync(OUT, { recursive: true });
  const blocks = [...readFileSync("README.md", "utf8").matchAll(/```(tsx?)\n([^]*?)```/g)];
  if (blocks.length < 3) throw new Error("the README shows less than it did");
  blocks.forEach(([, kind, code], place) => writeFileSync(`${OUT}/example-${place}.${kind}`, code ?? ""));
  const paths = {
    "@lastcall/client": ["../../src/index.ts"],
    "@lastcall/client/react": ["../../src/react.ts"],
    "@lastcall/client/bell": ["../../src/bell.ts"],
  };
  const config = { extends: "../../tsconfig.json", compilerOptions: { paths, types: [], noEmit: true }, include: ["."] };
  writeFileSync(`${OUT}/tsconfig.json`, JSON.stringify(config));
  execFileSync(process.execPath, ["node_modules/typescript/bin/tsc", "-p", OUT], { stdio: "inherit" });
});
