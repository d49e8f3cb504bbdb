/* A form that is refused says why where it stands, and what was typed stays. Without this script the same answer is a page of its own. */
(function () {
  "use strict";

  function say(form, words) {
    form.querySelectorAll(".lc-form-fault").forEach((old) => old.remove());
    const fault = document.createElement("p");
    fault.className = "lc-form-fault lc-whole";
    fault.setAttribute("role", "alert");
    fault.textContent = "✕ " + words;
    form.append(fault);
  }

  // What is shown this once, such as a link: in place of the page that asked, which comes back when loaded anew.
  function show(made) {
    document.title = made.title;
    document.body.replaceWith(document.adoptNode(made.body));
    const first = document.querySelector("[autofocus], main");
    if (first) first.focus();
    window.scrollTo(0, 0);
  }

  async function send(form, submitter) {
    const sent = new URLSearchParams(new FormData(form, submitter));
    const answer = await fetch(form.getAttribute("action"), { method: "POST", body: sent, headers: { "X-Licheng-Form": "1", Accept: "text/html" } });
    if (answer.headers.get("Content-Type") === "application/json") {
      const to = new URL((await answer.json()).location, location.href);
      const isHere = to.pathname + to.search === location.pathname + location.search;
      location.assign(to);
      if (isHere) location.reload(); // else only the place on the page would change
      return;
    }
    const page = await answer.text();
    const made = new DOMParser().parseFromString(page, "text/html");
    const heading = made.querySelector("h1");
    if (answer.status >= 400 && heading) say(form, heading.textContent);
    else show(made);
  }

  document.addEventListener("submit", (event) => {
    const form = event.target;
    if (!(form instanceof HTMLFormElement) || event.defaultPrevented || !form.matches(".lc-form[method=post i]")) return;
    event.preventDefault();
    const button = event.submitter;
    if (button) button.disabled = true; // once is enough
    const english = document.documentElement.lang === "en";
    send(form, null)
      .catch(() => say(form, english ? "The server cannot be reached; nothing was saved. Try again." : "連不上伺服器，沒有儲存。請再試一次。"))
      .finally(() => { if (button) button.disabled = false; });
  });
})();
