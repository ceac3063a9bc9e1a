// The picture: a preview, or the film itself, with what the tracker says drawn on top.

const TRAIL = 40;
const MISSING_SECONDS = 0.2;
const FAR = 50; // frames that tracks and pictures may be apart

function colour(id) {
  return `hsl(${(Number(id) * 137.508) % 360} 85% 62%)`;
}

export class Stage {
  constructor({ canvas, film, tell }) {
    Object.assign(this, { canvas, film, tell });
    this.pen = canvas.getContext("2d");
    this.frames = [];
    this.index = -1;
    this.live = true;
    this.followed = null;
    this.overlay = { boxes: true, labels: true, trails: true };
    this.preview = this.coming = null;
    canvas.addEventListener("click", (event) => this.clicked(event));
  }

  add(data) {
    if (!Array.isArray(data.tracks)) return;
    this.frames.push(data);
    this.settle();
  }

  async setPreview({ frame, jpeg }) {
    let picture;
    try {
      picture = await createImageBitmap(jpeg);
    } catch {
      return; // not a picture after all: the next one may be
    }
    this.coming?.picture.close();
    this.coming = { frame, picture };
    this.settle();
  }

  /** While it is live: the newest picture, once the tracks of its own frame are here too. */
  settle() {
    if (!this.live) return;
    const newest = this.frames.at(-1);
    if (this.coming && (!newest || newest.frame >= this.coming.frame || this.coming.frame - newest.frame > FAR)) {
      this.preview?.picture.close();
      this.preview = this.coming;
      this.coming = null;
    }
    if (!this.preview || this.isLeftBehind()) this.show(this.frames.length - 1);
    else if (!this.showFrame(this.preview.frame)) this.later();
  }

  /** Whether the tracks have gone on without pictures. */
  isLeftBehind() {
    const newest = this.frames.at(-1);
    return Boolean(newest) && newest.frame - this.preview.frame > FAR;
  }

  show(index) {
    if (!this.frames.length) return;
    this.index = Math.max(0, Math.min(this.frames.length - 1, index));
    this.later();
  }

  /** The frame at that second of the film: the newest not after it. */
  showTime(seconds) {
    let low = 0, high = this.frames.length - 1;
    while (low < high) {
      const middle = (low + high + 1) >> 1;
      if (this.frames[middle].time <= seconds + 0.001) low = middle; else high = middle - 1;
    }
    this.show(low);
  }

  showFrame(number) {
    const index = this.frames.findLastIndex((data) => data.frame === number);
    if (index >= 0) this.show(index);
    return index >= 0;
  }

  later() {
    this.drawing ||= requestAnimationFrame(() => { this.drawing = null; this.draw(); });
  }

  draw() {
    const data = this.frames[this.index];
    const width = data?.width || this.preview?.picture.width || 640;
    const height = data?.height || this.preview?.picture.height || 360;
    if (this.canvas.width !== width) this.canvas.width = width;
    if (this.canvas.height !== height) this.canvas.height = height;
    const pen = this.pen;
    pen.clearRect(0, 0, width, height);
    const isOfPicture = data?.frame === this.preview?.frame;
    const shows = this.film.hidden && this.preview && (isOfPicture || !data || (this.live && !this.isLeftBehind()));
    this.canvas.dataset.picture = shows ? this.preview.frame : "";
    if (shows) pen.drawImage(this.preview.picture, 0, 0, width, height);
    if (!data || (shows && !isOfPicture)) return;
    pen.lineWidth = Math.max(2, width / 400);
    pen.font = `600 ${Math.max(12, width / 50)}px Inter, sans-serif`;
    if (this.overlay.trails) this.trails();
    for (const track of data.tracks) this.track(track);
    this.tell(data, this.index);
  }

  track(track) {
    const [x1, y1, x2, y2] = track.box ?? [0, 0, 0, 0];
    const pen = this.pen;
    pen.globalAlpha = this.followed === null || this.followed === track.id ? 1 : 0.25;
    pen.strokeStyle = pen.fillStyle = colour(track.id);
    if (this.overlay.boxes) pen.strokeRect(x1, y1, x2 - x1, y2 - y1);
    if (this.overlay.labels) {
      const words = `${track.id} ${String(track.label ?? "").slice(0, 24)}`.trim();
      const high = parseInt(pen.font.split(" ")[1], 10) * 1.35;
      const top = y1 > high ? y1 - high : y1;
      pen.fillRect(x1 - pen.lineWidth / 2, top, pen.measureText(words).width + 8, high);
      pen.fillStyle = "#0b1119";
      pen.textBaseline = "middle";
      pen.fillText(words, x1 + 4, top + high / 2);
    }
    pen.globalAlpha = 1;
  }

  trails() {
    const paths = new Map();
    for (const data of this.frames.slice(Math.max(0, this.index - TRAIL), this.index + 1)) {
      for (const { id, box } of data.tracks) {
        if (!box || (this.followed !== null && this.followed !== id)) continue;
        if (!paths.has(id)) paths.set(id, []);
        paths.get(id).push([(box[0] + box[2]) / 2, box[3]]);
      }
    }
    for (const [id, points] of paths) {
      this.pen.strokeStyle = colour(id);
      this.pen.globalAlpha = 0.6;
      this.pen.beginPath();
      points.forEach(([x, y], n) => (n ? this.pen.lineTo(x, y) : this.pen.moveTo(x, y)));
      this.pen.stroke();
    }
    this.pen.globalAlpha = 1;
  }

  clicked(event) {
    const rect = this.canvas.getBoundingClientRect();
    // The canvas keeps its shape within its box (object-fit: contain).
    const scale = Math.min(rect.width / this.canvas.width, rect.height / this.canvas.height);
    const x = (event.clientX - rect.left - (rect.width - this.canvas.width * scale) / 2) / scale;
    const y = (event.clientY - rect.top - (rect.height - this.canvas.height * scale) / 2) / scale;
    const hit = this.frames[this.index]?.tracks.find(({ box }) => box && x >= box[0] && x <= box[2] && y >= box[1] && y <= box[3]);
    this.follow(hit && hit.id !== this.followed ? hit.id : null);
  }

  follow(id) {
    this.followed = id;
    this.later();
  }

  /** Whether the film is at another frame than the one shown. */
  isApart(seconds) {
    return Math.abs((this.frames[this.index]?.time ?? 0) - seconds) > MISSING_SECONDS;
  }
}
