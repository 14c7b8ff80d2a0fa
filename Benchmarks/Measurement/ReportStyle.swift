/// How the page and standalone plots look.
enum ReportStyle {
    /// Okabe and Ito's colours, which people who confuse red and green tell apart; lighter on dark ground.
    static let lightColors = """
        --paper:#ffffff;--panel:#f6f7f9;--ink:#1b1f24;--faint:#5b6470;--rule:#d5dae1;--mark:#a3154b;--gap:#a3154b;\
        --bad:#b00020;--good:#17663a;\
        --c0:#0072b2;--c1:#d55e00;--c2:#009e73;--c3:#b8558c;--c4:#e69f00;--c5:#56b4e9;--c6:#6a4fa3;--c7:#6b7280;
        """
    static let darkColors = """
        --paper:#14171b;--panel:#1c2026;--ink:#e8eaed;--faint:#a4adb8;--rule:#39414b;--mark:#ff7ba8;--gap:#ff7ba8;\
        --bad:#ff6b6b;--good:#5fd08f;\
        --c0:#4ea8e0;--c1:#ff8a4a;--c2:#2fc79c;--c3:#e79cc8;--c4:#f5bd3d;--c5:#9ad6f7;--c6:#b59aec;--c7:#a4adb8;
        """

    /// What the parts of a `LineChart` look like.
    static var chart: String {
        let lines = (0..<8).map {
            ".s\($0){stroke:var(--c\($0))}.f\($0){fill:var(--c\($0));background:var(--c\($0))}"
        }
        return """
            .chart text{font:13px system-ui,sans-serif;fill:var(--ink)}
            .chart text.faint{fill:var(--faint)}
            .chart text.number{font-size:12px;font-weight:700;fill:var(--paper)}
            .grid{stroke:var(--rule);stroke-width:1}
            .axis{stroke:var(--faint);stroke-width:1}
            .line{fill:none;stroke-width:2;stroke-linejoin:round;vector-effect:non-scaling-stroke}
            .area{fill-opacity:.85;stroke:var(--paper);stroke-width:.5}
            .mark{stroke:var(--mark);stroke-width:1.5;stroke-dasharray:4 3}
            .badge{fill:var(--mark)}
            .gap{fill:var(--gap);fill-opacity:.18}
            .tip{fill:var(--ink);fill-opacity:0}
            .tip:hover{fill-opacity:.1}
            \(lines.joined(separator: "\n"))
            """
    }

    static var page: String {
        """
        :root{color-scheme:light dark;\(lightColors)}
        @media(prefers-color-scheme:dark){:root{\(darkColors)}}
        *{box-sizing:border-box}
        body{margin:0 auto;padding:16px;max-width:1600px;background:var(--paper);color:var(--ink);\
        font:16px/1.45 system-ui,sans-serif}
        h1{font-size:1.6rem;margin:.2em 0}
        h2{font-size:1.3rem;margin:1.6em 0 .2em;border-top:2px solid var(--rule);padding-top:.8em;overflow-wrap:anywhere}
        h3{font-size:1rem;margin:0 0 .3em}
        p{margin:.3em 0;overflow-wrap:anywhere}
        .faint,caption{color:var(--faint)}
        .good,.bad{padding:.6em 1em;border-radius:8px;font-weight:600;margin:.8em 0;border:2px solid}
        .good{color:var(--good)}
        .bad{color:#fff;background:#b00020;border-color:#b00020;font-size:1.15rem}
        .bad ul{margin:.3em 0;padding-left:1.2em;font-weight:400;font-size:.95rem;overflow-wrap:anywhere}
        .cards{display:grid;grid-template-columns:repeat(auto-fill,minmax(170px,1fr));gap:10px;margin:.8em 0}
        .card{background:var(--panel);border-radius:8px;padding:10px 12px}
        .card b{display:block;font-size:1.35rem;font-variant-numeric:tabular-nums}
        .card span{color:var(--faint);font-size:.85rem;display:block}
        .scroll{overflow-x:auto;margin:.8em 0}
        table{border-collapse:collapse;font-size:.92rem;font-variant-numeric:tabular-nums}
        caption{text-align:left;padding-bottom:.2em}
        th,td{padding:.25em .7em;text-align:right;white-space:nowrap;border-bottom:1px solid var(--rule)}
        th:first-child,td.text{text-align:left;padding-left:0}
        td.text{white-space:normal;min-width:12em}
        td.bar{width:34%;min-width:110px}
        td.bar div{height:.8em;min-width:1px;border-radius:2px}
        .plots{display:grid;grid-template-columns:repeat(auto-fit,minmax(min(100%,460px),1fr));gap:16px;margin:1em 0}
        figure{margin:0;background:var(--panel);border-radius:8px;padding:12px;max-width:800px;min-width:0}
        .chart{display:block;width:100%;height:auto}
        .legend{display:flex;flex-wrap:wrap;gap:2px 14px;list-style:none;margin:0 0 .3em;padding:0;font-size:.85rem}
        .legend svg{width:24px;height:10px;margin-right:5px;vertical-align:middle}
        .legend rect{stroke:none}
        details{margin:.8em 0}
        summary{cursor:pointer}
        ol.events li::marker{color:var(--mark);font-weight:700}
        \(chart)
        @media(max-width:560px){.chart text{font-size:17px}.chart text.number{font-size:15px}.cards{grid-template-columns:1fr 1fr}}
        @media(prefers-color-scheme:dark){.bad{background:#8c0f22;border-color:#ff6b6b}}
        """
    }
}
