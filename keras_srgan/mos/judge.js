"use strict";
const DATA = __DATA__;
const PLACE = "keras-srgan judge " + DATA.page;
const find = (id) => document.getElementById(id);
const sources = {}, sizes = {};
for (const crop of DATA.crops) {
  sizes[crop.crop] = crop.size;
  for (const version of crop.versions) sources[version.id] = version.src;
}
const total = Object.keys(sources).length;
let state = restore() || { judge: "", order: newOrder(), ratings: {}, at: 0, side: false };
let items = list(state.order);

function shuffled(array) {
  const result = array.slice();
  for (let i = result.length - 1; i > 0; i--) {
    const j = Math.floor(Math.random() * (i + 1));
    [result[i], result[j]] = [result[j], result[i]];
  }
  return result;
}

// Crops in an order of the judge's own, and the versions of each. A reader sees every case once before any comes again.
function newOrder() {
  const crops = shuffled(DATA.crops).map((crop) => [crop.crop, shuffled(crop.versions.map((version) => version.id))]);
  if (!DATA.reading) return crops;
  return crops[0][1].flatMap((_, round) => crops.map(([crop, ids]) => [crop, [ids[round]]]));
}

function list(order) {
  return order.flatMap(([crop, ids], c) => ids.map((id, v) => ({ crop, id, c, v, ids })));
}

function restore() {
  try {
    const kept = JSON.parse(localStorage.getItem(PLACE));
    const known = list(kept.order).filter((item) => item.id in sources).length === total;
    return known && kept.ratings && kept.at >= 0 && kept.at <= total ? kept : null;
  } catch (error) {
    return null;
  }
}

let keeps = true;
function keep() {
  try {
    localStorage.setItem(PLACE, JSON.stringify(state));
  } catch (error) {
    keeps = false;
    find("note").textContent = "This browser keeps nothing: save the CSV before you close the page.";
  }
}

const rated = () => items.filter((item) => item.id in state.ratings).length;

function show() {
  const started = Boolean(state.judge), done = started && state.at === total;
  find("start").hidden = started;
  find("done").hidden = !done;
  find("rate").hidden = !started || done;
  if (!started || done) return;
  const item = items[state.at], count = rated();
  find("bar").max = total;
  find("bar").value = count;
  find("count").textContent = DATA.reading
    ? `${count} of ${total} read; image ${state.at + 1}`
    : `${count} of ${total} rated; detail ${item.c + 1} of ${state.order.length}, version ${item.v + 1} of ${item.ids.length}`;
  find("view").setAttribute("aria-pressed", state.side);
  find("pictures").classList.toggle("side", state.side);
  find("pictures").replaceChildren(...(state.side ? item.ids : [item.id]).map((id) => picture(item, id)));
  const current = find("pictures").querySelector(".current");
  if (current) current.scrollIntoView({ block: "nearest" });
  const mine = state.ratings[item.id];
  [...find("buttons").children].forEach((button, i) => button.setAttribute("aria-pressed", Boolean(mine) && mine[0] === i + 1));
  find("back").disabled = state.at === 0;
}

function picture(item, id) {
  const figure = document.createElement("figure"), image = document.createElement("img");
  const place = item.ids.indexOf(id);
  image.src = sources[id];
  image.alt = DATA.reading ? `Image ${item.c + 1}` : `Detail ${item.c + 1}, version ${place + 1}`;
  [image.width, image.height] = sizes[item.crop];
  figure.style.setProperty("--wide", image.width * Math.max(1, Math.floor(350 / image.width)) + "px");
  figure.append(image);
  if (state.side) {
    const button = document.createElement("button"), caption = document.createElement("figcaption");
    button.type = "button";
    button.append(image);
    button.addEventListener("click", () => go(state.at + place - item.v));
    caption.textContent = `version ${place + 1}: ` + (id in state.ratings ? `rated ${state.ratings[id][0]}` : "not rated");
    figure.append(button, caption);
    figure.classList.toggle("current", id === item.id);
  }
  return figure;
}

function go(at) {
  state.at = Math.max(0, Math.min(at, total));
  // Past the last one: what was left out, if anything.
  if (state.at === total && rated() < total) state.at = items.findIndex((item) => !(item.id in state.ratings));
  keep();
  show();
}

function rate(value) {
  const id = items[state.at].id, last = !(id in state.ratings) && rated() === total - 1;
  state.ratings[id] = [value, new Date().toISOString()];
  find("note").textContent = "";
  go(last ? total : state.at + 1);
}

function nextUnrated() {
  const open = (item) => !(item.id in state.ratings);
  const after = items.findIndex((item, i) => i > state.at && open(item));
  const any = after >= 0 ? after : items.findIndex(open);
  go(any >= 0 ? any : total);
}

function toggle() {
  if (DATA.reading) return;
  state.side = !state.side;
  keep();
  show();
}

function csv() {
  const quote = (cell) => '"' + String(cell).replace(/"/g, '""') + '"';
  const rows = items.filter((item) => item.id in state.ratings).map((item) => {
    const [value, time] = state.ratings[item.id];
    return [DATA.page, quote(state.judge), item.crop, item.id, value, time];
  });
  return [["page", "judge", "crop", "version", "rating", "time"], ...rows].map((row) => row.join(",") + "\r\n").join("");
}

function save() {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob([csv()], { type: "text/csv;charset=utf-8" }));
  link.download = `ratings-${state.judge.replace(/[^\p{L}\p{N}]+/gu, "-").replace(/^-|-$/g, "") || "judge"}.csv`;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 10000);
  find("note").textContent = `${link.download}: ${rated()} of ${total} ratings.`;
}

function another() {
  if (!confirm("Start from nothing as another judge? Have you saved the CSV?")) return;
  state = { judge: "", order: newOrder(), ratings: {}, at: 0, side: false };
  items = list(state.order);
  find("judge").value = find("note").textContent = "";
  keep();
  show();
}

DATA.words.forEach((word, i) => {
  const button = document.createElement("button"), digit = document.createElement("b"), label = document.createElement("span");
  button.type = "button";
  digit.textContent = i + 1;
  label.textContent = word;
  button.append(digit, " ", label);
  button.addEventListener("click", () => rate(i + 1));
  find("buttons").append(button);
});
find("view").hidden = DATA.reading;
find("rate").classList.toggle("reading", DATA.reading);
find("form").addEventListener("submit", (event) => {
  event.preventDefault();
  state.judge = find("judge").value.trim();
  document.activeElement.blur();
  go(0);
});
find("back").addEventListener("click", () => go(state.at - 1));
find("next").addEventListener("click", () => go(state.at + 1));
find("view").addEventListener("click", toggle);
find("again").addEventListener("click", () => go(0));
find("other").addEventListener("click", another);
document.querySelectorAll(".save").forEach((button) => button.addEventListener("click", save));
// A button clicked with a pointer must not take the next Enter.
document.addEventListener("click", (event) => {
  if (event.detail > 0 && document.activeElement && document.activeElement.tagName === "BUTTON") document.activeElement.blur();
});
document.addEventListener("keydown", (event) => {
  if (find("rate").hidden || event.ctrlKey || event.altKey || event.metaKey || event.repeat) return;
  if (event.key >= "1" && event.key <= "5" && event.key.length === 1) rate(Number(event.key));
  else if (event.key === "ArrowLeft") go(state.at - 1);
  else if (event.key === "ArrowRight") go(state.at + 1);
  else if (event.key === "Enter" && event.target.tagName !== "BUTTON") nextUnrated();
  else if (event.key === "s" || event.key === "S") toggle();
  else return;
  event.preventDefault();
});
window.addEventListener("beforeunload", (event) => {
  if (!keeps && rated()) event.preventDefault();
});
show();
