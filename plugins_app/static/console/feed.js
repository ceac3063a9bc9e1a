// A live feed that comes back by itself, with `after`, so nothing is lost and nothing comes twice.

const FINAL = new Set([1000, 1003, 1008, 1009, 4400, 4401, 4403, 4404]);
const WORDS = {
  4401: "You are logged out: log in again to go on watching.",
  4403: "You may not watch this any more: ask an administrator for a role.",
  4404: "This is no longer kept.",
};
const ACK_EVERY = 200;
const LONGEST_PAUSE = 10_000;

export class Feed {
  /** `on` may have: event(message), preview({frame, seconds, jpeg}), end(message), lost(since, words), found(), ready(). */
  constructor(path, on, { after } = {}) {
    this.path = path;
    this.on = on;
    this.last = after;
    this.pause = 500;
    this.lostAt = null;
    this.acknowledged = after ?? 0;
    this.connect();
    // An idle tail is acknowledged too, so that the server's window is whole again.
    setInterval(() => this.acknowledge(), 1000);
    addEventListener("online", () => this.connectNow());
  }

  connect() {
    const url = new URL(this.path, location.href);
    url.protocol = url.protocol.replace("http", "ws");
    if (this.last !== undefined) url.searchParams.set("after", this.last);
    this.socket = new WebSocket(url);
    this.socket.binaryType = "arraybuffer";
    this.socket.onmessage = ({ data }) => (typeof data === "string" ? this.text(JSON.parse(data)) : this.binary(data));
    this.socket.onclose = ({ code }) => this.closed(code);
  }

  connectNow() {
    if (this.timer) {
      clearTimeout(this.timer);
      this.timer = null;
      this.connect();
    }
  }

  text(message) {
    if (message.type === "hello") {
      this.pause = 500;
      if (this.last === undefined) this.last = 0;
      if (this.lostAt) { this.lostAt = null; this.on.found?.(); }
      this.on.ready?.();
    } else if (message.type === "event") {
      this.last = message.seq;
      this.on.event?.(message);
      if (message.seq - this.acknowledged >= ACK_EVERY) this.acknowledge();
    } else if (message.type === "end") {
      this.ended = true;
      this.on.end?.(message);
    }
  }

  acknowledge() {
    if (this.last > this.acknowledged && this.socket.readyState === WebSocket.OPEN) {
      this.acknowledged = this.last;
      this.socket.send(JSON.stringify({ type: "ack", seq: this.last }));
    }
  }

  binary(data) {
    const view = new DataView(data);
    if (data.byteLength < 24 || view.getUint32(0) !== 0x42485056) return;
    const frame = Number(view.getBigUint64(8));
    const done = () => {
      if (this.socket.readyState === WebSocket.OPEN) this.socket.send(JSON.stringify({ type: "ack", preview: frame }));
    };
    const jpeg = new Blob([new Uint8Array(data, 24)], { type: "image/jpeg" });
    Promise.resolve(this.on.preview?.({ frame, seconds: view.getFloat64(16), jpeg })).finally(done);
  }

  closed(code) {
    if (this.ended || FINAL.has(code)) {
      if (!this.ended && WORDS[code]) this.on.lost?.(null, WORDS[code]);
      return;
    }
    this.lostAt ??= Date.now();
    this.acknowledged = this.last ?? 0;
    this.on.lost?.(this.lostAt, "");
    this.timer = setTimeout(() => this.connectNow(), this.pause);
    this.pause = Math.min(this.pause * 1.7, LONGEST_PAUSE);
  }
}
