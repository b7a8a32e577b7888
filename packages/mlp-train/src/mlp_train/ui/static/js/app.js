// The frame around the tabs: it asks what is open, shows the tabs that apply, and keeps settings in the address.

import * as api from "./api.js";
import { h } from "./dom.js";

const main = document.getElementById("main");
const tabList = document.querySelector(".tabs");
const notice = document.getElementById("notice");
const mounted = new Map(); // id of a tab -> { panel, hooks }
let info = null;
let tabs = [];
let active = null;
let generation = 0;

/** Say something to a person who listens to the page. */
function announce(text) {
  document.getElementById("said").textContent = text;
}

/** Show an error as the sentence that it is, until the next one or a click. */
function fail(error) {
  if (error.name === "AbortError" || error.status === 401 || error.status === 0) return; // told in their own way
  const close = h("button", { type: "button", class: "icon", "aria-label": "Close" }, "×");
  close.addEventListener("click", () => (notice.hidden = true));
  notice.replaceChildren(h("span", {}, error.message), close);
  notice.hidden = false;
}

/** Return the tab and the settings that the address asks for: "#draw?ink=white". */
function address() {
  const [id, query = ""] = location.hash.slice(1).split("?");
  return { id, query: new URLSearchParams(query) };
}

/** Return a tab's settings, which live in the address so that an experiment can be shared. */
function settingsOf(id) {
  let held = address().id === id ? address().query : new URLSearchParams();
  return {
    /** Return the settings, of the types that `defaults` have. */
    read(defaults) {
      if (address().id === id) held = address().query;
      return Object.fromEntries(
        Object.entries(defaults).map(([key, usual]) => {
          const said = held.get(key);
          if (said === null) return [key, usual];
          if (typeof usual === "number") return [key, Number.isFinite(Number(said)) ? Number(said) : usual];
          if (typeof usual === "boolean") return [key, said === "true"];
          return [key, said];
        }),
      );
    },
    /** Change some settings; null takes one out. */
    write(changes) {
      for (const [key, value] of Object.entries(changes)) value === null ? held.delete(key) : held.set(key, value);
      if (active === id) history.replaceState(null, "", this.link());
    },
    /** Return the end of the address that brings a person here. */
    link: () => (held.size ? `#${id}?${held}` : `#${id}`),
  };
}

function show(id) {
  const tab = tabs.find((one) => one.id === id) ?? tabs[0];
  if (!tab) return;
  if (active && active !== tab.id) mounted.get(active)?.hooks?.hide?.();
  active = tab.id;
  for (const button of tabList.children) {
    const chosen = button.dataset.id === tab.id;
    button.setAttribute("aria-selected", String(chosen));
    button.tabIndex = chosen ? 0 : -1;
    if (chosen && tabList.scrollWidth > tabList.clientWidth) button.scrollIntoView({ block: "nearest", inline: "center" });
  }
  if (!mounted.has(tab.id)) mount(tab);
  for (const [key, one] of mounted) one.panel.hidden = key !== tab.id;
  const { settings, hooks } = mounted.get(tab.id);
  if (address().id !== tab.id) history.replaceState(null, "", settings.link());
  document.title = `${tab.title} · ${info.name || "mlp-train"}`;
  hooks?.show?.();
}

function mount(tab) {
  const panel = h("section", { role: "tabpanel", id: `panel-${tab.id}`, "aria-labelledby": `tab-${tab.id}`, class: "panel" });
  main.append(panel);
  const settings = settingsOf(tab.id);
  const context = { info, api, settings, announce, fail, open: (id) => show(id), reload: start };
  mounted.set(tab.id, { panel, settings, hooks: null });
  try {
    mounted.get(tab.id).hooks = tab.mount(panel, context);
  } catch (error) {
    fail(error);
    throw error;
  }
}

function tabButton(tab) {
  const button = h(
    "button",
    {
      type: "button", role: "tab", id: `tab-${tab.id}`, "data-id": tab.id, "aria-controls": `panel-${tab.id}`,
      on: { click: () => show(tab.id) },
    },
    tab.title,
  );
  return button;
}

tabList.addEventListener("keydown", (event) => {
  const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
  if (!step) return;
  const all = [...tabList.children];
  const next = all[(all.indexOf(document.activeElement) + step + all.length) % all.length];
  next.focus();
  next.click();
  event.preventDefault();
});

async function start() {
  try {
    info = await api.get("/api/info");
  } catch (error) {
    if (error.status !== 401) locked(error.message);
    return;
  }
  const round = (generation += 1);
  const found = await Promise.all(info.tabs.map((name) => import(`./tabs/${name}.js`)));
  if (round !== generation) return; // something else was opened meanwhile
  for (const { hooks } of mounted.values()) hooks?.close?.();
  mounted.clear();
  active = null;
  await Promise.all(info.styles.map(style));
  tabs = found.map((module) => module.default).filter((tab) => tab.applies(info)).sort((a, b) => a.order - b.order);
  tabList.replaceChildren(...tabs.map(tabButton));
  main.replaceChildren();
  notice.hidden = true;
  document.getElementById("opened").textContent = info.name;
  if (tabs.length) show(address().id);
  else main.append(welcome());
}

/** Load a tab's own style sheet, once. */
function style(name) {
  if (document.querySelector(`link[data-style="${name}"]`)) return null;
  const link = h("link", { rel: "stylesheet", href: `css/${name}.css`, "data-style": name });
  const loaded = new Promise((done) => {
    link.addEventListener("load", done);
    link.addEventListener("error", done);
  });
  document.head.append(link);
  return loaded;
}

function welcome() {
  const file = h("input", { type: "file", accept: ".mlp", class: "unseen", id: "open-file" });
  file.addEventListener("change", () => file.files[0] && openModel(file.files[0]));
  return h(
    "section",
    { class: "card welcome" },
    h("h1", {}, "Nothing is open yet"),
    h("p", {}, "Drop a model file (.mlp) anywhere on this page, or choose one."),
    h("label", { class: "button primary", for: "open-file" }, "Choose a model file"),
    file,
  );
}

async function openModel(file) {
  try {
    await api.post(`/api/model?name=${encodeURIComponent(file.name)}`, file);
    await start();
    announce(`${file.name} is open`);
  } catch (error) {
    fail(error);
  }
}

function locked(sentence) {
  tabList.replaceChildren();
  mounted.clear();
  main.replaceChildren(
    h("section", { class: "card welcome" }, h("h1", {}, "This page is locked"), h("p", {}, `${sentence}.`)),
  );
}

// A model file may be dropped anywhere; a tab that takes other files stops the event before it comes here.
addEventListener("dragover", (event) => event.preventDefault());
addEventListener("drop", (event) => {
  event.preventDefault();
  const file = event.dataTransfer?.files[0];
  if (file?.name.endsWith(".mlp")) openModel(file);
  else if (file) fail(new Error(`${file.name}: this tab takes no such file; a model file (.mlp) can be dropped anywhere`));
});

document.addEventListener("serverchanged", (event) => locked(event.detail));
let waiting = false;
document.addEventListener("serverlost", async () => {
  if (waiting) return;
  waiting = true;
  notice.replaceChildren("The server has stopped. Start mlp-train ui again; this page looks for it by itself.");
  notice.hidden = false;
  for (let found = false; !found; ) {
    await new Promise((done) => setTimeout(done, 1500));
    found = await fetch("/icon.svg").then((answer) => answer.ok, () => false);
  }
  waiting = false;
  await start();
});

const themeButton = document.getElementById("theme");
const dark = matchMedia("(prefers-color-scheme: dark)");
function themeNow() {
  return document.documentElement.dataset.theme ?? (dark.matches ? "dark" : "light");
}
function themeChanged() {
  themeButton.textContent = themeNow() === "dark" ? "☀" : "☾";
  document.dispatchEvent(new CustomEvent("themechange"));
}
themeButton.addEventListener("click", () => {
  const next = themeNow() === "dark" ? "light" : "dark";
  document.documentElement.dataset.theme = next;
  try {
    localStorage.setItem("mlp-theme", next);
  } catch {
    // the choice holds for this visit then
  }
  themeChanged();
});
dark.addEventListener("change", themeChanged);
themeChanged();

api.takeToken();
addEventListener("hashchange", () => {
  if (location.hash.startsWith("#token=")) {
    api.takeToken();
    start();
  } else if (address().id !== active) show(address().id);
});
start();
