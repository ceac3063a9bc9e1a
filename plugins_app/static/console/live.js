// Keeps the marked parts of a page ([data-live]) as the server would draw them now.

let running = null;
let again = false;
const drawn = new Map();

/** Fetch this page anew and put its live parts in place. Calls during a fetch make one more. */
export function refresh() {
  if (running) { again = true; return running; }
  running = renew().finally(() => {
    running = null;
    if (again) { again = false; refresh(); }
  });
  return running;
}

async function page() {
  try {
    const answer = await fetch(location.pathname + location.search, { headers: { Accept: "text/html" } });
    return answer.ok && !answer.redirected ? await answer.text() : null;
  } catch {
    return null; // the feed tells that the connection is lost, and asks again once it is back
  }
}

async function renew() {
  const text = await page();
  if (text === null) return;
  const fresh = new DOMParser().parseFromString(text, "text/html");
  const places = new Map([...fresh.querySelectorAll("[data-live]")].map((part) => [part.dataset.live, part]));
  for (const old of document.querySelectorAll("[data-live]")) {
    const part = places.get(old.dataset.live);
    // Who is at work in a part, with the keyboard, is not to lose it from under the hands.
    if (!part || part.outerHTML === drawn.get(part.dataset.live) || old.contains(document.activeElement)) continue;
    drawn.set(part.dataset.live, part.outerHTML);
    old.replaceWith(document.importNode(part, true));
  }
  window.bulkhead.tellTimes(document);
}
