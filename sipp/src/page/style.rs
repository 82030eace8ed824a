//! The style sheet of the page: both colour schemes, narrow and wide windows, paper.

/// What stands in the page's style element.
pub(super) const SHEET: &str = "\
:root { color-scheme: light dark; --ink: #1c2430; --dim: #66707f; --line: #d5dae2; --paper: #fff;
  --good: #1a7f45; --bad: #b3261e; --a: #1f6feb; --b: #d9730d; --c: #1a7f45; --d: #b3261e; --e: #8250df; }
@media (prefers-color-scheme: dark) { :root { --ink: #e3e8ef; --dim: #98a2b3; --line: #3a4350; --paper: #14181f;
  --good: #4cc27d; --bad: #ff7b72; --a: #58a6ff; --b: #f0a35e; --c: #4cc27d; --d: #ff7b72; --e: #bc8cff; } }
body { font: 15px/1.45 system-ui, sans-serif; color: var(--ink); background: var(--paper);
  max-width: 72rem; margin: 2rem auto; padding: 0 1rem; }
h1 { font-size: 1.5rem; } h2 { font-size: 1.15rem; margin-top: 2.2rem; }
table { border-collapse: collapse; margin: .6rem 0; }
th, td { padding: .15rem .8rem .15rem 0; text-align: left; vertical-align: top; font-weight: normal; }
th { color: var(--dim); }
.figures td { text-align: right; font-variant-numeric: tabular-nums; } .figures td.text { text-align: left; }
.figures tr { border-bottom: 1px solid var(--line); } .minor { color: var(--dim); }
.good { color: var(--good); } .bad { color: var(--bad); }
.charts { display: grid; grid-template-columns: repeat(auto-fit, minmax(26rem, 1fr)); gap: 1.2rem; }
figure { margin: 0; } figcaption { font-size: .9rem; } figcaption span { margin-left: .8rem; }
svg { width: 100%; height: auto; display: block; } svg text { fill: var(--dim); font: 11px system-ui, sans-serif; }
.ladder text { fill: var(--ink); font: 12px ui-monospace, monospace; } .ladder .dim { fill: var(--dim); }
.axis { stroke: var(--line); } .series { fill: none; stroke-width: 1.6; stroke-linejoin: round; }
.a { stroke: var(--a); color: var(--a); } .b { stroke: var(--b); color: var(--b); }
.c { stroke: var(--c); color: var(--c); } .d { stroke: var(--d); color: var(--d); }
.e { stroke: var(--e); color: var(--e); }
.sent { stroke: var(--a); } .received { stroke: var(--c); } .end { stroke: var(--bad); }
pre { overflow-x: auto; border-left: 3px solid var(--line); padding-left: .8rem; font-size: .85rem; }
details { border-top: 1px solid var(--line); padding: .35rem 0; } summary { cursor: pointer; }
";
