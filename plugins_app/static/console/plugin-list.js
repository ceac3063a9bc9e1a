// The list of plugins follows their changes. Loaded as a plain script, so it imports as it goes.
"use strict";
(async () => {
  const here = document.currentScript.src;
  const { Feed } = await import(new URL("feed.js", here));
  const { refresh } = await import(new URL("live.js", here));
  // What changed between the page and the feed's first word would else be missed.
  new Feed("/ws/plugins/", { event: refresh, ready: refresh });
})();
