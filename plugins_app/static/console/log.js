// The event log: only the rows in sight exist, so ten thousand events scroll as smoothly as ten.

import { isError, plain, summary } from "./text.js";

const ROW = 24;
const MARGIN = 10;

export class Log {
  constructor({ box, space, rows, pill, onChoose, onFollow }) {
    Object.assign(this, { box, space, rows, pill, onChoose, onFollow });
    this.all = [];
    this.shown = [];
    this.hidden = new Set();
    this.words = "";
    this.following = true;
    this.seen = 0;
    this.chosen = null;
    box.addEventListener("scroll", () => this.scrolled());
    rows.addEventListener("click", (event) => {
      const row = event.target.closest(".bh-event");
      if (row) this.choose(Number(row.dataset.seq));
    });
    pill.addEventListener("click", () => this.follow(true));
  }

  add(event) {
    event.line = summary(event);
    this.all.push(event);
    if (this.fits(event)) this.shown.push(event);
    this.later();
  }

  fits(event) {
    if (this.hidden.has(event.kind)) return false;
    return !this.words || `${event.kind} ${event.line} ${event.seq}`.toLowerCase().includes(this.words);
  }

  filter({ words = this.words, hidden = this.hidden }) {
    this.words = words.toLowerCase();
    this.hidden = hidden;
    this.shown = this.all.filter((event) => this.fits(event));
    this.later();
  }

  follow(on) {
    this.following = on;
    this.onFollow(on);
    if (on) this.later();
  }

  scrolled() {
    const atEnd = this.box.scrollTop + this.box.clientHeight >= this.box.scrollHeight - ROW;
    if (!this.setting && atEnd !== this.following) this.follow(atEnd);
    this.setting = false;
    this.later();
  }

  choose(seq, { reveal = false } = {}) {
    this.chosen = seq;
    const index = this.shown.findIndex((event) => event.seq === seq);
    if (index < 0) return;
    if (reveal) {
      this.follow(false);
      const top = index * ROW;
      if (top < this.box.scrollTop || top > this.box.scrollTop + this.box.clientHeight - ROW) {
        this.scrollTo(Math.max(0, top - this.box.clientHeight / 2));
      }
    }
    this.onChoose(this.shown[index]);
    this.later();
  }

  step(by) {
    const index = this.shown.findIndex((event) => event.seq === this.chosen);
    const next = this.shown[Math.max(0, Math.min(this.shown.length - 1, index < 0 ? this.shown.length - 1 : index + by))];
    if (next) this.choose(next.seq, { reveal: true });
  }

  later() {
    this.drawing ||= requestAnimationFrame(() => { this.drawing = null; this.draw(); });
  }

  makeRoom() {
    const height = this.shown.length * ROW;
    this.space.style.height = `${height}px`;
    return height;
  }

  /** The page's own scrolling neither follows nor lets go. */
  scrollTo(top) {
    this.makeRoom();
    const before = this.box.scrollTop;
    this.box.scrollTop = top;
    if (this.box.scrollTop !== before) this.setting = true;
  }

  draw() {
    const height = this.makeRoom();
    if (this.following) {
      this.seen = this.shown.length;
      this.scrollTo(Math.max(0, height - this.box.clientHeight));
    }
    const fresh = this.shown.length - this.seen;
    this.pill.hidden = this.following || fresh <= 0;
    this.pill.textContent = `${fresh.toLocaleString()} new`;
    const first = Math.max(0, Math.floor(this.box.scrollTop / ROW) - MARGIN);
    const count = Math.ceil(this.box.clientHeight / ROW) + 2 * MARGIN;
    this.rows.style.transform = `translateY(${first * ROW}px)`;
    this.rows.replaceChildren(...this.shown.slice(first, first + count).map((event) => this.row(event)));
  }

  row(event) {
    const row = document.createElement("div");
    row.className = "bh-event";
    row.classList.toggle("is-error", isError(event));
    row.classList.toggle("is-current", event.seq === this.chosen);
    row.dataset.seq = event.seq;
    for (const [name, text] of [["n", event.seq], ["k", plain(event.kind, 64)], ["t", event.line]]) {
      const cell = document.createElement("span");
      cell.className = name;
      cell.textContent = text;
      row.append(cell);
    }
    return row;
  }
}
