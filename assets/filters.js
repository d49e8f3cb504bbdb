/* Filters live in the address: written without loading the page anew, so that a link reproduces it and Back works. */
(function () {
  "use strict";
  let asked = window.location.search;
  window.dash_clientside = Object.assign({}, window.dash_clientside, {
    licheng: {
      // The server draws in the theme that the document has.
      theme: function (_href, known) {
        const mode = document.documentElement.getAttribute("data-bs-theme") || "light";
        return mode === known ? window.dash_clientside.no_update : mode;
      },
      // A click on a class's tile leads where its link in the table leads; for who has no such page, nowhere.
      openClass: function (click, figure) {
        const row = click && click.points && click.points[0] && click.points[0].y;
        const label = figure && figure.layout.yaxis.ticktext[row];
        if (label && document.querySelector('#overview-classes a[href^="/classes/"]')) {
          const query = new URLSearchParams(window.location.search);
          ["grade", "dept", "vs"].forEach((name) => query.delete(name));
          const name = encodeURIComponent(label.replace(/^(\d+)\u202f.*$/, "$1"));
          window.lichengGo("/classes/" + name + (query.size ? "?" + query.toString() : ""));
        }
        return window.dash_clientside.no_update;
      },
      // Called with the filters' values; the names come from the elements' ids (page-filter).
      address: function () {
        const query = new URLSearchParams();
        window.dash_clientside.callback_context.inputs_list.forEach(function (input) {
          if (input.value && input.value !== "all") query.set(input.id.split("-").pop(), input.value);
        });
        const search = query.toString() ? "?" + query.toString() : "";
        if (search !== window.location.search) window.history.pushState({}, "", window.location.pathname + search);
        asked = search;
        document.querySelectorAll("a[data-export]").forEach(function (link) {
          link.href = link.dataset.export + search;
        });
        return window.dash_clientside.no_update;
      },
    },
  });

  // Dash does not know the addresses written above, so that going back to one of them is no change to it: the page is asked for here.
  // A place on the page (#main, where the skip link leads) is no other question, and what was chosen stays.
  let path = window.location.pathname;
  window.addEventListener("_dashprivate_pushstate", () => {
    path = window.location.pathname;
    asked = window.location.search;
  });
  window.addEventListener("popstate", () => {
    const isNew = path === window.location.pathname && asked !== window.location.search;
    path = window.location.pathname;
    asked = window.location.search;
    if (isNew) window.dash_clientside.set_props("_pages_location", { search: asked });
  });
})();
