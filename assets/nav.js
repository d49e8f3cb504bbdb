/* The navigation: opens and closes on a phone, marks the current page, and moves the focus to the page that was opened. */
(function () {
  "use strict";
  let shown = location.pathname;

  function markCurrent() {
    const links = [...document.querySelectorAll(".lc-nav a[href]")];
    const holds = (link, path) => (link.dataset.exact !== undefined ? location.pathname === path : location.pathname.startsWith(path));
    // A page may lie below another: only the nearest is marked.
    const nearest = Math.max(...links.map((link) => new URL(link.href).pathname).filter((path, i) => holds(links[i], path)).map((path) => path.length));
    links.forEach((link) => {
      const path = new URL(link.href).pathname;
      if (holds(link, path) && path.length === nearest) link.setAttribute("aria-current", "page");
      else link.removeAttribute("aria-current");
    });
  }

  function open(state) {
    const menu = document.getElementById("nav-menu");
    const toggle = document.querySelector("[data-nav-toggle]");
    if (!menu || !toggle) return;
    menu.classList.toggle("is-open", state);
    toggle.setAttribute("aria-expanded", String(menu.classList.contains("is-open")));
  }

  function arrived() {
    markCurrent();
    if (location.pathname === shown) return; // a filter changed the query: the reader stays where they are
    shown = location.pathname;
    open(false);
    const main = document.getElementById("main");
    if (main) main.focus({ preventScroll: true });
  }

  // Goes to an address of this app the way Dash's own links do, without loading the page anew.
  window.lichengGo = function (href) {
    window.history.pushState({}, "", href);
    window.dispatchEvent(new CustomEvent("_dashprivate_pushstate"));
    window.scrollTo(0, 0);
  };

  document.addEventListener("click", (event) => {
    if (!(event.target instanceof Element)) return;
    if (event.target.closest("[data-nav-toggle]")) return open();
    const link = event.target.closest("a[data-inside]");
    const plain = !(event.metaKey || event.ctrlKey || event.shiftKey || event.altKey || event.button);
    if (!link || !plain || new URL(link.href).origin !== location.origin) return;
    event.preventDefault();
    window.lichengGo(link.getAttribute("href"));
  });
  document.addEventListener("keydown", (event) => {
    if (event.key === "Escape") open(false);
    // A grid gives the keyboard its cells, not the links in them.
    const cell = event.key === "Enter" && document.activeElement && document.activeElement.closest(".ag-cell");
    const link = cell && cell.querySelector("a[data-inside]");
    if (link) window.lichengGo(link.getAttribute("href"));
  });

  window.addEventListener("popstate", arrived);
  window.addEventListener("_dashprivate_pushstate", arrived);
  // React puts a page's navigation and content there some time after its address is: mark and focus what has come.
  let content = null;
  new MutationObserver(() => {
    const main = document.getElementById("main");
    if (!main || main === content) return;
    const isFirst = content === null;
    content = main;
    markCurrent();
    if (!isFirst) main.focus({ preventScroll: true });
  }).observe(document.documentElement, { childList: true, subtree: true });
})();
