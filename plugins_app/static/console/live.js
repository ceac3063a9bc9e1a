// Keeps the marked parts of a page ([data-live]) as the server would draw them now.

let running = null;
let again = false;

/** Fetch this page anew and put its live parts in place. Calls during a fetch make one more. */
export function refresh() {
  if (running) { again = true; return running; }
  running = renew().finally(() => {
    running = null;
    if (again) { again = false; refresh(); }
  });
  return running;
}

async function renew() {
  const answer = await fetch(location.pathname + location.search, { headers: { Accept: "text/html" } });
  if (!answer.ok || answer.redirected) return;
  const fresh = new DOMParser().parseFromString(await answer.text(), "text/html");
  const places = new Map([...fresh.querySelectorAll("[data-live]")].map((part) => [part.dataset.live, part]));
  for (const old of document.querySelectorAll("[data-live]")) {
    const part = places.get(old.dataset.live);
    if (part && part.outerHTML !== old.dataset.drawn && !old.contains(document.activeElement)) {
      const drawn = part.outerHTML;
      const now = document.importNode(part, true);
      old.replaceWith(now);
      now.dataset.drawn = drawn;
    }
  }
  window.bulkhead.tellTimes(document);
}
