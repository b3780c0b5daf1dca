// What a page can import, and what each has to stay below: minified, `gzip -9`, everything that it pulls in included.

export const ENTRIES = [
  { name: "index", limit: 6 * 1024 },
  { name: "react", limit: 1024 },
  { name: "bell", limit: 11 * 1024 },
];

/** How each is put together, for the check of its size and for dist. */
export const BUNDLE = {
  bundle: true,
  minify: true,
  format: "esm",
  target: "es2022",
  external: ["react"],
  legalComments: "none",
};
