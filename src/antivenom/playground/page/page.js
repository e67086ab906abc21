"use strict";
// The page keeps the board. For each board it requests the results from the server, which stores nothing about visitors.

const el = (id) => document.getElementById(id);
const canvas = el("board"), ctx = canvas.getContext("2d");
const MARGIN = 26, PLAYED = 15, FRAME_MS = 90, STILL_MS = 450;
const fresh = () => ({ data: "classification", model: "MLPClassifier", seed: null, points: [], calls: 0, defence: "none" });

let board = fresh(), target = null;  // target: the last point that the user aimed at
let scene = null, seen = null, refined = null;
let undo = [], aiming = false, cross = [0, 0], showCross = false;
let lastRequest = 0, still = 0, playing = false, scale = 1;  // still: the timer for the fine grid

// Requests ------------------------------------------------------------------------------------------------------------

async function request(path, more) {
  const response = await fetch("api/" + path, {
    method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify({ board, ...more }),
  });
  if (response.ok) return response;
  let problems = [response.status + " " + response.statusText];
  try { problems = (await response.json()).problems; } catch { /* there is only the status */ }
  const error = new Error(problems.join(" "));
  error.status = response.status;
  throw error;
}

async function update(began = performance.now()) {
  const number = ++lastRequest;
  document.body.dataset.asked = number;
  clearTimeout(still);
  if (el("status").classList.contains("bad")) { el("status").textContent = ""; el("status").classList.remove("bad"); }
  keep();
  try {
    const response = await (await request("board")).json();
    if (number !== lastRequest) return false;  // there is a newer request
    seen = response; refined = null;
    draw(); showNumbers();
    await new Promise((done) => requestAnimationFrame(() => setTimeout(done)));
    const took = Math.round(performance.now() - began);
    document.body.dataset.ms = took;
    document.body.dataset.shown = number;
    el("drawn").textContent = `Drawn in ${took} ms. Areas are measured on a grid of step ${response.grid}; a finer grid follows.`;
    still = setTimeout(() => refine(number), STILL_MS);
    return true;
  } catch (error) {
    if (number !== lastRequest) return false;
    if (error.status !== 503) { fail(error); return false; }
    await new Promise((done) => setTimeout(done, 300));  // the server is busy: repeat, unless there is a newer request
    return number === lastRequest && update(began);
  }
}

async function refine(number) {
  try {
    const response = await (await request("refined")).json();
    if (number !== lastRequest) return;
    refined = response;
    showNumbers();
    el("drawn").textContent = `Areas are measured on a grid of step ${response.grid}, colours are drawn on a grid of step ${seen.grid}.`;
    document.body.dataset.refined = number;
  } catch (error) {
    if (number !== lastRequest) return;
    if (error.status === 503) still = setTimeout(() => refine(number), 1000); else fail(error);
  }
}

function fail(error) {
  el("status").textContent = error.message;
  el("status").classList.add("bad");
}

async function newScene() {
  document.body.dataset.asked = "scene";
  try {
    scene = await (await request("scene")).json();
    document.body.dataset.ready = "yes";
  } catch (error) {
    if (scene === null && error.status === 400) {  // the address does not contain a valid board
      board = fresh();
      show();
      await newScene();
      el("status").textContent = `The address does not contain a valid board (${error.message}). This is a new board.`;
      return;
    }
    return fail(error);
  }
  return update();
}

// Changing the board --------------------------------------------------------------------------------------------------

function remember() {
  undo.push(JSON.stringify({ board, target }));
  if (undo.length > 200) undo.shift();
}

function change(what, began) {
  remember();
  Object.assign(board, what);
  return update(began);
}

function goTo(calls) {
  board.calls = Math.max(0, Math.min(scene ? scene.limits.calls : 100, calls));
  return update();
}

function place(x, y, began) {
  if (aiming) return takeAim(x, y);
  if (board.points.length >= scene.limits.points) return fail(new Error(`The board is full: it takes at most ${scene.limits.points} points.`));
  const label = Number(document.querySelector("input[name=label]:checked").value);
  const round = (value) => Math.max(scene.limits.low, Math.min(scene.limits.high, Math.round(value * 100) / 100));
  el("status").textContent = "";
  return change({ points: [...board.points, [round(x), round(y), label]] }, began);
}

function remove(index) {
  return change({ points: board.points.filter((_, place) => place !== index) });
}

function setAiming(on) {
  aiming = on;
  el("aim").setAttribute("aria-pressed", on);
  el("status").textContent = on ? "Choose the point whose predicted class should change: click it, or move the crosshair and press Enter." : "";
}

async function takeAim(x, y) {
  setAiming(false);
  el("status").textContent = "Searching for five points…";
  el("aim").disabled = true;
  const boardBefore = JSON.stringify(board);
  try {
    const result = await (await request("aim", { at: [x, y] })).json();
    el("aim").disabled = false;
    if (JSON.stringify(board) !== boardBefore) {
      el("status").textContent = "The board changed during the search. Please aim again.";
      return;
    }
    remember();
    target = [x, y];
    Object.assign(board, { points: result.points, calls: Math.max(board.calls, PLAYED) });
    await update();
    el("status").textContent = `Five points that aim at (${x.toFixed(2)}, ${y.toFixed(2)}). The search used copies of the model.`;
  } catch (error) { el("aim").disabled = false; fail(error); }
}

async function play() {
  if (playing) return setPlaying(false);
  setPlaying(true);
  const to = board.calls >= PLAYED ? (board.calls = 0, PLAYED) : PLAYED;
  for (let calls = board.calls; playing && calls <= to; calls++) {
    const began = performance.now();
    if (!(await goTo(calls))) break;
    await new Promise((done) => setTimeout(done, Math.max(0, FRAME_MS - (performance.now() - began))));
  }
  setPlaying(false);
}

function setPlaying(on) {
  playing = on;
  el("play").setAttribute("aria-pressed", on);
  el("play").textContent = on ? "❚❚ pause" : "▶ play";
}

// Numbers and texts ---------------------------------------------------------------------------------------------------

const percent = (share, digits = 2) => (100 * share).toFixed(digits) + " %";

function showNumbers() {
  const flipped = refined ? refined.flipped : seen.flipped, idle = !board.calls || !board.points.length;
  el("accuracy-before").textContent = percent(seen.accuracy[0], 1);
  el("accuracy-after").textContent = percent(seen.accuracy[1], 1);
  el("flipped-1").textContent = percent(flipped[0]);
  el("flipped-0").textContent = percent(flipped[1]);
  el("wrong").textContent = seen.wrong.length;
  el("control").textContent = idle ? "–" : refined ? percent(refined.control[0] + refined.control[1]) : "…";
  el("saved-row").hidden = el("dropped-row").hidden = board.defence === "none";
  if (seen.undefended) {
    const undefended = refined && refined.undefended ? refined.undefended : seen.undefended.flipped;
    el("undefended").textContent = percent(undefended[0] + undefended[1]);
    const dropped = seen.kept.filter((each) => !each).length;
    el("dropped").textContent = `${dropped} of ${seen.kept.length}, ${percent(seen.false_alarms, 0)}`;
  }
  const drop = seen.accuracy[0] - seen.accuracy[1], area = flipped[0] + flipped[1];
  el("note").textContent = idle ? "Place points, or choose the example, and press play."
    : drop <= 0.025 && area >= 0.02
      ? `${percent(area, 1)} of the area has changed its class, but accuracy hardly moves: few held-out points are in this area.`
      : `Accuracy ${drop > 0 ? "falls by " + (100 * drop).toFixed(1) + " points" : "does not fall"}. ${percent(area, 1)} of the area has changed its class.`;
  const slider = el("calls");
  slider.max = Math.max(30, board.calls);
  slider.value = board.calls;
  el("callsout").textContent = board.calls === 1 ? "1 call" : `${board.calls} calls`;
  const list = el("points");
  list.replaceChildren(...board.points.map(([x, y, label], index) => {
    const item = document.createElement("li"), text = document.createElement("span"), button = document.createElement("button");
    const score = seen.poison[index];
    text.textContent = `${x.toFixed(2)}, ${y.toFixed(2)}, label ${label}` +
      (score === undefined ? "" : seen.probable ? `: P(y = 1) = ${score.toFixed(3)}` : `: decision function ${score.toFixed(2)}`);
    if (seen.kept[index] === false) { text.className = "gone"; text.title = "The defence drops this point."; }
    button.textContent = "✕";
    button.setAttribute("aria-label", `Remove the point ${x}, ${y}`);
    button.addEventListener("click", () => remove(index));
    item.append(text, button);
    return item;
  }));
  el("undo").disabled = !undo.length;
  el("clear").disabled = !board.points.length;
}

// Drawing -------------------------------------------------------------------------------------------------------------

const PURPLE = [94, 60, 153], ORANGE = [230, 130, 40];
const toPixels = (x, y) => [MARGIN + ((x + 3) / 6) * scale, MARGIN + ((3 - y) / 6) * scale];
const toPlane = (px, py) => [((px - MARGIN) / scale) * 6 - 3, 3 - ((py - MARGIN) / scale) * 6];

function resize() {
  const size = canvas.clientWidth, ratio = window.devicePixelRatio || 1;
  canvas.width = canvas.height = Math.round(size * ratio);
  ctx.setTransform(ratio, 0, 0, ratio, 0, 0);
  scale = size - 2 * MARGIN;
  if (seen) draw();
}

function drawField(bytes, side) {
  const raw = atob(bytes), image = new ImageData(side, side);
  for (let row = 0; row < side; row++) for (let column = 0; column < side; column++) {
    const share = raw.charCodeAt((side - 1 - row) * side + column) / 255, at = 4 * (row * side + column);
    const colour = share > 0.5 ? PURPLE : ORANGE, strength = Math.abs(share - 0.5) * 1.3;
    for (let part = 0; part < 3; part++) image.data[at + part] = 255 + (colour[part] - 255) * strength;
    image.data[at + 3] = 255;
  }
  const small = document.createElement("canvas");
  small.width = small.height = side;
  small.getContext("2d").putImageData(image, 0, 0);
  const cell = scale / (side - 1);  // each value belongs to the middle of its cell
  ctx.save();
  ctx.beginPath(); ctx.rect(MARGIN, MARGIN, scale, scale); ctx.clip();
  ctx.imageSmoothingEnabled = true;
  ctx.drawImage(small, MARGIN - cell / 2, MARGIN - cell / 2, scale + cell, scale + cell);
  ctx.restore();
}

function drawLines(lines, colour, width, dash = []) {
  ctx.strokeStyle = colour; ctx.lineWidth = width; ctx.lineJoin = "round"; ctx.setLineDash(dash);
  for (const line of lines) {
    ctx.beginPath();
    line.forEach(([x, y], index) => { const at = toPixels(x, y); if (index) ctx.lineTo(...at); else ctx.moveTo(...at); });
    ctx.stroke();
  }
  ctx.setLineDash([]);
}

function dot(x, y, label) {
  const [px, py] = toPixels(x, y);
  ctx.beginPath(); ctx.arc(px, py, 4, 0, 7);
  ctx.fillStyle = label ? "#fff" : "#222"; ctx.fill();
  ctx.strokeStyle = "#222"; ctx.lineWidth = 1.2; ctx.stroke();
}

function star(x, y, label, kept) {
  const [px, py] = toPixels(x, y);
  ctx.beginPath();
  for (let corner = 0; corner < 10; corner++) {
    const angle = -Math.PI / 2 + (corner * Math.PI) / 5, radius = corner % 2 ? 4.2 : 10;
    ctx.lineTo(px + radius * Math.cos(angle), py + radius * Math.sin(angle));
  }
  ctx.closePath();
  ctx.fillStyle = label ? "#fff" : "#222"; ctx.fill();
  ctx.strokeStyle = label ? "#222" : "#fff"; ctx.lineWidth = 1.3; ctx.stroke();
  if (!kept) {
    ctx.strokeStyle = "#c00000"; ctx.lineWidth = 2.5; ctx.beginPath();
    ctx.moveTo(px - 9, py - 9); ctx.lineTo(px + 9, py + 9); ctx.moveTo(px + 9, py - 9); ctx.lineTo(px - 9, py + 9); ctx.stroke();
  }
}

function arrow(x, y) {
  const [px, py] = toPixels(x, y), side = x < 0 ? 1 : -1, up = y < 0 ? -1 : 1;
  const end = [px + 7 * side, py + 7 * up], from = [px + 38 * side, py + 38 * up];
  ctx.strokeStyle = ctx.fillStyle = "#d55e00"; ctx.lineWidth = 2.4;
  ctx.beginPath(); ctx.moveTo(...from); ctx.lineTo(...end); ctx.stroke();
  ctx.beginPath(); ctx.moveTo(...end); ctx.lineTo(end[0] + 11 * side, end[1] + 4 * up); ctx.lineTo(end[0] + 4 * side, end[1] + 11 * up);
  ctx.closePath(); ctx.fill();
}

function ring(x, y, colour, radius) {
  const [px, py] = toPixels(x, y);
  ctx.strokeStyle = colour; ctx.lineWidth = 2;
  ctx.beginPath(); ctx.arc(px, py, radius, 0, 7);
  ctx.moveTo(px - radius - 4, py); ctx.lineTo(px + radius + 4, py); ctx.moveTo(px, py - radius - 4); ctx.lineTo(px, py + radius + 4);
  ctx.stroke();
}

function draw() {
  ctx.fillStyle = "#fff"; ctx.fillRect(0, 0, canvas.width, canvas.height);
  const colours = el("field").value;
  if (colours) drawField(seen.fields[colours], seen.side);
  ctx.strokeStyle = "#bbb"; ctx.lineWidth = 1; ctx.strokeRect(MARGIN, MARGIN, scale, scale);
  ctx.fillStyle = "#555"; ctx.font = "12px system-ui, sans-serif"; ctx.textAlign = "center";
  for (let tick = -3; tick <= 3; tick++) {
    const [px, py] = toPixels(tick, tick);
    ctx.fillText(tick, px, MARGIN + scale + 16);
    ctx.fillText(tick, MARGIN - 13, py + 4);
  }
  ctx.save();
  ctx.beginPath(); ctx.rect(MARGIN, MARGIN, scale, scale); ctx.clip();
  scene.test.forEach(([x, y], index) => dot(x, y, scene.classes[index]));
  if (el("show-before").checked) drawLines(seen.lines.before, "#9a9a9a", 3);
  if (seen.undefended) drawLines(seen.undefended.lines, "#c00000", 2, [7, 6]);
  drawLines(seen.lines.after, "#000", 3);
  board.points.forEach(([x, y, label], index) => star(x, y, label, seen.kept[index] !== false));
  seen.wrong.forEach((row) => arrow(...scene.test[row]));
  if (target) ring(...target, "#0072b2", 9);
  if (showCross) ring(...cross, aiming ? "#0072b2" : "#009e73", 5);
  ctx.restore();
}

// Mouse and keyboard --------------------------------------------------------------------------------------------------

canvas.addEventListener("click", (event) => {
  const began = performance.now(), box = canvas.getBoundingClientRect();
  const [x, y] = toPlane(event.clientX - box.left - canvas.clientLeft, event.clientY - box.top - canvas.clientTop);
  if (!seen || Math.abs(x) > 3.05 || Math.abs(y) > 3.05) return;
  cross = [x, y]; showCross = false;
  place(x, y, began);
});

canvas.addEventListener("keydown", (event) => {
  const far = event.shiftKey ? 0.5 : 0.1;
  const moves = { ArrowLeft: [-far, 0], ArrowRight: [far, 0], ArrowUp: [0, far], ArrowDown: [0, -far] };
  if (!seen) return;
  if (event.key in moves) {
    cross = cross.map((value, axis) => Math.max(-3, Math.min(3, Math.round((value + moves[event.key][axis]) * 10) / 10)));
    showCross = true;
    el("status").textContent = `Crosshair at ${cross[0].toFixed(1)}, ${cross[1].toFixed(1)}`;
    draw();
  } else if (event.key === "Enter") {
    place(...cross, performance.now());
  } else if (event.key === "Delete" || event.key === "Backspace") {
    const away = board.points.map(([x, y]) => Math.hypot(x - cross[0], y - cross[1]));
    if (away.length) remove(away.indexOf(Math.min(...away)));
  } else if (event.key === "0" || event.key === "1") {
    document.querySelector(`input[name=label][value="${event.key}"]`).checked = true;
  } else return;
  event.preventDefault();
});

document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || /^(SELECT|INPUT)$/.test(event.target.tagName)) return;
  const keys = {
    p: play, ",": () => goTo(board.calls - 1), ".": () => goTo(board.calls + 1), Home: () => goTo(0),
    a: () => setAiming(!aiming), u: () => el("undo").click(), b: () => el("show-before").click(), Escape: () => setAiming(false),
  };
  const act = keys[event.key.length === 1 ? event.key.toLowerCase() : event.key];
  if (act && seen) { event.preventDefault(); act(); }
});

el("first").addEventListener("click", () => goTo(0));
el("back").addEventListener("click", () => goTo(board.calls - 1));
el("step").addEventListener("click", () => goTo(board.calls + 1));
el("play").addEventListener("click", play);
el("calls").addEventListener("input", (event) => goTo(Number(event.target.value)));
el("lesson").addEventListener("click", () => change({ points: scene.lesson }));
el("aim").addEventListener("click", () => setAiming(!aiming));
el("clear").addEventListener("click", () => { remember(); target = null; Object.assign(board, { points: [], calls: 0 }); update(); });
el("undo").addEventListener("click", () => {
  if (!undo.length) return;
  const last = JSON.parse(undo.pop()), before = last.board, other = before.data !== board.data || before.model !== board.model || before.seed !== board.seed;
  board = before;
  target = last.target;
  show();
  if (other) newScene(); else update();
});
for (const name of ["data", "model"]) el(name).addEventListener("change", (event) => {
  remember();
  target = null;
  board[name] = event.target.value;
  newScene();
});
el("seed").addEventListener("change", (event) => {
  if (!event.target.checkValidity()) return fail(new Error("The seed must be a whole number from 0 to 4294967295."));
  remember();
  target = null;
  board.seed = event.target.value === "" ? null : Number(event.target.value);
  newScene();
});
el("defence").addEventListener("change", (event) => change({ defence: event.target.value }));
el("show-before").addEventListener("change", () => seen && draw());
el("field").addEventListener("change", () => seen && draw());
el("spec").addEventListener("click", () => save("spec", "boundary.yaml"));
el("picture").addEventListener("click", () => save("picture", "boundary.png"));

async function save(path, name) {
  try {
    const link = document.createElement("a");
    link.href = URL.createObjectURL(await (await request(path)).blob());
    link.download = name;
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 10000);
    el("status").textContent = `Saved ${name}.`;
  } catch (error) { fail(error); }
}

// The board is stored in the address of the page, so that a reload shows the same board. -----------------------------

function keep() { history.replaceState(null, "", "#" + encodeURIComponent(JSON.stringify(board))); }

function show() {
  for (const name of ["data", "model", "defence"]) el(name).value = board[name];
  el("seed").value = board.seed === null ? "" : board.seed;
}

function recall() {
  if (location.hash.length < 2) return;
  try {
    const kept = JSON.parse(decodeURIComponent(location.hash.slice(1)));
    if (!Array.isArray(kept.points)) return;
    for (const name of Object.keys(board)) if (name in kept) board[name] = kept[name];
  } catch { board = fresh(); }
}

window.addEventListener("hashchange", () => { remember(); target = null; board = fresh(); recall(); show(); scene = null; newScene(); });

recall();
show();
resize();
new ResizeObserver(resize).observe(canvas);
newScene();
