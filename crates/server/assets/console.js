// Everything here is a convenience: every page works without it.
//
// Live refresh: elements with `data-live` and an id are taken from a fresh copy of the same page when the server
// says that something changed. While somebody selects rows, types or has something open in them, they stay as
// they are and a button offers the change.

const live = () => [...document.querySelectorAll("[data-live][id]")];
const announce = (text) => {
  const place = document.getElementById("announce");
  place.textContent = "";
  requestAnimationFrame(() => { place.textContent = text; });
};

// Times

const UNITS = [[86400, "d"], [3600, "h"], [60, "min"], [1, "s"]];

function ago(seconds) {
  if (seconds < 5) return "just now";
  const [length, unit] = UNITS.find(([length]) => seconds >= length);
  return `${Math.floor(seconds / length)} ${unit} ago`;
}

function refreshTimes(root = document) {
  for (const time of root.querySelectorAll("time.when")) {
    const at = Date.parse(time.dateTime.replace(/(\.\d{3})\d*/, "$1"));
    if (Number.isNaN(at)) continue;
    time.querySelector(".ago").textContent = ago((Date.now() - at) / 1000);
    time.title = `${time.dateTime} (${new Date(at).toLocaleString()} here)`;
  }
}

// Copying

function showCopyButtons(root = document) {
  if (!navigator.clipboard) return;
  for (const button of root.querySelectorAll("[data-copy][hidden]")) button.hidden = false;
}

async function copy(button) {
  try {
    await navigator.clipboard.writeText(button.dataset.copy);
    button.textContent = "Copied";
    announce("Copied");
  } catch {
    button.textContent = "Failed";
    announce("The browser refused to copy");
  }
  setTimeout(() => { button.textContent = "Copy"; }, 1500);
}

// What only works with this script is hidden until it runs.
function dress(root = document) {
  showCopyButtons(root);
  refreshTimes(root);
  const selectAll = root.querySelector(".select-all");
  if (selectAll) selectAll.hidden = false;
  const facets = root.querySelector("details.facets");
  if (facets && matchMedia("(max-width: 940px)").matches) facets.open = false;
  refreshSelection();
}

// Selection of rows

const boxes = () => [...document.querySelectorAll('#list input[name="id"]')];
const chosen = () => boxes().filter((box) => box.checked);

function refreshSelection() {
  const all = document.getElementById("select-all");
  if (!all) return;
  const [count, total] = [chosen().length, boxes().length];
  all.checked = total > 0 && count === total;
  all.indeterminate = count > 0 && count < total;
  document.getElementById("selected").textContent = count > 0 ? `${count} selected` : "Select all";
}

// Live refresh

const FILTERS_CHANGE_NOTHING = new Set(["counters", "total"]);

function isBusy(element) {
  if (FILTERS_CHANGE_NOTHING.has(element.id)) return element.contains(document.activeElement);
  return element.contains(document.activeElement)
    || element.querySelector("details[open], input:checked") !== null
    || (window.getSelection()?.toString() && element.contains(window.getSelection().anchorNode));
}

function rowsOf(root) {
  return new Map([...root.querySelectorAll("tr[data-row] a.open")].map((link) => [
    link.getAttribute("href"), link.closest("tr").querySelector(".number")?.textContent ?? "",
  ]));
}

function swap(element, fresh) {
  const before = rowsOf(element);
  element.replaceChildren(...fresh.childNodes);
  let changed = 0;
  for (const link of element.querySelectorAll("tr[data-row] a.open")) {
    const row = link.closest("tr");
    const number = row.querySelector(".number")?.textContent ?? "";
    if (before.get(link.getAttribute("href")) !== number) {
      row.classList.add("fresh");
      changed += 1;
    }
  }
  dress(element);
  return changed;
}

// The content as the server sent it, without what this script changes in it.
function essence(element) {
  const copy = element.cloneNode(true);
  for (const part of copy.querySelectorAll(".ago")) part.textContent = "";
  for (const part of copy.querySelectorAll("time.when")) part.removeAttribute("title");
  for (const part of copy.querySelectorAll("[data-copy]")) part.removeAttribute("hidden");
  for (const part of copy.querySelectorAll("details")) part.removeAttribute("open");
  for (const part of copy.querySelectorAll("tr[class]")) part.removeAttribute("class");
  return copy.innerHTML;
}

let waiting = null;

function apply(page, force) {
  let changed = 0;
  let postponed = false;
  for (const element of live()) {
    const fresh = page.getElementById(element.id);
    if (!fresh || essence(fresh) === essence(element)) continue;
    if (!force && isBusy(element)) {
      if (element.id !== "counters") postponed = true;
      continue;
    }
    changed += swap(element, document.adoptNode(fresh));
  }
  refreshTimes();
  refreshSelection();
  const button = document.getElementById("pending");
  if (button && button.hidden && postponed) announce("There is something new. It is shown when you ask for it.");
  if (button) button.hidden = !postponed;
  waiting = postponed ? page : null;
  if (changed > 0) announce(changed === 1 ? "1 row is new or changed" : `${changed} rows are new or changed`);
}

// With the first record an empty page becomes one with a list: then all of it is taken over.
function hasOtherParts(page) {
  const ids = (root) => [...root.querySelectorAll("#main [data-live][id]")].map((part) => part.id).sort().join();
  return ids(document) !== ids(page);
}

function swapMain(page) {
  const main = document.getElementById("main");
  main.replaceChildren(...document.adoptNode(page.getElementById("main")).childNodes);
  for (const row of main.querySelectorAll("tr[data-row]")) row.classList.add("fresh");
  dress(main);
  announce("The page has its first content");
}

async function refresh(force = false) {
  if (force && waiting) return apply(waiting, true);
  const answer = await fetch(location.href, { headers: { accept: "text/html" } });
  if (answer.redirected) { location.reload(); return; }
  if (!answer.ok) throw new Error(`the page answers ${answer.status}`);
  const page = new DOMParser().parseFromString(await answer.text(), "text/html");
  if (hasOtherParts(page)) {
    const main = document.getElementById("main");
    if (main.matches(":focus-within") && !force) return;
    swapMain(page);
  }
  apply(page, force);
}

function listen() {
  const path = document.body.dataset.stream;
  if (!path || live().length === 0) return;
  let timer = null;
  let running = false;
  let again = false;
  const soon = () => {
    if (timer || document.hidden) { again = true; return; }
    timer = setTimeout(async () => {
      timer = null;
      if (running) { again = true; return; }
      running = true;
      again = false;
      try { await refresh(); } catch { again = true; } finally { running = false; }
    }, 400);
  };
  const stream = new EventSource(path);
  for (const name of ["finding", "task", "resync"]) stream.addEventListener(name, soon);
  setInterval(() => { if (again && !timer && !running) soon(); }, 2000);
  document.addEventListener("visibilitychange", () => { if (!document.hidden && again) soon(); });
  window.addEventListener("pagehide", () => stream.close());
}

// Keyboard

const KEYS = "fargard-keys";
const keysAreOn = () => localStorage.getItem(KEYS) !== "off";
let leader = 0;

function rows() {
  return [...document.querySelectorAll("[data-row]")].map((row) => row.matches("summary") ? row : row.querySelector("a.open"));
}

function move(step) {
  const all = rows();
  const at = all.findIndex((row) => row === document.activeElement || row.closest("[data-row]") === document.activeElement.closest("[data-row]"));
  const next = all[Math.max(0, Math.min(all.length - 1, at < 0 ? 0 : at + step))];
  next?.focus();
  next?.scrollIntoView({ block: "nearest" });
}

function rowBox() {
  return document.activeElement.closest("tr[data-row]")?.querySelector('input[name="id"]');
}

function acknowledge() {
  const box = rowBox();
  if (box && chosen().length === 0) box.checked = true;
  const button = document.querySelector("[data-acknowledge]");
  if (!button || (document.getElementById("list") && chosen().length === 0)) return;
  button.click();
}

function search() {
  const field = document.querySelector("[data-search]");
  if (field) { field.focus(); field.select(); } else location.href = "/findings?state=open#search";
}

const COMMANDS = {
  "/": search,
  j: () => move(1),
  k: () => move(-1),
  o: () => document.activeElement.closest("[data-row]") && document.activeElement.click(),
  x: () => { rowBox()?.click(); },
  e: acknowledge,
  "?": () => document.getElementById("help").showModal(),
};

function onKey(event) {
  if (event.ctrlKey || event.metaKey || event.altKey || event.defaultPrevented) return;
  if (event.key === "Escape") {
    for (const menu of document.querySelectorAll("details.menu[open]")) {
      menu.open = false;
      menu.querySelector("summary").focus();
    }
    return;
  }
  if (!keysAreOn() || document.querySelector("dialog[open]")) return;
  if (event.target.matches('input:not([type="checkbox"]), textarea, select, [contenteditable]')) return;
  if (leader && Date.now() - leader < 1500) {
    leader = 0;
    const link = document.querySelector(`[data-go="${CSS.escape(event.key)}"]`);
    if (link) { event.preventDefault(); link.click(); }
    return;
  }
  if (event.key === "g") { leader = Date.now(); return; }
  const command = Object.hasOwn(COMMANDS, event.key) ? COMMANDS[event.key] : null;
  if (command) { event.preventDefault(); command(); }
}

// Start

document.addEventListener("keydown", onKey);
document.addEventListener("click", (event) => {
  const button = event.target.closest("[data-copy]");
  if (button) copy(button);
  if (event.target.closest("#pending")) refresh(true);
  for (const menu of document.querySelectorAll("details.menu[open]")) {
    if (!menu.contains(event.target)) menu.open = false;
  }
});
document.addEventListener("change", (event) => {
  if (event.target.id === "select-all") for (const box of boxes()) box.checked = event.target.checked;
  if (event.target.id === "keys-on") localStorage.setItem(KEYS, event.target.checked ? "on" : "off");
  if (event.target.matches('input[type="checkbox"]')) refreshSelection();
});
document.getElementById("keys-on").checked = keysAreOn();
const help = document.getElementById("help-button");
help.hidden = false;
help.addEventListener("click", COMMANDS["?"]);
dress();
if (location.hash === "#search") search();
setInterval(refreshTimes, 15000);
listen();
