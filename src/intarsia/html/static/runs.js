// The curves of each run, drawn here so that those of a training can grow while one looks.

const POLL = 3000; // milliseconds
const WIDTH = 460, HEIGHT = 190, LEFT = 44, BOTTOM = 24, TOP = 10, RIGHT = 10;
const SVG = "http://www.w3.org/2000/svg";
const COLORS = ["--first", "--second", "--run-3", "--run-4", "--run-5", "--run-6"];
const status = document.getElementById("status");

for (const card of document.querySelectorAll(".run:not([data-state=damaged])")) {
  const closed = card.matches("details") && card.dataset.state !== "training";
  if (closed) card.addEventListener("toggle", () => follow(card), { once: true });
  else follow(card);
}

async function follow(card) {
  for (;;) {
    let run;
    try {
      const answer = await fetch(`/v1/runs/${encodeURIComponent(card.dataset.run)}`);
      if (!answer.ok) return;
      run = await answer.json();
    } catch {
      await sleep(POLL); // the server may be back in a moment
      continue;
    }
    update(card, run);
    if (run.state !== "training") return;
    await sleep(POLL);
  }
}

function update(card, run) {
  const badge = card.querySelector(".state");
  if (badge.textContent !== run.state) status.textContent = `${run.name}: ${run.state}`;
  badge.textContent = run.state;
  badge.classList.toggle("live", run.state === "training");
  card.querySelector(".epochs").textContent = `${run.epochs} of ${run.of} epochs`;
  if (run.best !== null) {
    card.querySelector(".best").textContent = `best ${called(run.metric)} ${run.best.toFixed(3)}`;
  }
  const parts = Object.entries(run.series).filter(([, rows]) => rows.length);
  if (!parts.length) return;
  const many = parts.length > 1;
  const losses = parts.flatMap(([name, rows], place) => many
    ? [line(`${name}`, rows, "val_loss", COLORS[place % COLORS.length])]
    : [line("training", rows, "train_loss", "--first", true),
      line("validation", rows, "val_loss", "--second")]);
  const scores = parts.map(([name, rows], place) =>
    line(many ? name : "validation mIoU", rows, "val_miou",
      many ? COLORS[place % COLORS.length] : "--second"));
  const charts = [chart("Loss", losses), chart("mIoU", scores, true)].filter(Boolean);
  card.querySelector(".run-curves").replaceChildren(...charts);
}

function called(metric) {
  return metric === "miou" ? "mIoU" : metric.replaceAll("_", " ");
}

function line(name, rows, key, color, dashed = false) {
  const points = rows.filter((row) => row[key] !== null).map((row) => [row.epoch, row[key]]);
  return { name, points, color, dashed };
}

function chart(title, lines, fromZero = false) {
  lines = lines.filter(({ points }) => points.length);
  if (!lines.length) return null;
  const all = lines.flatMap(({ points }) => points);
  const first = Math.min(...all.map(([x]) => x)), last = Math.max(...all.map(([x]) => x));
  const marks = ticks(fromZero ? 0 : Math.min(...all.map(([, y]) => y)),
    Math.max(...all.map(([, y]) => y)));
  const low = marks[0], high = marks.at(-1);
  const x = (value) => LEFT + ((value - first) / Math.max(1, last - first)) * (WIDTH - LEFT - RIGHT);
  const y = (value) => TOP + ((high - value) / (high - low)) * (HEIGHT - TOP - BOTTOM);
  const svg = element("svg", { viewBox: `0 0 ${WIDTH} ${HEIGHT}`, role: "img" });
  const ends = lines.map(({ name, points }) => `${name} ${number(points.at(-1)[1])}`).join(", ");
  svg.setAttribute("aria-label", `${title} from epoch ${first} to ${last}, at the end: ${ends}`);
  for (const value of marks) {
    svg.append(element("line", { x1: LEFT, x2: WIDTH - RIGHT, y1: y(value), y2: y(value),
      stroke: "var(--grid)" }));
    svg.append(text(LEFT - 6, y(value) + 4, number(value), "end"));
  }
  svg.append(text(x(first), HEIGHT - 6, first, "start"));
  if (last > first) svg.append(text(x(last), HEIGHT - 6, `epoch ${last}`, "end"));
  for (const { points, color, dashed } of lines) {
    const path = points.map(([a, b], i) => `${i ? "L" : "M"}${x(a).toFixed(1)} ${y(b).toFixed(1)}`);
    svg.append(element("path", { d: path.join(""), fill: "none", stroke: `var(${color})`,
      "stroke-width": 2, "stroke-linejoin": "round", ...(dashed && { "stroke-dasharray": "5 3" }) }));
    const [a, b] = points.at(-1);
    svg.append(element("circle", { cx: x(a), cy: y(b), r: 3, fill: `var(${color})` }));
  }
  const figure = document.createElement("figure");
  const caption = document.createElement("figcaption");
  caption.append(document.createTextNode(title));
  for (const { name, color } of lines) {
    const key = document.createElement("span");
    key.className = "key";
    key.style.setProperty("--key", `var(${color})`);
    key.textContent = name;
    caption.append(key);
  }
  figure.append(caption, svg);
  return figure;
}

// round values that enclose both, some five of them
function ticks(low, high) {
  if (high - low < 1e-9) high = low + 1;
  const wish = (high - low) / 4, power = 10 ** Math.floor(Math.log10(wish));
  const step = [1, 2, 5, 10].map((factor) => factor * power).find((size) => size >= wish - 1e-12);
  const from = Math.floor(low / step + 1e-9), to = Math.ceil(high / step - 1e-9);
  return Array.from({ length: to - from + 1 }, (_, place) => (from + place) * step);
}

function text(x, y, content, anchor) {
  const found = element("text", { x, y, "text-anchor": anchor });
  found.textContent = content;
  return found;
}

function number(value) {
  return String(Number(value.toPrecision(3)));
}

function element(name, attributes) {
  const made = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  return made;
}

function sleep(milliseconds) {
  return new Promise((resolve) => setTimeout(resolve, milliseconds));
}
