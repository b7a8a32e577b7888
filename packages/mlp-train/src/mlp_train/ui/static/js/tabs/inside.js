// Look inside: a map of the samples, one unit and its weights, edits with their effect at once, robustness, a threshold.

import { heatMap } from "../charts.js";
import { h } from "../dom.js";
import { heading } from "../explain.js";
import { curvesCard } from "../inside/curves.js";
import { effectCard } from "../inside/effect.js";
import { parse, written } from "../inside/edits.js";
import { mapCard } from "../inside/map.js";
import { thresholdCard } from "../inside/threshold.js";
import { unitCard } from "../inside/unit.js";

const SETTLED = 350; // ms after the last move of a slider until what takes longer follows
const SPLITS = { test: "test", "held-out": "held-out", all: "unseen", training: "training" };
const MOST_CELLS = 40;

export default {
  id: "inside",
  title: "Look inside",
  order: 40,
  applies: (info) => info.model !== null,
  mount,
};

function mount(panel, context) {
  const { info, api, settings, announce, fail } = context;
  let lens = null;
  let cards = null;
  let closed = false;
  panel.append(h("h1", { class: "unseen" }, "Look inside"), h("p", { class: "waiting" }, "Looking at the data …"));
  start().catch((error) => {
    panel.replaceChildren(h("h1", { class: "unseen" }, "Look inside"), h("div", { class: "card" }, h("h2", {}, "There is nothing to look at yet"), h("p", {}, `${error.message}.`)));
  });
  return {
    close() {
      closed = true;
      cards?.curves.close();
    },
  };

  async function start() {
    const about = await api.get("/api/inside");
    if (closed) return;
    lens = sharedBy(about);
    const sample = sampleCard(about);
    cards = { sample, effect: effectCard(lens), map: mapCard(about, lens), unit: unitCard(about, lens), curves: curvesCard(about, lens) };
    if (lens.kind === "classes") cards.threshold = thresholdCard(about, lens);
    const parts = [
      h("h1", { class: "unseen" }, "Look inside"),
      about.split === "training" && h("p", { class: "hint" }, `${about.note[0].toUpperCase()}${about.note.slice(1)}.`),
      h("div", { class: "inside-top" }, cards.map.element, h("div", { class: "inside-side" }, sample.element, cards.effect.element)),
      cards.unit.element,
      cards.curves.element,
      cards.threshold?.element,
    ];
    panel.replaceChildren(...parts.filter(Boolean));
    refresh();
  }

  function sharedBy(about) {
    const { model } = info;
    const names = model.classes.length ? model.classes : model.output.names;
    const layers = [
      { size: model.layers[0].inputs, title: "inputs", names: about.inputs ?? undefined },
      ...model.layers.map((layer, at) => ({ size: layer.outputs, title: layer.activation, names: at < model.layers.length - 1 ? undefined : layer.outputs === 1 && names.length > 1 ? [names[1]] : names })),
    ];
    const rows = `${SPLITS[about.split]} rows`;
    const small = new Map(); // a row that was asked for -> its picture or cells
    const shared = {
      settings, announce, fail, layers, names, rows,
      kind: model.output.kind,
      image: model.kind === "image" ? { rows: model.input.height, columns: model.input.width } : null,
      where: about.rows < about.total ? `${about.rows.toLocaleString("en")} of the ${about.total.toLocaleString("en")} ${rows}, always the same` : `all ${about.rows.toLocaleString("en")} ${rows}`,
      edits: parse(settings.read({ edits: "" }).edits),
      at: Math.min(about.rows - 1, Math.max(0, Math.round(settings.read({ row: 0 }).row))),
      right: [],
      ask: (path, asked) => api.get(`/api/inside${path}?${new URLSearchParams({ edits: written(shared.edits), ...asked })}`),
      setEdits(edits) {
        shared.edits = edits;
        settings.write({ edits: edits.length ? written(edits) : null });
        refresh(true);
      },
      answered: (found) => found.right.forEach((one, at) => (shared.right[at] = one)),
      choose(at) {
        shared.at = at;
        settings.write({ row: at });
        look();
        cards.unit.load();
      },
      /** Return a row's small picture, or its cells in a line, filled as soon as it is known. */
      small(at, width = 48) {
        const place = h("span", { class: "small-row" });
        const fill = (row) => place.replaceChildren(row.pixels ? pictureOf(row, width) : h("span", { class: "small-cells" }, inLine(row.cells, 3)));
        if (small.has(at)) fill(small.get(at));
        else
          api.get(`/api/inside/sample?at=${at}`).then((row) => {
            small.set(at, row);
            fill(row);
          }, fail);
        return place;
      },
      preview(at) {
        const said = h("span", { class: "tip-words" });
        const place = h("span", { class: "map-preview" });
        shared.ask("/sample", { at }).then((row) => {
          place.replaceChildren(row.pixels ? pictureOf(row, 84) : h("span", { class: "small-cells" }, inLine(row.cells, 8)), said);
          said.replaceChildren(h("b", {}, row.truth), ` → ${row.answer}`, h("span", { class: `chip ${row.right ? "right" : "wrong"}` }, shared.kind === "numbers" ? (row.right ? "near" : "far off") : row.right ? "right" : "wrong"));
          place.dataset.at = at;
        }, fail);
        return place;
      },
      async save() {
        try {
          const name = `${info.name.replace(/\.mlp$/, "") || "model"}-edited.mlp`;
          await api.download(`/api/inside/model?${new URLSearchParams({ edits: written(shared.edits) })}`, name);
          announce(`${name} is saved`);
        } catch (error) {
          fail(error);
        }
      },
      async keep() {
        try {
          await api.post(`/api/inside/keep?${new URLSearchParams({ edits: written(shared.edits) })}`);
          settings.write({ edits: null });
          await context.reload();
          announce("the edited network is on the workbench");
        } catch (error) {
          fail(error);
        }
      },
    };
    return shared;
  }

  /** Ask for everything anew: the effect at once, the rest when a slider has come to rest. */
  function refresh(soon = false) {
    scored();
    clearTimeout(refresh.waiting);
    refresh.waiting = setTimeout(() => {
      if (closed) return;
      look();
      cards.unit.load();
      cards.map.load();
      cards.threshold?.load();
      cards.curves.load();
    }, soon ? SETTLED : 0);
  }

  /** Ask for the effect; while one answer is on its way, only the newest edits wait. */
  async function scored() {
    if (scored.busy) {
      scored.again = true;
      return;
    }
    scored.busy = true;
    try {
      const edits = written(lens.edits);
      const score = await lens.ask("/score", { edits });
      if (closed) return;
      cards.effect.update(score);
      cards.unit.scored(score);
      panel.dataset.scored = edits;
    } catch (error) {
      fail(error);
    } finally {
      scored.busy = false;
    }
    if (scored.again) {
      scored.again = false;
      await scored();
    }
  }

  async function look() {
    const at = lens.at;
    try {
      const row = await lens.ask("/sample", { at, think: 1 });
      if (at !== lens.at || closed) return;
      const shown = cards.sample.show(row);
      cards.unit.light(row.thought, shown);
      cards.map.select(at);
    } catch (error) {
      fail(error);
    }
  }

  function sampleCard(about) {
    const place = h("div", { class: "sample-place" });
    const truth = h("span", {});
    const answer = h("output", { class: "sample-answer" });
    const verdict = h("span", { class: "chip" });
    const before = h("p", { class: "tip" });
    const number = h("span", { class: "tip number" });
    const go = (step) => lens.choose((lens.at + step + about.rows) % about.rows);
    const mistake = () => {
      for (let step = 1; step <= lens.right.length; step += 1) {
        const at = (lens.at + step) % lens.right.length;
        if (lens.right[at] === false) return lens.choose(at);
      }
      return announce(lens.kind === "numbers" ? "no row is far off" : "there is no mistake among these rows");
    };
    const button = (label, text, on, style = "icon") => h("button", { type: "button", class: style, "aria-label": label, on: { click: on } }, text);
    const explained = {
      what: ["The row that the unit below is shown with. Choose one on the map, or go through them.", `They are ${lens.where}: ${about.note}.`],
      now: () => `row ${lens.at}: ${truth.textContent}, the network says ${answer.textContent}`,
    };
    return {
      element: h("div", { class: "card inside-sample" },
        h("div", { class: "row spread" }, heading(2, "The row", explained), h("span", { class: "row" }, button("The row before", "‹", () => go(-1)), number, button("The next row", "›", () => go(1)))),
        h("div", { class: "sample-parts" }, place, h("div", { class: "stack" }, h("span", { class: "row" }, "It says", answer, verdict), truth, before, h("button", { type: "button", class: "button", on: { click: mistake } }, lens.kind === "numbers" ? "Next far-off row" : "Next mistake"))),
      ),
      /** Show a row; returns its picture as an address, or null. */
      show(row) {
        number.textContent = `${row.at + 1} of ${about.rows.toLocaleString("en")}`;
        answer.textContent = row.answer;
        truth.textContent = `${info.model.training.target ? `${info.model.training.target}: ` : "right is "}${row.truth}`;
        verdict.className = `chip ${row.right ? "right" : "wrong"}`;
        verdict.textContent = lens.kind === "numbers" ? (row.right ? "near" : "far off") : row.right ? "right" : "wrong";
        before.textContent = row.before === row.answer ? "" : `before the edits it said ${row.before}`;
        panel.dataset.row = row.at;
        if (row.pixels) {
          const picture = pictureOf(row, 132);
          place.replaceChildren(picture);
          return picture.toDataURL();
        }
        place.replaceChildren(
          h("dl", { class: "sample-cells", tabindex: "0", "aria-label": "the row's cells" }, Object.entries(row.cells).slice(0, MOST_CELLS).map(([name, cell]) => h("div", {}, h("dt", {}, name), h("dd", {}, shownCell(cell))))),
        );
        return null;
      },
    };
  }
}

function pictureOf(row, width) {
  const map = heatMap({ scale: "light", width, label: `the image of row ${row.at}` });
  map.update({ rows: row.rows, columns: row.columns, values: row.pixels.map((level) => level / 255) });
  return map.element;
}

function inLine(cells, most) {
  return Object.entries(cells).slice(0, most).map(([name, cell]) => `${name} ${shownCell(cell)}`).join(", ");
}

function shownCell(cell) {
  if (cell === null || cell === "") return "unknown";
  return typeof cell === "number" ? String(Number(cell.toPrecision(5))) : String(cell);
}
