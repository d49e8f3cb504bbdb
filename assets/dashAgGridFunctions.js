/* What the grids may call by name: theme, words, number formats, sorting. Dash AG Grid looks in window.dashAgGridFunctions. */
(function () {
  "use strict";
  const english = () => document.documentElement.lang.startsWith("en");
  const missing = (value) => value === null || value === undefined || Number.isNaN(value);
  const whole = new Intl.NumberFormat("en-US", { maximumFractionDigits: 0 });
  let theme = null; // one object for all grids: a new one at each render would make AG Grid build its styles again

  // Floored, never rounded: 358/359 is 99.7 %, not 100 %. The 1e-9 takes back what binary fractions lose (0.57 * 1000).
  function floored(rate) {
    return (Math.floor(rate * 1000 + 1e-9) / 10).toFixed(1) + "%";
  }

  window.dashAgGridFunctions = Object.assign(window.dashAgGridFunctions || {}, {
    lichengGridTheme: function (agGrid) {
      theme = theme || agGrid.themeQuartz.withParams({
        accentColor: "var(--lc-accent)",
        backgroundColor: "var(--lc-surface)",
        borderColor: "var(--lc-line)",
        browserColorScheme: "inherit",
        chromeBackgroundColor: "var(--lc-raised)",
        fontFamily: "inherit",
        fontSize: 15,
        foregroundColor: "var(--lc-ink)",
        headerBackgroundColor: "var(--lc-raised)",
        headerFontWeight: 600,
        headerTextColor: "var(--lc-ink)",
        oddRowBackgroundColor: "var(--lc-surface)",
        rowHoverColor: "var(--lc-hover)",
        selectedRowBackgroundColor: "var(--lc-hover)",
        spacing: 8,
        wrapperBorder: false,
        wrapperBorderRadius: 0,
      });
      return theme;
    },
    lichengGridText: function (params) {
      // AG Grid's own phrase 「1 至 10 的 24」 reads backwards in Chinese; the rest of its words are fine.
      const ours = { of: "／共", noRowsToShow: "沒有資料列", pageSizeSelectorLabel: "每頁列數：" };
      const text = english() ? undefined : ours[params.key] || (window.lichengGridLocale || {})[params.key];
      let out = text === undefined ? params.defaultValue : text;
      (params.variableValues || []).forEach((value) => {
        out = out.replace("${variable}", value);
      });
      return out;
    },
    count: (value) => (missing(value) ? "—" : whole.format(value)),
    days: (value) => (missing(value) ? "—" : (Math.round(value * 10) / 10).toFixed(1)),
    percent: (rate) => (missing(rate) ? "—" : floored(rate)),
    share: (numerator, denominator) => (missing(numerator) || !denominator ? null : numerator / denominator),
    // 「87.3%　33/38」; nothing expected is 「—」, which is neither 0 % nor 100 %.
    ratio: (numerator, denominator) =>
      missing(numerator) || !denominator
        ? "—"
        : (Math.floor((Number(numerator) * 1000) / denominator) / 10).toFixed(1) + "%\u3000" + whole.format(numerator) + "/" + whole.format(denominator),
    // Undefined rates come last, whichever way the column is sorted.
    nullsLast: function (a, b, nodeA, nodeB, descending) {
      if (missing(a) || missing(b)) return missing(a) === missing(b) ? 0 : missing(a) === !descending ? 1 : -1;
      return a < b ? -1 : a > b ? 1 : 0;
    },
  });
})();
