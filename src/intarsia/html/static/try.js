// Choosing images, sending them one after the other, and showing what comes back.

import { Viewer, decodePixels, loadImage } from "./viewer.js";

const settings = JSON.parse(document.getElementById("settings").textContent);
const results = document.getElementById("results");
const status = document.getElementById("status");
const runChoice = document.getElementById("run");
const RETRIES = 6;
const POLL = 1000; // milliseconds between two looks at a job

let chain = Promise.resolve(); // one image at a time: the server has others to serve

// ---- choosing

for (const id of ["files", "camera"]) {
  const input = document.getElementById(id);
  input.addEventListener("change", () => {
    add(input.files);
    input.value = ""; // the same file may be chosen again
  });
}
const drop = document.getElementById("drop");
for (const kind of ["dragenter", "dragover"]) {
  document.addEventListener(kind, (event) => {
    event.preventDefault();
    drop.classList.add("over");
  });
}
for (const kind of ["dragleave", "drop"]) {
  document.addEventListener(kind, (event) => {
    event.preventDefault();
    if (kind === "drop" || event.relatedTarget === null) drop.classList.remove("over");
  });
}
document.addEventListener("drop", (event) => add(event.dataTransfer.files));
document.addEventListener("paste", (event) => add(event.clipboardData.files));

const wanted = new URLSearchParams(location.search).get("run");
if (runChoice && wanted && [...runChoice.options].some((option) => option.value === wanted)) {
  runChoice.value = wanted;
} else if (wanted && wanted !== settings.name) {
  document.getElementById("drop").before(
    cell("p", `No run to predict with is called ${wanted}: ${settings.name} predicts.`,
      "callout warn"));
}
runChoice?.addEventListener("change", introduce);
if (runChoice?.value) introduce();

// What the model chosen knows and takes. An answer that comes after another choice is let go.
async function introduce() {
  const run = runChoice.value;
  document.getElementById("model-name").textContent = run || settings.name;
  let model = settings;
  if (run) {
    const answer = await fetch(`/v1/model?${new URLSearchParams({ run })}`).catch(() => null);
    if (!answer?.ok || runChoice.value !== run) return;
    model = await answer.json();
  }
  document.getElementById("class-count").textContent = model.classes.length;
  document.getElementById("accepts").textContent = model.accepts.join(", ");
  document.getElementById("knows").replaceChildren(...model.classes.map((label) => {
    const item = document.createElement("li");
    item.append(colored(label.color), label.name);
    return item;
  }));
}

function add(files) {
  // the latest choice on top, in the order in which its files were chosen
  const items = [...files].map((file) => new Item(file, runChoice?.value ?? ""));
  results.prepend(...items.map((item) => item.root));
  for (const item of items) chain = chain.then(() => item.run());
}

// ---- one image

class Item {
  constructor(file, run) {
    this.file = file;
    this.model = run;
    this.name = file.name || "pasted image";
    this.removed = false;
    const copy = document.getElementById("item").content.cloneNode(true);
    this.root = copy.querySelector("article");
    this.find(".name").textContent = this.name;
    this.find(".remove").setAttribute("aria-label", `Remove ${this.name}`);
    this.find(".remove").addEventListener("click", () => this.remove());
    this.state("waiting");
    this.link = URL.createObjectURL(file);
    this.find(".preview").src = this.link;
    this.find(".preview").addEventListener("error", (event) => { event.target.hidden = true; });
  }

  find(selector) {
    return this.root.querySelector(selector);
  }

  state(text, doing = "") {
    this.find(".state").textContent = text;
    this.find(".doing").textContent = doing;
    status.textContent = `${this.name}: ${text}`;
  }

  remove() {
    this.removed = true;
    this.request?.abort();
    URL.revokeObjectURL(this.link);
    this.root.remove();
    document.getElementById("files").focus();
  }

  async run() {
    if (this.removed) return;
    try {
      if (this.file.size === 0) throw new Problem("the file is empty (0 bytes)");
      if (this.file.size > settings.job_body) {
        throw new Problem(`the file has ${megabytes(this.file.size)} MB`,
          `at most ${megabytes(settings.job_body)} MB`, "send a smaller image");
      }
      const found = this.file.size > settings.max_body ? await this.job() : await this.direct();
      if (this.removed) return;
      await this.show(found);
    } catch (error) {
      if (!this.removed) this.fail(error);
    }
  }

  async direct() {
    const query = new URLSearchParams({ include: "mask,overlay,pixels" });
    if (this.model) query.set("run", this.model);
    for (let attempt = 0; ; attempt++) {
      const answer = await this.send(`/v1/predict?${query}`);
      if (answer.status === 200) return answer.content;
      const { reason } = answer.content;
      if (answer.status === 413 && reason === "too-many-pixels") return this.job(answer.content);
      if (answer.status !== 503 || attempt === RETRIES) throw problem(answer.content);
      await this.pause(answer.retry);
    }
  }

  async job(refusal = null) {
    const query = this.model ? `?${new URLSearchParams({ run: this.model })}` : "";
    let answer;
    for (let attempt = 0; ; attempt++) {
      answer = await this.send(`/v1/jobs${query}`);
      if (answer.status === 202) break;
      // too large for a job as well: the first refusal names the limit of the direct way
      if (answer.status !== 503 || attempt === RETRIES) throw problem(answer.content ?? refusal);
      await this.pause(answer.retry);
    }
    const place = `/v1/jobs/${answer.content.id}`;
    try {
      for (;;) {
        const now = await (await get(place)).json();
        if (this.removed) throw new Problem("removed");
        if (now.state === "done") break;
        if (now.state === "failed") throw problem(now.error);
        if (!now.state) throw problem(now);
        this.find("progress").value = now.progress;
        this.state(now.state, "a large image: the mask is made piece by piece");
        await sleep(POLL);
      }
      const found = await (await get(`${place}/result`)).json();
      // what is a job for its bytes or its shape alone is looked at like any other
      if (isLarge(found)) found.pixels = null;
      for (const part of ["mask", "overlay", "pixels"]) {
        if (found[part]) found[part] = URL.createObjectURL(await (await get(found[part])).blob());
      }
      return { ...found, confidence_map: null };
    } finally {
      // its place is for the next one
      fetch(place, { method: "DELETE" }).catch(() => { /* it is forgotten within the hour */ });
    }
  }

  async pause(seconds) {
    for (let left = seconds; left > 0 && !this.removed; left--) {
      this.state("waiting", `the server is busy, again in ${left} s`);
      await sleep(1000);
    }
    if (this.removed) throw new Problem("removed");
  }

  send(place) {
    const body = new FormData();
    body.append("image", this.file, "image");
    const bar = this.find("progress");
    return new Promise((resolve, reject) => {
      const request = new XMLHttpRequest(); // fetch cannot tell how much it has sent
      this.request = request;
      request.upload.onprogress = (event) => {
        if (event.lengthComputable) bar.value = event.loaded / event.total;
        this.state("sending");
      };
      request.upload.onload = () => {
        bar.removeAttribute("value");
        this.state("predicting", "waiting for the mask");
      };
      request.onload = () => {
        let content = null;
        try { content = JSON.parse(request.responseText); } catch { /* not one of our answers */ }
        const retry = Math.min(30, Number(request.getResponseHeader("Retry-After")) || 1);
        resolve({ status: request.status, content, retry });
      };
      request.onerror = () => reject(new Problem("the server cannot be reached", "",
        "is it still running?"));
      request.onabort = () => reject(new Problem("removed"));
      request.open("POST", place);
      request.setRequestHeader("Accept", "application/json");
      request.send(body);
    });
  }

  fail(error) {
    this.state("failed");
    this.find(".state").classList.add("warn");
    this.find(".sending").hidden = true;
    const box = this.find(".problem");
    const what = document.createElement("strong");
    what.textContent = error.message;
    box.replaceChildren(what);
    for (const [label, text] of [["expected", error.expected], ["do", error.hint]]) {
      if (text) {
        const line = document.createElement("span");
        line.textContent = `${label}: ${text}`;
        box.append(line, document.createElement("br"));
      }
    }
    box.hidden = false;
  }

  async show(found) {
    const size = this.find(".size");
    size.textContent = `${found.width} × ${found.height}`;
    size.hidden = false;
    const classes = found.measurements.map((row) => (
      { id: row.id, name: row.class, color: row.color }));
    const large = isLarge(found);
    let pixels = null, photo = null;
    if (!large) {
      pixels = await decodePixels(found.pixels);
      // a file that only the server can read is shown as the server shows it
      photo = await loadImage(this.link).catch(() => loadImage(found.overlay));
    }
    if (this.removed) return;
    this.find(".sending").hidden = true;
    const viewer = this.find(".viewer");
    viewer.hidden = false;
    if (large) {
      const picture = await loadImage(found.overlay);
      picture.alt = `The mask over ${this.name}, made smaller`;
      picture.className = "large";
      const why = cell("p", "Too large to look into here: this is the overlay.", "small muted");
      this.find(".seen").replaceChildren(picture, why);
    } else {
      this.viewer = new Viewer(viewer, classes, photo, pixels, this.name);
    }
    this.table(found, classes);
    this.downloads(found);
    const seconds = found.seconds?.inference ?? 0;
    this.state("done");
    this.find(".sum").textContent =
      `${found.model}: on average ${Math.round(100 * found.confidence)} % sure, ` +
      `predicted in ${seconds < 10 ? seconds.toFixed(2) : Math.round(seconds)} s`;
  }

  table(found, classes) {
    const body = this.find(".shares tbody");
    const rows = found.measurements.map((row, index) => ({ row, index }));
    rows.sort((a, b) => b.row.pixels - a.row.pixels || a.index - b.index);
    const boxes = [];
    for (const { row, index } of rows) {
      const line = document.createElement("tr");
      line.classList.toggle("none", row.pixels === 0);
      const label = document.createElement("label");
      const box = document.createElement("input");
      box.type = "checkbox";
      box.checked = true;
      box.disabled = !this.viewer || row.pixels === 0;
      box.addEventListener("change", () => {
        line.classList.toggle("off", !box.checked);
        this.viewer?.show(index, box.checked);
      });
      boxes.push(box);
      label.append(box, colored(classes[index].color), row.class);
      const name = cell("th", label);
      name.scope = "row";
      const share = cell("td", percent(row.share), "number");
      const bar = document.createElement("span");
      bar.className = "share-bar";
      bar.style.width = `${100 * row.share}%`;
      share.append(bar);
      line.append(name, share, cell("td", row.pixels ? String(row.regions) : "", "number"),
        cell("td", row.mean_confidence === null ? "" : percent(row.mean_confidence), "number"));
      body.append(line);
    }
    // over a photo the background is only in the way
    for (const [place, { row }] of rows.entries()) {
      if (/^_*background_*$/i.test(row.class) && !boxes[place].disabled) boxes[place].click();
    }
    const all = (on) => () => {
      for (const box of boxes) {
        if (!box.disabled && box.checked !== on) box.click();
      }
    };
    this.find(".all-on").addEventListener("click", all(true));
    this.find(".all-off").addEventListener("click", all(false));
    this.find(".all").hidden = !this.viewer;
  }

  downloads(found) {
    const stem = this.name.replace(/\.[^.]*$/, "") || "image";
    const cells = (row) => [this.name, row.class, row.pixels, row.share.toFixed(6), row.regions,
      row.mean_confidence === null ? "" : row.mean_confidence.toFixed(4)];
    const lines = [["image", "class", "pixels", "share", "regions", "mean_confidence"],
      ...found.measurements.map(cells)];
    const csv = lines.map((line) => line.map(quoted).join(",")).join("\r\n") + "\r\n";
    // pictures of a large image have links of this page alone
    const links = found.mask.startsWith("blob:") ? { mask: null, overlay: null } : {};
    const plain = { ...found, ...links, pixels: undefined };
    const offered = [
      ["Mask", `${stem}-mask.png`, found.mask],
      ["Overlay", `${stem}-overlay.jpg`, found.overlay],
      ["Measurements", `${stem}-measurements.csv`, blob(csv, "text/csv")],
      ["JSON", `${stem}.json`, blob(JSON.stringify(plain, null, 1), "application/json")],
    ];
    for (const [text, file, link] of offered) {
      const anchor = document.createElement("a");
      anchor.textContent = text;
      anchor.href = link;
      anchor.download = file;
      anchor.setAttribute("aria-label", `Download: ${text}, ${this.name}`);
      this.find(".downloads").append(anchor);
    }
  }
}

// ---- small things

class Problem extends Error {
  constructor(message, expected = "", hint = "") {
    super(message);
    this.expected = expected;
    this.hint = hint;
  }
}

function problem(content) {
  return new Problem(content?.detail ?? "the server gave no answer that can be read",
    content?.expected, content?.hint);
}

async function get(place) {
  try {
    return await fetch(place);
  } catch {
    throw new Problem("the server cannot be reached", "", "is it still running?");
  }
}

function cell(kind, content, className = "") {
  const element = document.createElement(kind);
  element.className = className;
  element.append(content);
  return element;
}

function colored(color) {
  const swatch = document.createElement("span");
  swatch.className = "swatch";
  swatch.style.background = `rgb(${color.join(" ")})`;
  return swatch;
}

function percent(share) {
  const value = 100 * share;
  if (value === 0) return "";
  if (value < 0.1) return "< 0.1 %";
  return value < 100 && value >= 99.95 ? "> 99.9 %" : `${value.toFixed(1)} %`;
}

function quoted(value) {
  const text = String(value);
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}

function blob(text, type) {
  return URL.createObjectURL(new Blob([text], { type }));
}

function isLarge(found) {
  return found.width * found.height > settings.max_pixels;
}

function megabytes(bytes) {
  return (bytes / 1e6).toFixed(1);
}

function sleep(milliseconds) {
  return new Promise((resolve) => setTimeout(resolve, milliseconds));
}
