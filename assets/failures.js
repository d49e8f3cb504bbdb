/* Says out loud that a request failed. Stock Dash shows nothing on 401, 403, 413, 5xx, a redirect to login, a hang or a dead server. */
(function () {
  "use strict";
  const HANG_MS = 5000;
  const english = () => document.documentElement.lang.startsWith("en");
  const say = (zh, en) => (english() ? en : zh);

  function prefix() {
    const config = document.getElementById("_dash-config");
    try {
      return JSON.parse(config.textContent).requests_pathname_prefix || "/";
    } catch {
      return "/";
    }
  }

  function dismiss(kind) {
    const banner = document.getElementById("failure-banner");
    if (banner && (!kind || banner.dataset.kind === kind)) banner.remove();
  }

  function button(text, className, onClick) {
    const made = document.createElement("button");
    made.type = "button";
    made.className = className;
    made.textContent = text;
    made.addEventListener("click", onClick);
    return made;
  }

  function show(kind, text) {
    dismiss();
    const banner = document.createElement("div");
    banner.id = "failure-banner";
    banner.className = "failure-banner";
    banner.dataset.kind = kind;
    banner.setAttribute("role", "alert");
    const words = document.createElement("p");
    words.textContent = text;
    banner.append(
      words,
      button(say("重新載入", "Reload"), "btn btn-light btn-sm", () => location.reload()),
      button(say("關閉", "Dismiss"), "btn btn-outline-light btn-sm", () => dismiss())
    );
    document.body.append(banner);
  }

  function toLogin() {
    show("login", say("登入已逾時，正前往登入頁。", "Your session has ended. Going to the login page."));
    const next = encodeURIComponent(location.pathname + location.search);
    location.assign(prefix() + "login?next=" + next);
  }

  function clock() {
    return new Date().toLocaleTimeString(english() ? "en-GB" : "zh-TW", { hour12: false });
  }

  function judge(response) {
    const landed = response.redirected ? new URL(response.url).pathname : "";
    if (response.status === 401 || landed === prefix() + "login") return toLogin();
    if (response.status === 403) {
      return show("403", say("您的權限看不到這項資料。若您認為應該看得到，請洽系統管理者。",
        "Your role does not cover this. Ask the system administrator if you think it should."));
    }
    if (response.status === 413) {
      return show("413", say("檔案太大，伺服器沒有收下。請分成較小的檔案再試。",
        "The file is too large and was not accepted. Split it and try again."));
    }
    if (response.status >= 500) {
      return show("5xx", say("系統發生錯誤，畫面可能不是最新的。時間 " + clock() + "，代碼 " + response.status + "。",
        "Something went wrong; what you see may be out of date. Time " + clock() + ", code " + response.status + "."));
    }
    dismiss("hang");
    dismiss("dead");
  }

  const realFetch = window.fetch.bind(window);
  window.fetch = function (resource, options) {
    const url = String(resource && resource.url ? resource.url : resource);
    if (!url.includes("_dash-")) return realFetch(resource, options);
    const slow = setTimeout(() => show("hang", say("伺服器超過 5 秒沒有回應，仍在等待。",
      "The server has not answered for 5 seconds. Still waiting.")), HANG_MS);
    return realFetch(resource, options).then(
      (response) => {
        clearTimeout(slow);
        judge(response);
        return response;
      },
      (error) => {
        clearTimeout(slow);
        // A request that Dash itself gave up, because a newer one replaced it, is no failure.
        if (!error || error.name !== "AbortError") {
          show("dead", say("連不上伺服器，畫面可能不是最新的。請檢查網路後重新載入。",
            "The server cannot be reached; what you see may be out of date. Check the network and reload."));
        }
        throw error;
      }
    );
  };
})();
