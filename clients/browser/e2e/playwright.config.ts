import { defineConfig } from "@playwright/test";
import { browser } from "./browser.js";

export default defineConfig({
  testDir: ".",
  outputDir: "../build/e2e",
  reporter: [["list"]],
  // What only works the second time does not work.
  retries: 0,
  // Each test has five processes of its own, and a browser with several tabs.
  workers: 1,
  timeout: 180_000,
  expect: { timeout: 60_000 },
  forbidOnly: true,
  use: { ...browser, screenshot: "only-on-failure" },
});
