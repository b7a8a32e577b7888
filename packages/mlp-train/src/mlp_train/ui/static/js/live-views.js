// What one watches while a network learns: curves, gradients, weights, the confusion of classes, and the mistakes.

import { barList, confusionMatrix, heatMap, lineChart } from "./charts.js";
import { bytes, h, percent, s, short } from "./dom.js";
import { heading } from "./explain.js";
import { unpacked } from "./live-plane.js";

const MOST_POINTS = 300; // of a curve: more cannot be seen
const MOST_ROWS = 10; // with mistakes
const COLOURS = ["train", "valid", "c", "d", "e"];

/** The cards of the curves. update(rows, marker): rows of epochs as the server tells them. */
export function curvesView() {
  let rows = [];
  const last = () => rows.at(-1) ?? {};
  const loss = lineChart({ title: "Loss", x: "epoch", y: "loss", least: 0 });
  const figure = lineChart({ title: "Held-out figure", x: "epoch", y: "", format: short });
  const gradients = lineChart({ title: "Gradient of each layer", x: "epoch", y: "length", log: true, height: 180 });
  const steps = lineChart({ title: "Step of each layer", x: "epoch", y: "share of its weights", log: true, height: 180 });
  const dead = lineChart({ title: "Dead units", x: "epoch", y: "share", format: percent, height: 180, least: 0 });
  const figureCard = h("section", { class: "card" }, heading(2, "On rows it has not seen", {
    what: ["How good the answers are on the held-out rows, which training never learns from. Of classes, the share of right answers; of numbers, R²: 1 is perfect, 0 as good as always saying the mean."],
    formula: "accuracy = right answers / all;  R² = 1 − Σ(y − ŷ)² / Σ(y − mean)²",
    now: () => Object.entries(last().valid ?? {}).map(([name, value]) => `${name} ${short(value)}`).join(", ") || "nothing is held out",
  }), figure.element);
  const deadCard = h("section", { class: "card" }, heading(2, "Dead units", {
    what: ["The share of each hidden layer's units that answer 0 to every held-out row. No gradient reaches them, so nothing can wake them. Large steps with relu make them."],
    formula: "a = max(0, z) = 0 for all rows  ⇒  da/dz = 0",
    now: () => (last().dead_units ?? []).map((share, at) => `layer ${at + 1}: ${percent(share)}`).join(", ") || "no hidden layer",
  }), dead.element);
  const first = h(
    "div",
    { class: "columns" },
    h("section", { class: "card" }, heading(2, "Loss", {
      what: ["How wrong the network is; training makes it smaller. The training loss is the mean over the epoch, while the weights were changing; the held-out loss is that of rows it never learns from.", "Both fall: it learns. The held-out one rises while the other falls: it learns the training rows by heart."],
      formula: "cross-entropy = −mean(log p(right class));  of numbers: mean((y − ŷ)²) / 2",
      now: () => `training ${short(last().loss)}, held out ${short(last().valid_loss)}`,
    }), loss.element),
    figureCard,
  );
  const second = h(
    "div",
    { class: "columns thirds" },
    h("section", { class: "card" }, heading(2, "Gradients", {
      what: ["How long each layer's gradient was in the last batch of an epoch. A first layer whose gradient is a thousand times smaller than the last one's hardly learns; one that grows without end diverges."],
      formula: "|dL/dW_l|  (with its bias)",
      now: () => (last().gradient_norms ?? []).map((one, at) => `layer ${at + 1}: ${short(one)}`).join(", ") || "no epoch has ended yet",
    }), gradients.element),
    h("section", { class: "card" }, heading(2, "Steps", {
      what: ["How far the last step of an epoch moved each layer, as a share of its weights. About 0.001 is healthy; 0.1 is far too much, and 0.000001 next to nothing."],
      formula: "|W after − W before| / |W|",
      now: () => (last().update_ratios ?? []).map((one, at) => `layer ${at + 1}: ${short(one)}`).join(", ") || "no epoch has ended yet",
    }), steps.element),
    deadCard,
  );

  function layers(chart, name, marker) {
    const count = rows.reduce((most, row) => Math.max(most, row[name]?.length ?? 0), 0);
    const seen = thinned(rows);
    const series = Array.from({ length: Math.min(count, 5) }, (_, at) => ({ name: `layer ${at + 1}`, colour: COLOURS[at], points: points(seen, (row) => row[name]?.[at]) }));
    chart.update(series, marker);
    return count;
  }

  return {
    element: h("div", { class: "stack live-main" }, first, second),
    update(next, marker) {
      rows = next;
      const seen = thinned(rows);
      loss.update([{ name: "training", colour: "train", points: points(seen, (row) => row.loss) }, { name: "held out", colour: "valid", points: points(seen, (row) => row.valid_loss) }].filter((one) => one.points.length), marker);
      const key = ["accuracy", "r2", "f1"].find((name) => last().valid?.[name] !== undefined) ?? Object.keys(last().valid ?? {})[0];
      figureCard.hidden = key === undefined && rows.length > 0;
      figure.update([{ name: key ? { r2: "R²" }[key] ?? key : "accuracy", colour: "valid", points: points(seen, (row) => row.valid?.[key]) }], marker);
      layers(gradients, "gradient_norms", marker);
      layers(steps, "update_ratios", marker);
      deadCard.hidden = layers(dead, "dead_units", marker) === 0 && rows.length > 0;
    },
  };
}

function thinned(rows) {
  const every = Math.ceil(rows.length / MOST_POINTS);
  return every <= 1 ? rows : rows.filter((_, at) => at % every === 0 || at === rows.length - 1);
}

function points(rows, value) {
  return rows.map((row) => [row.epoch, value(row)]).filter(([, y]) => y !== undefined && y !== null);
}

/** The cards of the pictures. update(pictures, scene). */
export function picturesView() {
  let held = null;
  const weights = h("div", { class: "weight-images" });
  const weightsWord = h("p", { class: "tip" });
  const confusionPlace = h("div", {});
  const matrix = confusionMatrix({ caption: "truth against answer on the held-out rows" });
  const pairs = barList({ label: "the most frequent confusions" });
  const gallery = h("div", { class: "gallery" });
  const galleryWord = h("p", { class: "tip" });
  const confusionTitle = h("span", {}, "");
  const galleryCard = h("section", { class: "card" });
  const maps = []; // of images, one for each unit
  const tableMap = heatMap({ scale: "diverging", width: 62 });
  const shown = [];
  const element = h(
    "div",
    { class: "columns" },
    h("section", { class: "card wide" }, heading(2, "First-layer weights", {
      what: ["What each unit of the first layer looks for: blue where input speaks for it, orange where against. At first noise; then strokes, edges or telling columns appear.", "Each picture has its own scale, so that weak units can be seen too."],
      formula: "z = Σ x_i W_i + b;  the picture is W",
      now: () => (held ? `${held.weights.shown} of ${held.weights.units} units are shown` : "nothing yet"),
    }), weightsWord, weights),
    h("section", { class: "card" }, heading(2, "What is taken for what", {
      what: ["Each row of the matrix is a true class, each column an answer; on the diagonal all is right. Of numbers: each point is a row, and on the line the answer is right."],
      now: () => (held ? `${held.wrong ?? "–"} wrong` : "nothing yet"),
    }), confusionTitle, confusionPlace),
    galleryCard,
  );
  galleryCard.append(
    heading(2, "Its worst mistakes", {
      what: ["Held-out samples that it gets wrong, those first where it is surest. Look at them: some are mistakes of whoever labelled the data."],
      formula: "sorted by p(answer), where answer ≠ truth; of numbers by |y − ŷ|",
      now: () => (held ? `${held.mistakes.length} of ${held.wrong ?? "all"} are shown` : "nothing yet"),
    }),
    galleryWord,
    gallery,
  );

  function showWeights({ weights: given }, scene) {
    weightsWord.textContent = given.shown < given.units ? `${given.shown} of ${given.units} units` : "";
    if (given.images) {
      const { height, width, channels } = scene.image;
      while (maps.length < given.images.length) maps.push(heatMap({ scale: "diverging", width: 62 }));
      weights.className = "weight-images";
      weights.dataset.names = "";
      keep(weights, maps.slice(0, given.images.length).map((map) => map.element));
      given.images.forEach((image, at) => maps[at].update({ rows: height, columns: width, values: unpacked(image).subarray(0, height * width * channels), label: `weights of unit ${at + 1}` }));
      return;
    }
    weights.className = "weight-table";
    const cell = Math.max(9, Math.min(30, 760 / given.names.length));
    tableMap.element.style.width = `${Math.round(cell * given.names.length)}px`;
    tableMap.element.style.minWidth = tableMap.element.style.width;
    tableMap.update({ rows: given.shown, columns: given.names.length, values: unpacked(given.map), label: `weights of ${given.shown} units, one a row, over the inputs ${given.names.join(", ")}` });
    Object.assign(tableMap.element.style, { aspectRatio: "auto", height: `${given.shown * (given.shown > 16 ? 9 : 22)}px` });
    if (weights.dataset.names === String(given.names)) return;
    weights.dataset.names = String(given.names);
    const names = h("div", { class: "weight-names" }, given.names.map((name) => h("span", { title: name }, name)));
    names.style.width = tableMap.element.style.width;
    weights.replaceChildren(h("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": "weights of the first layer" }, tableMap.element, names));
  }

  function showConfusion(pictures, scene) {
    const of = `${scene.watched.toLocaleString("en")} ${scene.split === "valid" ? "held-out" : "training"} rows`;
    confusionTitle.className = "tip";
    confusionTitle.textContent = pictures.wrong === null ? `of ${of}` : `${pictures.wrong} of ${of} wrong`;
    if (pictures.confusion) {
      keep(confusionPlace, [matrix.element]);
      matrix.update(pictures.confusion);
    } else if (pictures.pairs) {
      keep(confusionPlace, [pairs.element]);
      const most = pictures.pairs[0]?.[2] ?? 1;
      pairs.update(pictures.pairs.map(([truth, answer, count]) => ({ label: `${truth} → ${answer}`, value: count / most, text: String(count) })));
    } else if (pictures.scatter) confusionPlace.replaceChildren(scatter(pictures.scatter));
    else confusionPlace.replaceChildren(h("p", { class: "tip" }, "Labels that may hold together have no such matrix; their mistakes are beside it."));
  }

  function showMistakes(pictures, scene) {
    galleryWord.textContent = pictures.mistakes.length ? "" : "None of these rows is answered wrongly.";
    if (!pictures.mistakes.length) return gallery.replaceChildren();
    if (!scene.image) return gallery.replaceChildren(rowsOf(pictures.mistakes.slice(0, MOST_ROWS)));
    const { height, width, channels } = scene.image;
    while (shown.length < pictures.mistakes.length) {
      const map = heatMap({ scale: channels === 3 ? "light" : "ink", width: 64 });
      const words = h("figcaption", {});
      shown.push({ map, words, element: h("figure", {}, map.element, words) });
    }
    keep(gallery, shown.slice(0, pictures.mistakes.length).map((one) => one.element));
    pictures.mistakes.forEach((one, at) => {
      const values = Float32Array.from(bytes(one.image), (value) => value / 255);
      shown[at].map.update({ rows: height, columns: width, values, label: `${one.truth}, taken for ${one.answer}` });
      shown[at].words.replaceChildren(h("span", { class: "chip right" }, one.truth), h("span", { class: "chip wrong" }, `${one.answer}${one.share === undefined ? "" : ` ${percent(one.share)}`}`));
    });
  }

  return {
    element,
    update(pictures, scene) {
      held = pictures;
      galleryCard.classList.toggle("wide", !scene.image && Object.keys(pictures.mistakes[0]?.cells ?? {}).length > 3);
      showWeights(pictures, scene);
      showConfusion(pictures, scene);
      showMistakes(pictures, scene);
    },
  };
}

/** Put just these children there, without touching them where they are there already. */
function keep(parent, children) {
  if (parent.children.length !== children.length || children.some((child, at) => parent.children[at] !== child)) parent.replaceChildren(...children);
}

function rowsOf(mistakes) {
  const words = (value) => (typeof value === "number" ? short(value) : String(value ?? ""));
  const columns = Object.keys(mistakes[0].cells);
  return h(
    "div",
    { class: "scroll", tabindex: "0", role: "region", "aria-label": "rows with mistakes" },
    h(
      "table",
      { class: "plain" },
      h("thead", {}, h("tr", {}, ["truth", "answer", ...columns].map((name) => h("th", { scope: "col" }, name)))),
      h("tbody", {}, mistakes.map((one) => h("tr", {}, h("td", {}, h("span", { class: "chip right" }, words(one.truth))), h("td", {}, h("span", { class: "chip wrong" }, words(one.answer))), columns.map((name) => h("td", {}, words(one.cells[name])))))),
    ),
  );
}

function scatter(pairs) {
  const all = pairs.flat();
  const [low, high] = [Math.min(...all), Math.max(...all)];
  const place = (value) => 20 + ((value - low) / (high - low || 1)) * 260;
  return s(
    "svg",
    { class: "scatter", viewBox: "0 0 300 300", role: "img", "aria-label": `truth across, answer upward, both from ${short(low)} to ${short(high)}` },
    s("line", { class: "axis", x1: 20, y1: 280, x2: 280, y2: 20 }),
    pairs.map(([truth, answer]) => s("circle", { class: "c-valid", cx: place(truth), cy: 300 - place(answer), r: 3 })),
    s("text", { x: 280, y: 296, "text-anchor": "end" }, `truth, ${short(low)} to ${short(high)}`),
    s("text", { x: 4, y: 12 }, "answer"),
  );
}
