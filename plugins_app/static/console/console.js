// On every page: relative times, landmarks, and the dialog that asks for a reason.
"use strict";
(() => {
  const UNITS = [["s", 60], ["min", 60], ["h", 24], ["d", 30], ["months", 12], ["years", Infinity]];

  function relative(moment) {
    let value = (Date.now() - moment) / 1000;
    const ahead = value < 0;
    value = Math.abs(value);
    if (value < 5) return "just now";
    for (const [unit, size] of UNITS) {
      if (value < size) return ahead ? `in ${Math.floor(value)} ${unit}` : `${Math.floor(value)} ${unit} ago`;
      value /= size;
    }
    return "";
  }

  function tellTimes(root) {
    for (const time of root.querySelectorAll("time[datetime]")) {
      const moment = new Date(time.dateTime);
      if (Number.isNaN(moment.valueOf())) continue;
      const words = relative(moment);
      if (time.textContent !== words) time.textContent = words;
      if (!time.dataset.told) {
        time.dataset.told = "yes";
        time.title = moment.toLocaleString(undefined, { dateStyle: "medium", timeStyle: "long" });
      }
    }
    for (const tick of root.querySelectorAll("[data-ticks-from]")) {
      tick.textContent = `${((Date.now() - new Date(tick.dataset.ticksFrom)) / 1000).toFixed(1)} s`;
    }
  }

  function make(tag, properties, ...children) {
    const element = Object.assign(document.createElement(tag), properties);
    element.append(...children);
    return element;
  }

  // The address answers GET with the same form as a page: without this script nothing is lost.
  function askForReason(link) {
    const token = document.querySelector("input[name=csrfmiddlewaretoken]")?.value
      ?? document.cookie.match(/(?:^|; )csrftoken=([^;]+)/)?.[1] ?? "";
    const reason = make("textarea", { name: "reason", required: true, className: "bh-input", id: "bh-reason", maxLength: 1000 });
    const close = make("button", { type: "button", className: "bh-button", textContent: "Back" });
    const title = make("h2", { textContent: link.dataset.ask, className: "bh-strong", id: "bh-ask-title" });
    const form = make("form", { method: "post", action: link.href },
      make("input", { type: "hidden", name: "csrfmiddlewaretoken", value: token }),
      title,
      make("label", { htmlFor: "bh-reason", className: "bh-label", textContent: "Why? It is kept in the history." }),
      reason,
      make("div", { className: "bh-row" },
        make("button", { type: "submit", className: "bh-button bh-first", textContent: link.textContent.trim() }), close));
    const dialog = make("dialog", { className: "bh-dialog" }, form);
    dialog.setAttribute("aria-labelledby", "bh-ask-title");
    close.addEventListener("click", () => dialog.close());
    dialog.addEventListener("close", () => { dialog.remove(); link.focus(); });
    document.body.append(dialog);
    dialog.showModal();
    reason.focus();
  }

  document.addEventListener("click", (event) => {
    const link = event.target.closest("a[data-ask]");
    if (!link || event.ctrlKey || event.metaKey || event.shiftKey) return;
    event.preventDefault();
    askForReason(link);
  });
  document.addEventListener("keydown", (event) => {
    if (event.key === " " && event.target.matches?.("a[role=button]")) {
      event.preventDefault();
      event.target.click();
    }
  });
  document.addEventListener("click", async (event) => {
    const button = event.target.closest("button[data-copy]");
    if (!button) return;
    const words = button.textContent;
    try {
      await navigator.clipboard.writeText(button.dataset.copy);
      button.textContent = "Copied";
    } catch {
      button.textContent = "The browser refused";
    }
    setTimeout(() => { button.textContent = words; }, 1500);
  });

  // What Unfold leaves unnamed for those who listen to a page.
  function nameThings() {
    for (const cell of document.querySelectorAll("#result_list td:first-child:not(:has(.action-select))")) {
      // Beside a list without check boxes, small windows would call the first column "Select record".
      const head = cell.closest("table").querySelector("th")?.cloneNode(true);
      for (const icon of head?.querySelectorAll(".material-symbols-outlined") ?? []) icon.remove();
      cell.dataset.label = head?.textContent.trim() || cell.dataset.label;
    }
    const main = document.getElementById("main");
    if (main) main.setAttribute("role", "main");
    document.getElementById("nav-sidebar")?.setAttribute("role", "navigation");
    document.getElementById("nav-sidebar")?.setAttribute("aria-label", "Console");
    for (const box of document.querySelectorAll("input.action-select, #action-toggle, input[type=checkbox]:not([aria-label])")) {
      if (!box.labels?.length && !box.getAttribute("aria-label")) {
        box.setAttribute("aria-label", box.id === "action-toggle" ? "Choose all rows" : "Choose this row");
      }
    }
    for (const field of document.querySelectorAll("input:not([type=hidden]):not([type=submit]), select, textarea")) {
      if (!field.labels?.length && !field.getAttribute("aria-label") && !field.getAttribute("aria-labelledby")) {
        field.setAttribute("aria-label", field.placeholder || field.name || "Value");
      }
    }
  }

  document.addEventListener("DOMContentLoaded", () => {
    nameThings();
    tellTimes(document);
    setInterval(() => tellTimes(document), 1000);
  });
  window.bulkhead = { tellTimes, make };
})();
