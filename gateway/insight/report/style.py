"""How the report looks, by day and by night. Colours of deployments are Okabe and Ito's, which all eyes tell apart."""

STYLE = """
:root{--ink:#1c2024;--dim:#6b7280;--paper:#fff;--card:#f6f7f9;--rule:#e2e5ea;color-scheme:light dark}
@media(prefers-color-scheme:dark){:root{--ink:#e6e8eb;--dim:#9aa3af;--paper:#14171a;--card:#1d2125;--rule:#31363c}}
body{font:15px/1.45 system-ui,sans-serif;color:var(--ink);background:var(--paper);max-width:1120px;margin:24px auto;padding:0 16px}
header{border-left:8px solid var(--dim);padding:2px 16px;margin-bottom:18px}
header.better{border-color:#2e9e5b}header.worse,header.leaks{border-color:#d1453b}header.trade{border-color:#d98e04}
h1{font-size:26px;margin:0}header p{font-size:18px;margin:4px 0}header p.small{font-size:13px;color:var(--dim)}
.tiles{display:flex;flex-wrap:wrap;gap:10px;margin-bottom:18px}
.tile{background:var(--card);border-radius:8px;padding:8px 12px;flex:1 1 170px;border-spacing:0}
.tile caption{text-align:left;color:var(--dim);font-size:13px;padding:6px 12px 0;
background:var(--card);border-radius:8px 8px 0 0}
.tile td{font-size:19px;font-weight:600;padding-right:14px}
.tile small{display:block;font-size:12px;font-weight:400;color:var(--dim)}
.tile td.draft{color:var(--draft)}
.charts{margin-bottom:14px;display:grid;grid-template-columns:repeat(auto-fit,minmax(min(380px,100%),1fr));gap:14px}
.beside{grid-template-columns:repeat(auto-fit,minmax(min(300px,100%),1fr))}
figure{background:var(--card);border-radius:8px;margin:0;padding:12px 14px;min-width:0;overflow-x:auto}figure.wide{grid-column:1/-1}
figcaption{font-weight:600;margin-bottom:6px}figure p{margin:6px 0 0;font-size:13px}
figure span{margin-right:14px;white-space:nowrap}
i{display:inline-block;width:11px;height:11px;border-radius:2px;margin-right:5px;background:var(--c)}
svg{width:100%;height:auto;display:block}svg text{fill:var(--ink);font-size:12px}svg .tick{fill:var(--dim);font-size:11px}
svg .grid{stroke:var(--rule)}svg line.mark{stroke:var(--ink);stroke-dasharray:4 3}svg text.mark{font-size:11px}
svg .line{fill:none;stroke:var(--c);stroke-width:2.2}svg .line.current{stroke-width:5;opacity:.55}
svg .area{fill:var(--c);stroke:var(--card);stroke-width:.4}
:root{--draft:#c2570c}@media(prefers-color-scheme:dark){:root{--draft:#f59e52}}
.record{--c:#9aa3af}.current{--c:#3b7dd8}.draft{--c:var(--draft)}
.c0{--c:#009e73}.c1{--c:#56b4e9}.c2{--c:#e69f00}.c3{--c:#cc79a7}.c4{--c:#0072b2}.c5{--c:#d55e00}.c6{--c:#f0e442}.c7{--c:#8a7f72}
.nobody{--c:#d1453b}
.moves{border-collapse:collapse;width:100%;font-size:14px}.moves th{text-align:left;color:var(--dim);font-weight:400}
.moves td,.moves th{padding:3px 10px 3px 0;border-bottom:1px solid var(--rule)}
.moves td:first-child{min-width:130px;position:relative}
.moves b{position:absolute;left:0;top:3px;bottom:3px;background:var(--draft);opacity:.22;border-radius:2px}
.moves .number{text-align:right}
details{margin:18px 0}pre{font-size:12.5px;overflow-x:auto;background:var(--card);padding:12px;border-radius:8px}
"""
