// The Chromium of the system; nothing is downloaded.

import type { PlaywrightTestConfig } from "@playwright/test";

export const browser: NonNullable<PlaywrightTestConfig["use"]> = {
  browserName: "chromium",
  launchOptions: {
    executablePath: process.env["CHROMIUM"] ?? "/usr/bin/chromium",
    args: ["--disable-dev-shm-usage", "--disable-background-networking", "--disable-component-update"],
  },
};
