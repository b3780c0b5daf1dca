// How the bell looks. A page changes it by the custom properties `--lastcall-…` and by `::part(…)`.

export const STYLE = `
:host {
  --accent: var(--lastcall-accent, light-dark(#3453c4, #a9baff));
  --surface: var(--lastcall-surface, light-dark(#ffffff, #1e1f25));
  --text: var(--lastcall-text, light-dark(#1b1b20, #ececf2));
  --muted: var(--lastcall-muted, light-dark(#5a5a66, #adadba));
  --border: var(--lastcall-border, light-dark(#d9d9e0, #3a3b45));
  --badge: var(--lastcall-badge, light-dark(#b91c31, #ff9aa5));
  --badge-text: var(--lastcall-badge-text, light-dark(#ffffff, #2a060b));
  --radius: var(--lastcall-radius, 0.75rem);
  display: inline-block;
  font: var(--lastcall-font, 1rem/1.45 system-ui, sans-serif);
}
:host([hidden]) { display: none; }
* { box-sizing: border-box; }
button { font: inherit; color: inherit; background: none; border: 0; padding: 0; cursor: pointer; }
:focus-visible { outline: 2px solid var(--accent); outline-offset: 2px; }
svg { display: block; fill: none; stroke: currentColor; stroke-width: 1.75; stroke-linecap: round; stroke-linejoin: round; }
.bell { position: relative; display: grid; place-items: center; inline-size: 2.75rem; block-size: 2.75rem; border-radius: 50%; }
.bell:hover { background: color-mix(in srgb, currentColor 10%, transparent); }
.bell svg { inline-size: 1.5rem; block-size: 1.5rem; }
.badge {
  position: absolute; inset-block-start: 0.1rem; inset-inline-end: 0; min-inline-size: 1.25rem; padding: 0.1rem 0.3rem;
  border-radius: 1rem; background: var(--badge); color: var(--badge-text); font-size: 0.6875rem; font-weight: 700; line-height: 1.3;
  text-align: center;
}
.panel {
  position: fixed; inset: auto; margin: 0; padding: 0; inline-size: min(24rem, calc(100vw - 1rem));
  overflow: auto; overscroll-behavior: contain; border: 1px solid var(--border); border-radius: var(--radius);
  background: var(--surface); color: var(--text); box-shadow: 0 0.5rem 2rem rgb(0 0 0 / 0.25);
}
.head {
  position: sticky; inset-block-start: 0; display: flex; flex-wrap: wrap; gap: 0.25rem 1rem; align-items: baseline;
  justify-content: space-between; padding: 0.75rem 1rem; background: var(--surface); border-block-end: 1px solid var(--border);
}
h2 { margin: 0; font-size: 1rem; }
.action { color: var(--accent); font-size: 0.875rem; min-block-size: 1.5rem; }
.action:hover { text-decoration: underline; }
ul { list-style: none; margin: 0; padding: 0; }
li { display: flex; align-items: start; border-block-end: 1px solid var(--border); }
.open { flex: 1; min-inline-size: 0; padding: 0.75rem 0 0.75rem 1rem; color: inherit; text-align: start; text-decoration: none; overflow-wrap: anywhere; }
.open > * { display: block; }
.title { font-weight: 400; }
li[data-unread] .title { font-weight: 650; }
li[data-unread] { box-shadow: inset 3px 0 var(--accent); }
li[data-unread]:dir(rtl) { box-shadow: inset -3px 0 var(--accent); }
.body, .note { color: var(--muted); font-size: 0.875rem; white-space: pre-line; }
.put { flex: none; padding: 0.75rem 1rem; color: var(--muted); }
.put:hover { color: var(--text); }
.put svg { inline-size: 1.25rem; block-size: 1.25rem; }
li[data-expired] .title { text-decoration: line-through; text-decoration-thickness: 1px; }
.say { margin: 0; padding: 0.75rem 1rem; color: var(--muted); font-size: 0.875rem; }
.more { inline-size: 100%; padding: 0.75rem 1rem; }
.unheard { position: absolute; inline-size: 1px; block-size: 1px; overflow: hidden; clip-path: inset(50%); white-space: nowrap; }
[hidden] { display: none !important; }
@media (forced-colors: active) { .badge, .panel { border: 1px solid; } }
`;
