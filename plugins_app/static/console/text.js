// Text that a plugin wrote, made fit to be looked at. It only ever goes into textContent.

const ANSI = /\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)?|[@-Z\\-_])/g;
const CONTROL = /[\x00-\x08\x0b-\x1f\x7f]/g;
const REORDERING = /[\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]/g;

export function plain(text, most = 2000) {
  const left = text.length - most;
  const cut = (left > 0 ? text.slice(0, most) : text)
    .replace(ANSI, "")
    .replace(CONTROL, (c) => (c === "\x7f" ? "␡" : String.fromCharCode(0x2400 + c.charCodeAt(0))))
    .replace(REORDERING, (c) => `[U+${c.charCodeAt(0).toString(16).toUpperCase().padStart(4, "0")}]`);
  return left > 0 ? `${cut} … ${left.toLocaleString()} more characters` : cut;
}

/** One line that tells an event. */
export function summary({ kind, data }) {
  if (kind === "log") return plain(String(data.message ?? ""), 400).replaceAll("\n", " ⏎ ");
  if (kind === "progress") return `${data.done} of ${data.total}`;
  if (kind === "tracks" && Array.isArray(data.tracks)) {
    return `frame ${data.frame}: ${counted(data.tracks.length, "track")}`;
  }
  if (kind === "artifact") return plain(`${data.name}, ${data.size} bytes`, 400);
  return plain(JSON.stringify(data), 400);
}

export function isError({ kind, data }) {
  return kind === "log" && ["error", "critical"].includes(String(data.level ?? "").toLowerCase());
}

export function counted(count, what) {
  return `${count} ${what}${count === 1 ? "" : "s"}`;
}
