// A run's page: one feed, and everything on the page that follows it.

import { Feed } from "./feed.js";
import { refresh } from "./live.js";
import { Log } from "./log.js";
import { Stage } from "./stage.js";
import { counted, isError, plain } from "./text.js";

const at = (id) => document.getElementById(id);
const { run: RUN, final } = at("run").dataset;
const isFinalAtStart = final === "yes";
let ended = isFinalAtStart;
let firstError = null;

// --- Events -------------------------------------------------------------------------------

const kinds = new Map();
const log = new Log({
  box: at("log"), space: at("log-space"), rows: at("log-rows"), pill: at("pill"),
  onFollow: (on) => at("follow").setAttribute("aria-pressed", on),
  onChoose: (event) => {
    at("event").hidden = false;
    at("event").textContent = plain(JSON.stringify(event.data, null, 2), 20_000);
    at("event-link").hidden = false;
    at("event-link").href = `#event-${event.seq}`;
    if (event.kind === "tracks" && ended) goTo(() => stage.showFrame(event.data.frame));
  },
});

function kindOf(event) {
  if (kinds.has(event.kind)) return;
  const button = document.createElement("button");
  Object.assign(button, { type: "button", className: "bh-button bh-small", textContent: plain(event.kind, 32) });
  button.setAttribute("aria-pressed", "true");
  button.addEventListener("click", () => {
    const on = button.getAttribute("aria-pressed") === "true";
    button.setAttribute("aria-pressed", !on);
    const hidden = new Set(log.hidden);
    if (on) hidden.add(event.kind); else hidden.delete(event.kind);
    log.filter({ hidden });
  });
  kinds.set(event.kind, button);
  at("kinds").append(button);
}

function pin(event) {
  if (firstError) return;
  firstError = event;
  const place = at("first-error");
  place.hidden = false;
  const link = document.createElement("a");
  Object.assign(link, { href: `#event-${event.seq}`, className: "bh-link", textContent: `First error, event ${event.seq}` });
  const words = document.createElement("bdi");
  words.textContent = event.line ?? plain(String(event.data.message), 400);
  place.replaceChildren(link, ": ", words);
}

function progress({ done, total }) {
  if (!(total > 0)) return;
  const box = at("progress");
  if (!box) return;
  box.hidden = false;
  box.querySelector("progress").value = Math.min(1, done / total);
  at("progress-words").textContent = `${done} of ${total}`;
}

// --- The picture --------------------------------------------------------------------------

const film = at("film");
const scrub = at("scrub");
let tableDrawn = 0;

const stage = new Stage({
  canvas: at("stage"), film,
  tell: (data, index) => {
    scrub.max = stage.frames.length - 1;
    scrub.value = index;
    at("frame-words").textContent = `frame ${data.frame}, ${Number(data.time ?? 0).toFixed(2)} s, ${counted(data.tracks.length, "track")}`;
    at("frame-link").href = `#frame-${data.frame}`;
    at("unfollow").hidden = stage.followed === null;
    clearTimeout(tableDrawn);
    tableDrawn = setTimeout(() => drawTable(data), 120);
  },
});

function drawTable(data) {
  const rows = data.tracks.slice(0, 100).map((track) => {
    const row = document.createElement("tr");
    const box = (track.box ?? []).map((n) => Math.round(n)).join(", ");
    for (const text of [track.id, track.label ?? "", track.score ?? "", box, track.age ?? ""]) {
      const cell = document.createElement("td");
      cell.textContent = plain(String(text), 60);
      row.append(cell);
    }
    row.classList.toggle("bh-differs", stage.followed === track.id);
    return row;
  });
  at("tracks").replaceChildren(...rows);
}

function playing() {
  return film.hidden ? stage.live || Boolean(timer) : !film.paused;
}

let timer = null;

function sayPlaying() {
  at("play").textContent = playing() ? "Pause" : "Play";
}

function pause() {
  stage.live = false;
  clearInterval(timer);
  timer = null;
  if (!film.hidden) film.pause();
  sayPlaying();
}

function play() {
  if (!ended) {
    stage.live = true;
    stage.settle();
  } else if (!film.hidden) {
    film.play().catch(() => sayPlaying());
  } else {
    if (stage.index >= stage.frames.length - 1) stage.show(0);
    timer = setInterval(() => {
      if (stage.index >= stage.frames.length - 1) pause(); else stage.show(stage.index + 1);
    }, 40);
  }
  sayPlaying();
}

function goTo(move) {
  pause();
  move();
  const data = stage.frames[stage.index];
  if (!film.hidden && data) film.currentTime = (data.time ?? 0) + 0.001;
}

function useFilm() {
  if (!film.dataset.source || !stage.frames.length) return;
  film.src = film.dataset.source;
  film.addEventListener("loadeddata", () => {
    film.hidden = false;
    film.currentTime = stage.frames[stage.index]?.time ?? 0;
    const follow = () => {
      if (!film.paused) stage.showTime(film.currentTime);
      (film.requestVideoFrameCallback ?? requestAnimationFrame).call(film.requestVideoFrameCallback ? film : window, follow);
    };
    follow();
    stage.later();
  }, { once: true });
  film.addEventListener("seeked", () => { if (stage.isApart(film.currentTime)) stage.showTime(film.currentTime); });
  for (const name of ["play", "pause", "ended"]) film.addEventListener(name, sayPlaying);
}

at("play").addEventListener("click", () => (playing() ? pause() : play()));
at("back").addEventListener("click", () => goTo(() => stage.show(stage.index - 1)));
at("forward").addEventListener("click", () => goTo(() => stage.show(stage.index + 1)));
scrub.addEventListener("input", () => goTo(() => stage.show(Number(scrub.value))));
at("unfollow").addEventListener("click", () => stage.follow(null));
for (const button of document.querySelectorAll("[data-overlay]")) {
  button.addEventListener("click", () => {
    const on = button.getAttribute("aria-pressed") !== "true";
    button.setAttribute("aria-pressed", on);
    stage.overlay[button.dataset.overlay] = on;
    stage.later();
  });
}

// --- The feed -----------------------------------------------------------------------------

let told = null;

function tellConnection(since, words) {
  clearInterval(told);
  const place = at("connection");
  place.hidden = false;
  const say = () => {
    place.textContent = words || `Connection lost ${Math.max(1, Math.round((Date.now() - since) / 1000))} s ago: what you see may be old. It comes back by itself.`;
  };
  say();
  if (!words) told = setInterval(say, 1000);
}

new Feed(`/ws/runs/${RUN}/`, {
  event: (event) => {
    if (log.all.length === 0 && !ended) refresh();
    kindOf(event);
    log.add(event);
    at("event-count").textContent = log.all.length.toLocaleString();
    if (isError(event)) pin(event);
    if (event.kind === "progress") progress(event.data);
    if (event.kind === "tracks") {
      at("view").hidden = false;
      stage.add(event.data);
    }
    if (isWanted(event)) jump();
  },
  preview: (preview) => {
    at("view").hidden = false;
    return stage.setPreview(preview);
  },
  end: () => {
    ended = true;
    stage.live = false;
    refresh();
    useFilm();
    sayPlaying();
  },
  lost: tellConnection,
  found: () => {
    clearInterval(told);
    at("connection").hidden = true;
    refresh();
  },
});

// The feed tells what the run says; that it was started or is being cancelled, the page asks.
const asking = setInterval(() => (ended ? clearInterval(asking) : document.hidden || refresh()), 2000);
setInterval(() => {
  for (const meter of document.querySelectorAll("meter[data-meter-from]")) {
    meter.value = (Date.now() - new Date(meter.dataset.meterFrom)) / 1000;
  }
}, 200);

// --- Addresses and keys -------------------------------------------------------------------

let wanted = location.hash;

/** Whether the page's address asks for this event or its frame, which it does once. */
function isWanted({ seq, kind, data }) {
  if (!wanted || (wanted !== `#event-${seq}` && (kind !== "tracks" || wanted !== `#frame-${data.frame}`))) return false;
  wanted = null;
  return true;
}

function jump() {
  const [, kind, number] = location.hash.match(/^#(event|frame)-(\d+)$/) ?? [];
  if (kind === "event") log.choose(Number(number), { reveal: true });
  if (kind === "frame") goTo(() => stage.showFrame(Number(number)));
}

addEventListener("hashchange", jump);
at("follow").addEventListener("click", () => log.follow(!log.following));
at("search").addEventListener("input", () => log.filter({ words: at("search").value }));
at("keys").addEventListener("click", () => at("help").showModal());

const KEYS = {
  f: () => log.follow(!log.following),
  e: () => firstError && log.choose(firstError.seq, { reveal: true }),
  j: () => log.step(1),
  k: () => log.step(-1),
  " ": () => (playing() ? pause() : play()),
  ",": () => goTo(() => stage.show(stage.index - 1)),
  ".": () => goTo(() => stage.show(stage.index + 1)),
  "?": () => at("help").showModal(),
};

addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || event.target.closest("input, textarea, select, dialog")) return;
  if (event.key === " " && event.target.closest("button, a, summary")) return;
  const act = KEYS[event.key];
  if (act) {
    event.preventDefault();
    act();
  }
});
