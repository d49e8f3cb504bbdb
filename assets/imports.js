/* Hands files in: dropped or chosen, posted as they are with their progress; the server answers with the hand-in's token. */
(function () {
  "use strict";
  let sending = null;
  let chooser = null; // held here: nobody else knows it while its window is open

  const say = (area, name, values) =>
    (area.dataset[name] || "").replace(/\{(\w+)\}/g, (_all, key) => String((values || {})[key]));

  function show(area, words, isWrong) {
    const state = area.querySelector("[data-state]");
    state.textContent = words;
    state.classList.toggle("is-wrong", Boolean(isWrong));
  }

  function working(area, share) {
    const bar = area.querySelector("[data-sent-share]");
    bar.hidden = share === null;
    bar.value = share || 0;
    area.querySelector("[data-stop]").hidden = share === null;
    area.querySelector("[data-pick]").disabled = share !== null;
  }

  function reasonOf(request) {
    try {
      return JSON.parse(request.responseText).error || String(request.status);
    } catch {
      return String(request.status);
    }
  }

  function answered(area, request, count) {
    working(area, null);
    if (request.status === 401) return location.assign("/login?next=" + encodeURIComponent(location.pathname + location.search));
    if (request.status >= 300) return show(area, say(area, "failed", { reason: reasonOf(request) }), true);
    show(area, say(area, "sent", { files: count }));
    const token = JSON.parse(request.responseText).token;
    const asked = "?job=" + encodeURIComponent(token);
    // The page shows this hand-in already where something was added to it: its address stays, its state does not.
    if (asked === window.location.search) window.dash_clientside.set_props("imports-decided", { data: String(Date.now()) });
    else window.lichengGo(area.dataset.page + asked);
  }

  function send(area, files) {
    if (sending || !files.length) return;
    const empty = files.find((file) => file.size === 0);
    const total = files.reduce((sum, file) => sum + file.size, 0);
    if (empty) return show(area, say(area, "empty", { name: empty.name, files: files.length }), true);
    if (total > Number(area.dataset.limit)) return show(area, say(area, "tooBig", { size: Math.ceil(total / 2 ** 20) }), true);
    const form = new FormData();
    // While a hand-in waits for its person, what comes now is added to it.
    const waiting = document.querySelector("[data-adds-to]");
    if (waiting) form.append("job", waiting.dataset.addsTo);
    files.forEach((file) => form.append("files", file, file.name));
    const request = (sending = new XMLHttpRequest());
    request.open("POST", area.dataset.drop);
    request.setRequestHeader("Accept", "application/json");
    request.upload.addEventListener("progress", (event) => {
      const share = event.lengthComputable ? Math.floor((100 * event.loaded) / event.total) : 0;
      working(area, share);
      show(area, say(area, "sending", { files: files.length, percent: share }));
    });
    request.addEventListener("load", () => answered(area, request, files.length));
    request.addEventListener("error", () => (working(area, null), show(area, say(area, "broken"), true)));
    request.addEventListener("abort", () => (working(area, null), show(area, say(area, "stopped"))));
    request.addEventListener("loadend", () => (sending = null));
    working(area, 0);
    request.send(form);
  }

  function pick(area) {
    chooser = document.createElement("input");
    chooser.type = "file";
    chooser.multiple = true;
    chooser.accept = area.dataset.suffixes;
    chooser.addEventListener("change", () => send(area, [...chooser.files]));
    chooser.click();
  }

  const areaOf = (event) => (event.target instanceof Element ? event.target.closest("[data-drop]") : null);
  const holdsFiles = (event) => event.dataTransfer && [...event.dataTransfer.types].includes("Files");
  const mark = (area) =>
    document.querySelectorAll("[data-drop]").forEach((each) => each.classList.toggle("is-over", each === area));

  document.addEventListener("click", (event) => {
    const area = areaOf(event);
    if (!area) return;
    if (event.target.closest("[data-pick]")) pick(area);
    if (event.target.closest("[data-stop]") && sending) sending.abort();
  });
  document.addEventListener("dragover", (event) => {
    if (!document.querySelector("[data-drop]") || !holdsFiles(event)) return;
    event.preventDefault(); // else a file that misses the area opens in place of the page
    mark(areaOf(event));
  });
  document.addEventListener("dragleave", (event) => event.relatedTarget || mark(null));
  document.addEventListener("drop", (event) => {
    if (!document.querySelector("[data-drop]") || !holdsFiles(event)) return;
    event.preventDefault();
    mark(null);
    const area = areaOf(event);
    if (!area) return;
    const entries = [...event.dataTransfer.items].map((item) => item.webkitGetAsEntry && item.webkitGetAsEntry());
    const folder = entries.find((entry) => entry && entry.isDirectory);
    if (folder) return show(area, say(area, "folder", { name: folder.name }), true);
    send(area, [...event.dataTransfer.files]);
  });
})();
