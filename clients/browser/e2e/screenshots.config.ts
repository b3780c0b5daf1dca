import { defineConfig } from "@playwright/test";
import { browser } from "./browser.js";

/** The pictures in docs/images, taken of a real `lastcall dev` with its demo. */
export default defineConfig({
  testDir: ".",
  testMatch: "screenshots.ts",
  outputDir: "../build/screenshots",
  reporter: [["list"]],
  workers: 1,
  timeout: 120_000,
  expect: { timeout: 30_000 },
  use: browser,
});
