/* Mirrors Dash's own mark of a component that waits for an answer into aria-busy; the style sheet dims the old figure by the same mark. */
(function () {
  "use strict";
  const MARK = "data-dash-is-loading";

  function mirror(element) {
    if (element.hasAttribute(MARK)) element.setAttribute("aria-busy", "true");
    else element.removeAttribute("aria-busy");
  }

  new MutationObserver((changes) => changes.forEach((change) => mirror(change.target))).observe(document.documentElement, {
    attributes: true,
    attributeFilter: [MARK],
    subtree: true,
  });
})();
