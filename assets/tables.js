/* Builds the table behind 「以表格檢視」 when it is opened: sent as a list of rows it is a fifth of its size as components. */
(function () {
  "use strict";

  function cell(tag, text, numeric, scope) {
    const made = document.createElement(tag);
    made.textContent = text;
    if (numeric) made.className = "num";
    if (scope) made.setAttribute("scope", scope);
    return made;
  }

  function build(holder) {
    const source = holder.getAttribute("data-table");
    if (holder.dataset.built === source) return;
    const { caption, headers, numeric, rows } = JSON.parse(source);
    const table = document.createElement("table");
    table.className = "lc-table";
    if (caption) table.createCaption().textContent = caption;
    const head = table.createTHead().insertRow();
    headers.forEach((text, i) => head.append(cell("th", text, numeric[i], "col")));
    const body = table.createTBody();
    rows.forEach((row) => {
      const line = body.insertRow();
      row.forEach((text, i) => line.append(cell(i ? "td" : "th", text, numeric[i], i ? null : "row")));
    });
    holder.replaceChildren(table);
    holder.dataset.built = source;
  }

  const isOpen = (holder) => !holder.closest("details:not([open])");
  const buildWithin = (element) => element.querySelectorAll("[data-table]").forEach((holder) => isOpen(holder) && build(holder));

  // `toggle` does not bubble, but it can be caught on its way down.
  document.addEventListener("toggle", (event) => event.target instanceof Element && buildWithin(event.target), true);
  new MutationObserver((changes) =>
    changes.forEach((change) => {
      if (change.type === "attributes") {
        if (isOpen(change.target)) build(change.target);
      } else {
        change.addedNodes.forEach((node) => node instanceof Element && node.parentElement && buildWithin(node.parentElement));
      }
    })
  ).observe(document.documentElement, { attributes: true, attributeFilter: ["data-table"], childList: true, subtree: true });
})();
