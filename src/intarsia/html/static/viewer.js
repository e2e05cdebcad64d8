// One image with its mask over it: opacity, before / after, classes on and off, doubt, a pointer
// that reads class and confidence. Nothing here talks to the server.

const STEP = 0.02; // of the longer side: how far an arrow key moves the pointer
const SMALL = 160; // pixels below which an image is shown as squares

export async function decodePixels(link) {
  // red + 256 * green is the class, blue the confidence
  const picture = await loadImage(link);
  const canvas = document.createElement("canvas");
  canvas.width = picture.naturalWidth;
  canvas.height = picture.naturalHeight;
  const pen = canvas.getContext("2d", { willReadFrequently: true });
  pen.drawImage(picture, 0, 0);
  const data = pen.getImageData(0, 0, canvas.width, canvas.height).data;
  const count = canvas.width * canvas.height;
  const ids = new Uint16Array(count), sure = new Uint8Array(count);
  for (let i = 0; i < count; i++) {
    ids[i] = data[4 * i] + 256 * data[4 * i + 1];
    sure[i] = data[4 * i + 2];
  }
  return { width: canvas.width, height: canvas.height, ids, sure };
}

export function loadImage(link) {
  return new Promise((resolve, reject) => {
    const picture = new Image();
    picture.onload = () => resolve(picture);
    picture.onerror = () => reject(new Error("this browser cannot show the file"));
    picture.src = link;
  });
}

export class Viewer {
  // root: the .viewer element; classes: [{id, name, color}]; photo: an image that is loaded
  constructor(root, classes, photo, pixels, name) {
    this.root = root;
    this.classes = classes;
    this.pixels = pixels;
    this.on = classes.map(() => true);
    this.at = [0.5, 0.5];
    const find = (selector) => root.querySelector(selector);
    this.stage = find(".stage");
    this.readout = find(".readout");
    this.canvases = ["photo", "classes", "doubt"].map((kind) => find(`canvas.${kind}`));
    this.line = find(".swipe-line");
    this.pointer = find(".pointer");
    this.unsure = find(".unsure");
    this.sureness = find(".sureness");
    this.opacity = find(".opacity");
    this.swipe = find(".swipe");
    const { width, height } = pixels;
    for (const canvas of this.canvases) {
      canvas.width = width;
      canvas.height = height;
    }
    this.stage.classList.toggle("small", Math.max(width, height) < SMALL);
    // as large as fits: as wide as the column, and never taller than most of the window
    this.stage.style.maxWidth = `calc(78vh * ${width / height})`;
    this.stage.setAttribute("aria-label",
      `${name} with its mask. Arrow keys move the pointer, Home goes to the middle.`);
    this.canvases[0].getContext("2d").drawImage(photo, 0, 0, width, height);
    this.opacity.addEventListener("input", () => this.arrange());
    this.swipe.addEventListener("input", () => this.arrange());
    this.unsure.addEventListener("change", () => this.mark());
    this.sureness.addEventListener("input", () => this.mark());
    this.stage.addEventListener("pointermove", (event) => this.follow(event));
    this.stage.addEventListener("pointerdown", (event) => this.follow(event, true));
    this.stage.addEventListener("keydown", (event) => this.move(event));
    this.paint();
    this.mark();
    this.arrange();
  }

  show(index, on) {
    this.on[index] = on;
    this.paint();
    this.mark();
  }

  paint() {
    const { width, height, ids } = this.pixels;
    const pen = this.canvases[1].getContext("2d");
    const picture = pen.createImageData(width, height);
    const words = new Uint32Array(picture.data.buffer);
    const table = new Uint32Array(65536);
    this.classes.forEach(({ id, color }, index) => {
      const [r, g, b] = color;
      // a canvas holds red first, whatever the order of bytes in a word
      const word = new Uint32Array(new Uint8Array([r, g, b, 255]).buffer)[0];
      table[id] = this.on[index] ? word : 0;
    });
    for (let i = 0; i < ids.length; i++) words[i] = table[ids[i]];
    pen.putImageData(picture, 0, 0);
  }

  mark() {
    const level = Number(this.sureness.value);
    this.root.querySelector(".level").textContent = level;
    this.root.querySelector(".threshold").hidden = !this.unsure.checked;
    const { width, height, ids, sure } = this.pixels;
    const pen = this.canvases[2].getContext("2d");
    pen.clearRect(0, 0, width, height);
    if (!this.unsure.checked) return;
    const picture = pen.createImageData(width, height);
    const words = new Uint32Array(picture.data.buffer);
    const light = new Uint32Array(new Uint8Array([255, 255, 255, 255]).buffer)[0];
    const dark = new Uint32Array(new Uint8Array([0, 0, 0, 255]).buffer)[0];
    const most = (255 * level) / 100, on = new Uint8Array(65536);
    this.classes.forEach(({ id }, index) => { on[id] = this.on[index]; });
    // hatched, light and dark, so that it shows on every colour; as wide on any size of image
    const band = Math.max(1, Math.round(Math.max(width, height) / 250));
    for (let y = 0, i = 0; y < height; y++) {
      for (let x = 0; x < width; x++, i++) {
        if (sure[i] < most && on[ids[i]]) {
          const stripe = Math.floor((x + y) / band) % 4;
          if (stripe === 0) words[i] = light;
          else if (stripe === 1) words[i] = dark;
        }
      }
    }
    pen.putImageData(picture, 0, 0);
  }

  arrange() {
    const share = Number(this.swipe.value);
    this.canvases[1].style.opacity = Number(this.opacity.value) / 100;
    for (const canvas of this.canvases.slice(1)) canvas.style.clipPath = `inset(0 0 0 ${share}%)`;
    this.line.style.left = `${share}%`;
    this.line.hidden = share === 0;
  }

  follow(event, pressed = false) {
    const box = this.stage.getBoundingClientRect();
    const x = (event.clientX - box.left) / box.width, y = (event.clientY - box.top) / box.height;
    if (pressed) this.stage.focus({ preventScroll: true });
    // dragging with the button held moves the line between before and after
    if (event.buttons === 1 && !pressed) {
      this.swipe.value = Math.round(100 * Math.min(1, Math.max(0, x)));
      this.arrange();
    }
    this.read(x, y);
  }

  move(event) {
    const { width, height } = this.pixels;
    const step = STEP * Math.max(width, height) * (event.shiftKey ? 4 : 1);
    const [dx, dy] = {
      ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1], Home: [0, 0],
    }[event.key] ?? [null, null];
    if (dx === null) return;
    event.preventDefault();
    const [x, y] = event.key === "Home" ? [0.5, 0.5] : this.at;
    this.read(x + (dx * step) / width, y + (dy * step) / height);
  }

  read(x, y) {
    const { width, height, ids, sure } = this.pixels;
    this.at = [x, y].map((value) => Math.min(1, Math.max(0, value)));
    this.pointer.style.left = `${100 * this.at[0]}%`;
    this.pointer.style.top = `${100 * this.at[1]}%`;
    const column = Math.min(width - 1, Math.floor(this.at[0] * width));
    const row = Math.min(height - 1, Math.floor(this.at[1] * height));
    const place = row * width + column;
    const found = this.classes.find(({ id }) => id === ids[place]);
    const swatch = document.createElement("span");
    swatch.className = "swatch";
    if (found) swatch.style.background = `rgb(${found.color.join(" ")})`;
    const percent = Math.round((100 * sure[place]) / 255);
    const text = `${found ? found.name : "?"}, ${percent} % sure, at ${column}, ${row}`;
    this.readout.replaceChildren(swatch, document.createTextNode(text));
  }
}
