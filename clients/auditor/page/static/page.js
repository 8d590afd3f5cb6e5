// Fetches what has changed every few seconds, and draws the charts. No other site is asked.
"use strict";

const EVERY_MS = 3000;
const live = document.getElementById("live");
const announce = document.getElementById("announce");
const offline = document.getElementById("offline");
let announced = said(live);

function said(root) {
  const part = root.querySelector("[data-announce]");
  return part ? part.dataset.announce : "";
}

function drawCharts(root) {
  if (typeof Plotly === "undefined") return;
  const style = getComputedStyle(document.documentElement);
  const color = (name) => style.getPropertyValue(name).trim();
  for (const box of root.querySelectorAll(".chart")) {
    const { data, layout } = JSON.parse(box.dataset.figure);
    data.forEach((line, index) => {
      const own = color(`--line-${index % 6}`);
      line.line.color = own;
      line.marker.color = own;
    });
    const axis = { gridcolor: color("--rule"), linecolor: color("--soft"), zerolinecolor: color("--soft") };
    layout.paper_bgcolor = layout.plot_bgcolor = color("--ground");
    layout.font = { color: color("--ink"), family: getComputedStyle(document.body).fontFamily };
    Object.assign(layout.xaxis, axis);
    Object.assign(layout.yaxis, axis);
    layout.shapes.forEach((shape) => { shape.line.color = color("--untrue"); });
    layout.annotations.forEach((note) => { note.font = { color: color("--untrue") }; });
    Plotly.react(box, data, layout, { displayModeBar: false, responsive: true });
  }
}

// Replaces only the parts that differ, so that focus, scrolling and open details stay.
function replaceParts(text) {
  const fresh = document.createElement("div");
  fresh.innerHTML = text;
  const parts = [...fresh.querySelectorAll("[data-part]")];
  const known = new Map([...live.querySelectorAll("[data-part]")].map((part) => [part.dataset.part, part]));
  let before = null;
  for (const part of parts) {
    const old = known.get(part.dataset.part);
    known.delete(part.dataset.part);
    stamp(part);
    if (old && old.dataset.stamp === part.dataset.stamp) {
      before = old;
      continue;
    }
    if (old) keep(old, part);
    else if (before) before.after(part);
    else live.prepend(part);
    before = part;
    drawCharts(part);
  }
  for (const gone of known.values()) gone.remove();
}

function keep(old, part) {
  for (const details of old.querySelectorAll("details[open]")) {
    const same = part.querySelector(`#${details.id}`);
    if (same) same.open = true;
  }
  const focus = old.contains(document.activeElement) ? document.activeElement : null;
  const at = focus ? [...old.querySelectorAll("a, summary, [tabindex]")].indexOf(focus) : -1;
  if (typeof Plotly !== "undefined") old.querySelectorAll(".chart").forEach((box) => Plotly.purge(box));
  const scrolls = [...old.querySelectorAll(".scroll")].map((box) => box.scrollLeft);
  old.replaceWith(part);
  part.querySelectorAll(".scroll").forEach((box, index) => { box.scrollLeft = scrolls[index] || 0; });
  const next = at < 0 ? null : part.querySelectorAll("a, summary, [tabindex]")[at];
  if (next) next.focus({ preventScroll: true });
}

// Remembers what the server sent; drawn charts look different from it.
function stamp(part) {
  const text = part.outerHTML;
  let value = 5381;
  for (let index = 0; index < text.length; index += 1) value = (value * 33 + text.charCodeAt(index)) | 0;
  part.dataset.stamp = `${text.length}:${value}`;
}

async function refresh() {
  if (document.hidden) return;
  try {
    const answer = await fetch(live.dataset.source, { cache: "no-store", credentials: "same-origin" });
    if (answer.status === 401) {
      location.reload();
      return;
    }
    if (!answer.ok) throw new Error(String(answer.status));
    replaceParts(await answer.text());
    offline.hidden = true;
    const news = said(live);
    if (news !== announced) announce.textContent = news;
    announced = news;
  } catch {
    offline.hidden = false;
  }
}

async function run() {
  await refresh();
  setTimeout(run, EVERY_MS);
}

live.querySelectorAll("[data-part]").forEach(stamp);
drawCharts(live);
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => drawCharts(live));
document.addEventListener("visibilitychange", refresh);
setTimeout(run, EVERY_MS);
