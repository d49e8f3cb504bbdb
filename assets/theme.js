/* The dark switch: a cookie decides, else the system's preference. Loaded in <head>, so that no page flashes white. */
(function () {
  "use strict";
  if (window.lichengTheme) return; // Dash adds every script of this folder; the shell may have put this one in <head> already.

  const root = document.documentElement;
  const system = window.matchMedia ? window.matchMedia("(prefers-color-scheme: dark)") : { matches: false };

  function fromCookie() {
    const found = document.cookie.match(/(?:^|;\s*)theme=(dark|light)(?:;|$)/);
    return found ? found[1] : null;
  }

  function remember(mode, chosen) {
    // A choice lasts a year; what the system prefers is only passed on to the server, for as long as the browser is open.
    const life = chosen ? "; max-age=31536000" : "";
    const secure = location.protocol === "https:" ? "; secure" : "";
    document.cookie = "theme=" + mode + "; path=/; samesite=lax" + life + secure;
  }

  function set(mode) {
    remember(mode, true);
    root.setAttribute("data-bs-theme", mode);
    // The figures are drawn on the server: they follow the store that the shell calls "theme".
    if (window.dash_clientside && window.dash_clientside.set_props) {
      window.dash_clientside.set_props("theme", { data: mode });
    }
  }

  const first = fromCookie() || (system.matches ? "dark" : "light");
  if (!fromCookie()) remember(first, false);
  root.setAttribute("data-bs-theme", first);

  document.addEventListener("click", function (event) {
    const button = event.target instanceof Element && event.target.closest("[data-theme-switch]");
    if (button) set(root.getAttribute("data-bs-theme") === "dark" ? "light" : "dark");
  });

  window.lichengTheme = { get: () => root.getAttribute("data-bs-theme"), set: set };
})();
