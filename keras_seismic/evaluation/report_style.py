"""How ``report.html`` looks, on a screen and a phone, in daylight and in the dark."""

STYLE = """
:root { --ink: #1c2430; --dim: #5b6675; --paper: #ffffff; --sheet: #f4f6f9; --rule: #d8dee6;
  --accent: #14598c; }
@media (prefers-color-scheme: dark) { :root { --ink: #e4e9f0; --dim: #9aa7b6; --paper: #14181e;
  --sheet: #1d232b; --rule: #36404c; --accent: #7fbcec; } }
* { box-sizing: border-box; }
body { margin: 0; background: var(--paper); color: var(--ink);
  font: 16px/1.5 system-ui, -apple-system, "Segoe UI", sans-serif; }
main { max-width: 64rem; margin: 0 auto; padding: 1.5rem 1rem 4rem; }
h1 { margin: 0; font-size: 1.7rem; overflow-wrap: anywhere; }
h2 { margin: 2.2rem 0 .6rem; font-size: 1.2rem; border-bottom: 1px solid var(--rule);
  padding-bottom: .2rem; }
.about { margin: .1rem 0; color: var(--dim); overflow-wrap: anywhere; }
.cards { display: grid; grid-template-columns: repeat(auto-fit, minmax(9.5rem, 1fr)); gap: .7rem;
  margin-top: 1.2rem; }
.card { background: var(--sheet); border: 1px solid var(--rule); border-radius: .5rem;
  padding: .7rem .9rem; }
.card b { font-size: 1.6rem; color: var(--accent); }
.card span { display: block; color: var(--dim); font-size: .85rem; line-height: 1.25; }
figure { margin: 0; }
.plate { background: #fff; border: 1px solid var(--rule); border-radius: .5rem; padding: .5rem;
  overflow-x: auto; text-align: center; }
.plate img { max-width: 100%; height: auto; vertical-align: middle; }
figcaption { color: var(--dim); font-size: .9rem; margin-top: .3rem; }
.wide { overflow-x: auto; margin: .6rem 0; }
table { border-collapse: collapse; font-size: .9rem; }
th, td { text-align: left; padding: .25rem .9rem .25rem 0; border-bottom: 1px solid var(--rule);
  vertical-align: top; font-variant-numeric: tabular-nums; }
th { color: var(--dim); font-weight: 600; }
td { overflow-wrap: break-word; min-width: 4rem; max-width: 26rem; }
td:first-child { white-space: nowrap; }
pre { background: var(--sheet); border: 1px solid var(--rule); border-radius: .5rem;
  padding: .7rem; overflow: auto; max-height: 30rem; font-size: .85rem; }
summary { cursor: pointer; color: var(--accent); padding: .3rem 0; }
@media (max-width: 40rem) { .plate { text-align: left; }
  .plate img { min-width: 36rem; max-width: none; width: 36rem; } }
@media print { body { background: #fff; color: #000; } }
"""
