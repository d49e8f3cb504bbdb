/* Saves a chart as the browser has drawn it, as PNG or SVG: nothing is asked of the server, and nothing leaves for another one. */
(function () {
  "use strict";
  let saving = false; // a double click means one file

  // As the school's calendar says it, whatever clock the computer has.
  const today = () => new Date().toLocaleDateString("sv-SE", { timeZone: "Asia/Taipei" });

  function save(button) {
    const { chart, picture } = button.dataset;
    const holder = document.getElementById(chart);
    const plot = holder && holder.querySelector(".js-plotly-plot");
    if (saving || !plot || !plot.layout || !window.Plotly) return;
    // On the screen the card is the background; in a file the words of the dark theme would stand on nothing.
    const paper_bgcolor = getComputedStyle(button.closest(".lc-card") || document.body).backgroundColor;
    const copy = {
      data: structuredClone(plot.data),
      layout: { ...structuredClone(plot.layout), paper_bgcolor },
      config: { locale: document.documentElement.lang.startsWith("en") ? "en" : "zh-TW" },
    };
    const { clientWidth: width, clientHeight: height } = plot;
    const options = { format: picture, width, height, scale: picture === "png" ? 2 : 1, filename: chart + "-" + today() };
    saving = true;
    window.Plotly.downloadImage(copy, options).finally(() => (saving = false));
  }

  document.addEventListener("click", (event) => {
    const button = event.target instanceof Element && event.target.closest("button[data-picture]");
    if (button) save(button);
  });
})();
