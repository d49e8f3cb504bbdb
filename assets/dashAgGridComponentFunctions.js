/* Cells that are more than text. Dash AG Grid looks in window.dashAgGridComponentFunctions. */
(function () {
  "use strict";
  const inside = (href) => typeof href === "string" && /^\/(?![/\\])/.test(href);

  window.dashAgGridComponentFunctions = Object.assign(window.dashAgGridComponentFunctions || {}, {
    // A link to a page of this app; the address stands in the row, under the field that the column names.
    LinkCell: function (props) {
      const href = props.data && props.data[props.hrefField];
      if (!inside(href) || props.value === null || props.value === undefined) return props.valueFormatted || props.value || "—";
      return React.createElement("a", { href: href, "data-inside": "", className: "lc-cell-link" }, props.valueFormatted || props.value);
    },
    // A status: symbol and word in its ink, sent as "done|✓ 已完成".
    StatusCell: function (props) {
      if (!props.value) return "—";
      const cut = props.value.indexOf("|");
      return React.createElement("span", { className: "lc-badge lc-" + props.value.slice(0, cut) }, props.value.slice(cut + 1));
    },
  });
})();
