// Keeps a page live: states, progress, the learning curve and the log, from the server's WebSocket.
// The curve is drawn from the table below it, so what is seen and what is read aloud are the same numbers.
"use strict";

const main = document.querySelector("main");
const curve = document.querySelector("[data-curve]");
const HEIGHT = 260, LEFT = 52, RIGHT = 16, TOP = 14, BOTTOM = 34;
const LONGEST_PAUSE_MS = 30000, LOG_MS = 2000;

function svg(name, attributes, text) {
  const element = document.createElementNS("http://www.w3.org/2000/svg", name);
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
  if (text !== undefined) element.textContent = text;
  return element;
}

function ticks(low, high, about) {
  const raw = (high - low) / about, scale = 10 ** Math.floor(Math.log10(raw));
  const step = scale * [1, 2, 5, 10].find((factor) => factor * scale >= raw);
  const found = [];
  for (let at = Math.ceil(low / step) * step; at <= high + step / 1e6; at += step) found.push(at);
  return found;
}

function points() {
  return [...document.querySelectorAll("[data-points] tr")].map((row) => {
    const [round, steps, mean, low] = [...row.cells].map((cell) => Number(cell.textContent));
    return { round, steps, mean, low: Number.isFinite(low) ? low : mean };
  }).filter((point) => Number.isFinite(point.mean));
}

function draw() {
  const width = curve.clientWidth;
  const found = points(), budget = Number(curve.dataset.budget);
  const goal = curve.dataset.goal === undefined ? [] : [Number(curve.dataset.goal)];
  const values = [...found.flatMap((point) => [point.mean, point.low]), ...goal];
  if (!values.length) values.push(0, 1);
  let low = Math.min(...values), high = Math.max(...values);
  const room = (high - low || Math.abs(high) || 1) * 0.08;
  low = low >= 0 ? 0 : low - room;
  high += room;
  const x = (steps) => LEFT + (width - LEFT - RIGHT) * steps / budget;
  const y = (value) => HEIGHT - BOTTOM - (HEIGHT - TOP - BOTTOM) * (value - low) / (high - low);
  const last = found.at(-1);
  const said = last ? `${found.length} rounds; after ${last.steps} real steps the return is ${last.mean}` : "no round is finished yet";
  const sheet = svg("svg", { viewBox: `0 0 ${width} ${HEIGHT}`, role: "img", "aria-label": `Return against real steps: ${said}` });
  for (const at of ticks(low, high, 4)) {
    sheet.append(svg("line", { class: "grid", x1: LEFT, x2: width - RIGHT, y1: y(at), y2: y(at) }));
    sheet.append(svg("text", { x: LEFT - 8, y: y(at) + 4, "text-anchor": "end" }, String(+at.toPrecision(6))));
  }
  for (const at of ticks(0, budget, width / 150)) {
    sheet.append(svg("text", { x: x(at), y: HEIGHT - 12, "text-anchor": at < budget ? "middle" : "end" }, String(at)));
  }
  for (const value of goal) {
    sheet.append(svg("line", { class: "goal", x1: LEFT, x2: width - RIGHT, y1: y(value), y2: y(value) }));
    sheet.append(svg("text", { class: "goal-label", x: width - RIGHT, y: y(value) - 6, "text-anchor": "end" }, `solved at ${value}`));
  }
  const upper = found.map((point) => `${x(point.steps)},${y(point.mean)}`);
  const lower = found.map((point) => `${x(point.steps)},${y(point.low)}`).reverse();
  sheet.append(svg("polygon", { class: "band", points: [...upper, ...lower].join(" ") }));
  sheet.append(svg("polyline", { class: "line", points: upper.join(" ") }));
  for (const point of found) {
    const dot = svg("circle", { class: "dot", cx: x(point.steps), cy: y(point.mean), r: 4 });
    dot.append(svg("title", {}, `round ${point.round}: ${point.mean} after ${point.steps} real steps, at least ${point.low}`));
    sheet.append(dot);
  }
  curve.replaceChildren(sheet);
}

function addPoint(event) {
  const row = document.querySelector("[data-points]").insertRow();
  const head = document.createElement("th");
  head.scope = "row";
  head.textContent = event.round;
  row.append(head);
  const { mean, low, worst } = event.returns;
  for (const value of [event.real_steps, mean, low, worst]) row.insertCell().textContent = value;
  draw();
}

function hear(event) {
  const element = document.querySelector(`[data-job="${event.job}"]`);
  if (!element || ["done", "failed", "cancelled"].includes(event.state)) {
    location.reload();  // what is new, or came of it, the server tells better
    return;
  }
  const state = element.querySelector("[data-state]"), progress = element.querySelector("progress");
  if (event.state) {
    state.textContent = event.state;
    state.className = `state ${event.state}`;
    progress.hidden = event.state !== "running";
  }
  if (event.progress !== undefined) {
    progress.value = event.progress;
    const said = element.querySelector("[data-said]");
    if (said) said.textContent = `return ${event.returns.mean} after ${event.real_steps} real steps`;
    if (curve) addPoint(event);
  }
}

// A socket that is refused at the door closes without a code: the page itself says whether the session is over.
async function isSignedOut() {
  const answer = await fetch(location.href, { redirect: "manual" }).catch(() => null);
  return answer !== null && answer.type === "opaqueredirect";
}

function watch(after, pause) {
  const query = new URLSearchParams({ after, ...(main.dataset.watch && { job: main.dataset.watch }) });
  const socket = new WebSocket(`${location.origin.replace(/^http/, "ws")}/ws/page?${query}`);
  socket.onmessage = (message) => {
    const event = JSON.parse(message.data);
    after = event.id;
    pause = 500;
    hear(event);
  };
  socket.onclose = async (closed) => {
    if (closed.code === 1008 || await isSignedOut()) location.reload();
    else setTimeout(() => watch(after, Math.min(2 * pause, LONGEST_PAUSE_MS)), pause);
  };
}

async function followLog() {
  const log = document.querySelector("[data-log]");
  const answer = await fetch(`/jobs/${main.dataset.watch}/log`).catch(() => null);
  const text = answer && answer.ok ? await answer.text() : "";
  if (text && text !== log.textContent) {
    log.textContent = text;
    log.scrollTop = log.scrollHeight;
  }
  setTimeout(followLog, LOG_MS);
}

if (curve) new ResizeObserver(draw).observe(curve);
if (main.dataset.after !== undefined) watch(Number(main.dataset.after), 500);
if (main.dataset.watch) followLog();
