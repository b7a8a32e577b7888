// Train live: choose data and settings, press play, and watch the network learn; every open page sees the same training.

import { h, percent, s, short } from "../dom.js";
import { explain, heading } from "../explain.js";
import { fromLink, remember, remembered, same } from "../live-experiment.js";
import { hintsView } from "../live-hints.js";
import { planeView } from "../live-plane.js";
import { beginning, settingsPanel } from "../live-settings.js";
import { curvesView, picturesView } from "../live-views.js";

const PICTURE_MS = 450; // pictures are asked for no more often
const CHART_MS = 200;
const LOOK_AGAIN_MS = 1500; // after the stream has ended
const WORDS = { none: "", loading: "loading the data …", pause: "paused", play: "training", batch: "one batch …", epoch: "one epoch …", finished: "finished", failed: "it stopped" };

export default { id: "train", title: "Train live", order: 20, applies: () => true, mount };

function mount(panel, context) {
  panel.append(h("p", { class: "waiting" }, "One moment …"));
  const stop = new AbortController();
  let hooks = {};
  context.api.get("/api/live", stop.signal).then((choices) => (hooks = trainTab(panel, context, choices, stop)), context.fail);
  return { show: () => hooks.show?.(), hide: () => hooks.hide?.(), close: () => (stop.abort(), hooks.close?.()) };
}

function trainTab(panel, { info, api, settings, announce, fail, reload, open }, choices, stop) {
  let state = choices.state;
  let scene = null;
  let rows = [];
  let viewing = null; // the epoch that one went back to; null: what is now
  let visible = true;
  let starting = 0; // requests to begin that are on their way
  let wanted = 0; // the round that this page asked for last
  let pictured = "";
  let lastPicture = 0;
  let lastChart = 0;
  let later = 0;

  const board = settingsPanel({ choices, changed, dropped });
  const curves = curvesView();
  const pictures = picturesView();
  const plane = planeView();
  const planeCard = h("section", { class: "card", hidden: true }, heading(2, "What it makes of the plane", {
    what: ["The large picture is the answer at every place: the stronger the colour, the surer. Each small one is what a neuron says there; the next layer mixes those.", "A neuron of the first layer can only draw a straight edge. What is round needs several."],
    formula: "a = f(W a_before + b), at every place (x, y)",
    now: () => (state.epoch ? `after ${state.epoch} epochs` : "the weights are still random"),
  }), plane.element);
  const hints = hintsView(applyHint);

  const play = h("button", { type: "button", class: "button primary play", on: { click: toggle } }, "Play");
  const stepBatch = button("One batch", "→", () => order("batch"));
  const stepEpoch = button("One epoch", "Shift →", () => order("epoch"));
  const reset = h("button", { type: "button", class: "button", on: { click: () => begin(board.experiment, false) } }, "Reset");
  const use = h("button", { type: "button", class: "button", disabled: true, on: { click: useModel } }, "Use this model");
  const word = h("span", { class: "live-word", role: "status" });
  const why = h("p", { class: "live-why" });
  const bar = h("span", { class: "live-progress", "aria-hidden": "true" }, h("span", {}));
  const numbers = Object.fromEntries(["Epoch", "Batch", "Training loss", "Held-out loss", "Held out", "Learning rate"].map((name) => [name, h("output", {}, "–")]));
  const back = h("input", { type: "range", min: 0, max: 0, value: 0, disabled: true, "aria-label": "Go back over the epochs", on: { input: lookBack } });
  const goBackWord = h("output", { class: "tip" }, "now");
  const backNow = h("button", { type: "button", class: "button quiet", hidden: true, on: { click: () => view(null) } }, "Back to now");

  panel.replaceChildren(
    h("h1", { class: "unseen" }, "Train live"),
    h(
      "section",
      { class: "card live-bar", "aria-label": "the training" },
      h("div", { class: "row transport" }, play, stepBatch, stepEpoch, reset, explain("Play and step", {
        what: ["Play trains until the last epoch, or until the held-out loss has not improved for long. One batch is one step: forward, loss, backward, update. One epoch shows every training row once. Reset begins again with new random weights from the same seed.", "Space plays and pauses, → steps one batch, Shift → one epoch, ← goes back."],
        now: () => `${WORDS[status()]}, epoch ${state.epoch}`,
      }), word, h("span", { class: "row right-end" }, use, explain("Use this model", {
        what: "Puts the network that you see on the workbench: Draw or Table then answers with it, and the other tabs look into it. After the end of training it is the best one, with calibrated probabilities.",
        now: () => (viewing === null ? `that of epoch ${state.best ?? state.epoch}` : `that of epoch ${viewing}`),
      }))),
      bar,
      h("dl", { class: "live-numbers" }, Object.entries(numbers).map(([name, output]) => h("div", {}, h("dt", {}, name), h("dd", {}, output)))),
      h("div", { class: "back" }, h("span", { class: "row" }, h("span", { class: "label" }, "Go back"), explain("Go back", {
        what: "Shows the network as it was after an earlier epoch: its weights, mistakes and plane. Training goes on meanwhile. Of long trainings some epochs are kept.",
        now: () => `${state.kept.length} moments are kept; you see ${viewing === null ? "the present" : `epoch ${viewing}`}`,
      })), back, goBackWord, backNow),
      why,
    ),
    h("div", { class: "live-columns" }, h("div", { class: "stack live-side" }, board.element, hints.element), h("div", { class: "stack live-main" }, planeCard, curves.element, pictures.element)),
  );

  function button(text, key, pressed) {
    return h("button", { type: "button", class: "button", title: `${text} (${key})`, on: { click: pressed } }, text);
  }

  /** Where the training stands; one that this page has asked for, but has not been told of yet, is still to come. */
  function status() {
    return starting > 0 || state.round < wanted ? "loading" : state.status;
  }

  // what a person does

  function changed(name, experiment) {
    remember(settings, choices, experiment);
    const runs = ["play", "pause", "batch", "epoch"].includes(status());
    if (name === "pace" && runs) return send("pace", experiment.pace);
    if (name === "lr" && runs && Number(experiment.options.lr) > 0) return send("lr", Number(experiment.options.lr));
    return begin(experiment, name !== "data" && state.status === "play");
  }

  async function begin(experiment, goOn) {
    remember(settings, choices, experiment);
    starting += 1;
    view(null);
    showState();
    try {
      wanted = Math.max(wanted, (await api.post("/api/live/start", { ...experiment, play: goOn })).round);
    } catch (error) {
      fail(error);
    } finally {
      starting -= 1;
    }
    showState();
  }

  function send(what, value = 0) {
    return api.post("/api/live/order", { what, value }).catch(fail);
  }

  function order(what) {
    view(null);
    if (starting > 0) return null; // it would be for the training before
    if (["finished", "failed"].includes(status())) return begin(board.experiment, what === "play");
    return send(what);
  }

  function toggle() {
    order(status() === "play" ? "pause" : "play");
  }

  async function dropped(file) {
    if (file.size > choices.limit) {
      fail(new Error(`${file.name} has ${file.size.toLocaleString("en")} bytes, but this page takes at most ${choices.limit.toLocaleString("en")}: train on it with mlp-train fit, which has no such limit`));
      return;
    }
    word.textContent = `taking ${file.name} …`;
    try {
      const taken = await api.post(`/api/live/upload?name=${encodeURIComponent(file.name)}`, file);
      choices.file = taken.name;
      const experiment = beginning(taken.data, choices);
      board.update(experiment);
      await begin(experiment, false);
    } catch (error) {
      fail(error);
      showState();
    }
  }

  async function useModel() {
    try {
      const opened = await api.post(`/api/live/use${viewing === null ? "" : `?epoch=${viewing}`}`);
      await reload();
      announce(`${opened.name} is on the workbench`);
      open(opened.model.kind === "image" ? "draw" : "table");
    } catch (error) {
      fail(error);
    }
  }

  function lookBack() {
    const at = Number(back.value);
    view(at >= state.kept.length - 1 ? null : state.kept[at]);
  }

  function view(epoch) {
    viewing = epoch;
    showBack();
    draw(true);
  }

  function onKey(event) {
    if (!visible || event.altKey || event.ctrlKey || event.metaKey || event.target.closest?.("input, select, textarea, button, summary, a, [popover], [role=tab]")) return;
    const kept = state.kept;
    const at = viewing === null ? kept.length - 1 : kept.indexOf(viewing);
    const does = {
      " ": toggle,
      ArrowRight: () => (viewing === null ? order(event.shiftKey ? "epoch" : "batch") : view(at + 1 >= kept.length - 1 ? null : kept[at + 1])),
      ArrowLeft: () => at > 0 && view(kept[at - 1]),
    }[event.key];
    if (!does) return;
    event.preventDefault();
    does();
  }

  // what the server tells

  function heard(name, value) {
    if (name === "scene") {
      scene = value;
      pictured = "";
      planeCard.hidden = !scene.plane;
      board.update(board.experiment, scene);
    } else if (name === "epochs") {
      rows = value.reset ? value.rows : rows.concat(value.rows);
    } else if (name === "state") {
      const before = state;
      state = value;
      if (before.round !== state.round) {
        viewing = null;
        delete panel.dataset.pictured;
      }
      if (starting === 0 && state.round >= wanted && state.data) adopt();
      showState();
      if (before.status !== state.status && state.status !== "play") announce(`${WORDS[state.status]}${state.sentence ? `: ${state.sentence}` : ""}`);
    }
    draw(false);
  }

  /** Show the settings that hold, which another page may have chosen. */
  function adopt() {
    const options = { ...state.options };
    if (state.lr !== null) options.lr = String(state.lr);
    const held = { data: state.data, options, pace: state.pace };
    if (same(held, board.experiment)) return;
    board.update(held);
    remember(settings, choices, held);
  }

  function showState() {
    const stands = status();
    const runs = stands === "play";
    const busy = stands === "loading" || stands === "none";
    play.replaceChildren(icon(runs ? "M2 1h4v12H2zM8 1h4v12H8z" : "M2 0.5 13 7 2 13.5z"), runs ? "Pause" : stands === "finished" ? "Again" : "Play");
    play.disabled = busy;
    stepBatch.disabled = stepEpoch.disabled = busy || runs || stands === "finished" || stands === "failed";
    use.disabled = !scene || busy;
    word.textContent = `${WORDS[stands]}${scene && !busy ? ` · ${scene.name}, ${scene.started.samples.toLocaleString("en")} rows, ${scene.started.parameters.toLocaleString("en")} weights` : ""}`;
    why.textContent = (stands === state.status && state.sentence) || ""; // not of the training before
    why.className = stands === "failed" ? "live-why failed" : "live-why tip";
    why.hidden = !why.textContent;
    const last = rows.at(-1);
    const epochs = scene?.started.epochs;
    const batches = scene?.started.batches ?? 1;
    numbers.Epoch.textContent = epochs ? `${state.epoch} of ${epochs}` : "–";
    numbers.Batch.textContent = scene ? `${state.batches} of ${batches}` : "–";
    numbers["Training loss"].textContent = short(state.progress?.loss ?? last?.loss);
    numbers["Held-out loss"].textContent = short(last?.valid_loss);
    const valid = last?.valid ?? {};
    numbers["Held out"].textContent = valid.accuracy === undefined ? (valid.r2 === undefined ? "–" : `R² ${short(valid.r2)}`) : `${percent(valid.accuracy)} right`;
    numbers["Learning rate"].textContent = short(last?.lr ?? scene?.started.lr);
    bar.firstChild.style.transform = `scaleX(${epochs ? Math.min(1, (state.epoch + state.batches / batches) / epochs) : 0})`;
    hints.update(state.hints);
    showBack();
    panel.dataset.status = stands;
    panel.dataset.epoch = state.epoch;
    panel.dataset.batches = state.batches;
  }

  function showBack() {
    const last = Math.max(0, state.kept.length - 1);
    back.max = last;
    back.disabled = last === 0;
    back.value = viewing === null ? last : state.kept.indexOf(viewing);
    goBackWord.textContent = viewing === null ? "now" : `epoch ${viewing}`;
    back.setAttribute("aria-valuetext", goBackWord.textContent);
    backNow.hidden = viewing === null;
  }

  function applyHint(hint) {
    const options = { ...board.experiment.options, ...Object.fromEntries(Object.entries(hint.apply).map(([name, value]) => [name, [value].flat().join(",")])) };
    const experiment = { ...board.experiment, options };
    board.update(experiment);
    if (Object.keys(hint.apply).join() === "lr" && state.status === "play") return changed("lr", experiment);
    return begin(experiment, true);
  }

  // drawing, no more often than one can see

  function draw(now) {
    if (!visible || document.hidden) return;
    clearTimeout(later);
    const time = performance.now();
    if (now || time - lastChart >= CHART_MS || state.status !== "play") {
      lastChart = time;
      curves.update(rows, viewing);
    }
    const key = `${state.round} ${viewing ?? `${state.epoch} ${state.batches}`}`;
    if (scene && state.kept.length && key !== pictured && (now || time - lastPicture >= PICTURE_MS)) {
      lastPicture = time;
      pictured = key;
      ask(viewing);
    }
    if (key !== pictured || state.status === "play") later = setTimeout(() => draw(false), CHART_MS);
  }

  const ask = api.latestOnly(
    (epoch) => api.get(`/api/live/pictures${epoch === null ? "" : `?epoch=${epoch}`}`, stop.signal),
    (got, epoch) => {
      if (!got || got.round !== state.round || scene?.round !== state.round || epoch !== viewing) {
        pictured = "";
        return;
      }
      pictures.update(got, scene);
      if (got.plane && scene.plane) plane.update(got.plane, scene);
      panel.dataset.pictured = `${got.epoch}.${got.batches}`;
    },
    (error) => error.status !== 422 && fail(error), // another training has begun meanwhile
  );

  async function listen() {
    while (!stop.signal.aborted) {
      try {
        await api.stream("/api/live/events", heard, stop.signal);
      } catch (error) {
        if (error.name === "AbortError" || error.status === 401) return;
      }
      word.textContent = "the server is silent; looking for it again …";
      await new Promise((done) => setTimeout(done, LOOK_AGAIN_MS));
    }
  }

  const aborted = { signal: stop.signal };
  document.addEventListener("keydown", onKey, aborted);
  document.addEventListener("visibilitychange", () => draw(true), aborted);
  panel.addEventListener("dragover", (event) => (event.preventDefault(), panel.classList.add("dropping")), aborted);
  panel.addEventListener("dragleave", () => panel.classList.remove("dropping"), aborted);
  panel.addEventListener("drop", (event) => {
    panel.classList.remove("dropping");
    const file = event.dataTransfer?.files[0];
    if (!file || file.name.endsWith(".mlp")) return;
    event.preventDefault();
    event.stopPropagation();
    dropped(file);
  }, aborted);

  const said = fromLink(settings, choices) ?? (state.status === "none" ? remembered() : null);
  const goes = { data: state.data, options: { ...state.options, ...(state.lr === null ? {} : { lr: String(state.lr) }) }, pace: state.pace };
  if (said && !(state.status !== "none" && same(said, goes))) {
    board.update(said);
    begin(said, false);
  } else if (state.status === "none") {
    const first = beginning(choices.open ? "open" : choices.samples.includes(info.source) ? info.source : choices.samples[0], choices);
    board.update(first);
    begin(first, false);
  } else adopt();
  showState();
  listen();

  return {
    show() {
      visible = true;
      remember(settings, choices, board.experiment);
      draw(true);
    },
    hide() {
      visible = false;
    },
    close: () => clearTimeout(later),
  };
}

function icon(path) {
  return s("svg", { viewBox: "0 0 14 14", width: 14, height: 14, "aria-hidden": "true" }, s("path", { d: path, fill: "currentColor" }));
}
