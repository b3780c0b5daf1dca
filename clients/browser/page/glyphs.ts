// Pictures of one line, drawn with the colour of the text around them.

const PATHS = {
  coupon: "M4 8a2 2 0 0 1 2-2h12a2 2 0 0 1 2 2v2a2 2 0 0 0 0 4v2a2 2 0 0 1-2 2H6a2 2 0 0 1-2-2v-2a2 2 0 0 0 0-4ZM14 6v2m0 3v2m0 3v2",
  funding: "M12 20V10m0 0c0-4 3-6 7-6 0 4-3 6-7 6Zm0 4c0-3-3-5-7-5 0 3 3 5 7 5Z",
  alert: "M12 21a8 8 0 1 0 0-16 8 8 0 0 0 0 16Zm0-12v4l3 2M4 5l3-2m13 2-3-2",
  announcement: "M4 10v4h3l8 4V6L7 10ZM18 9a4 4 0 0 1 0 6",
  read: "M4 8.5 12 4l8 4.5V19H4Zm0 .5 8 5 8-5",
  unread: "M4 6h16v12H4Zm0 1 8 6 8-6",
  archive: "M4 5h16v4H4Zm1 4v10h14V9M10 13h4",
  unarchive: "M4 5h16v4H4Zm1 4v10h14V9M12 17v-5m-2.5 2.5L12 12l2.5 2.5",
  mute: "M6 10a6 6 0 0 1 9-5.2M18 10c0 4 2 5 2 7H9m1 3a2 2 0 0 0 4 0M4 4l16 16M6 10c0 4-2 5-2 7h2",
  unmute: "M12 3a6 6 0 0 0-6 6c0 5-2 6-2 8h16c0-2-2-3-2-8a6 6 0 0 0-6-6Zm-2 17a2 2 0 0 0 4 0",
  moon: "M20 14.5A8 8 0 1 1 9.5 4a6.5 6.5 0 0 0 10.5 10.5Z",
  close: "M6 6l12 12M18 6 6 18",
  check: "M5 12.5 10 17 19 7",
  offline: "M3 3l18 18M5 12a10 10 0 0 1 4-2.5m4-.4a10 10 0 0 1 6 2.9M8.5 15.5a5 5 0 0 1 7 0M12 19h0M2 8.8a15 15 0 0 1 4-2.5M10 5.1a15 15 0 0 1 12 3.7",
  warning: "M12 4 2.5 20h19ZM12 10v4m0 3h0",
  open: "M9 5h10v10M19 5 8 16",
} as const;

export type Glyph = keyof typeof PATHS;

export function glyph(name: Glyph): SVGSVGElement {
  const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  svg.setAttribute("viewBox", "0 0 24 24");
  svg.setAttribute("aria-hidden", "true");
  const path = document.createElementNS("http://www.w3.org/2000/svg", "path");
  path.setAttribute("d", PATHS[name]);
  svg.append(path);
  return svg;
}

/** `lastcall.coupon.expiring.v1` is about a coupon. */
export function kindOf(type: string): Glyph {
  const kind = type.split(".")[1];
  return kind === "coupon" || kind === "funding" || kind === "alert" ? kind : "announcement";
}
