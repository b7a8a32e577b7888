// Draw: a person draws or brings an image and sees, while drawing, how it is prepared and what the network thinks of it.

import { heatMap } from "../charts.js";
import { bytes, h, short } from "../dom.js";
import { heading } from "../explain.js";
import { answerView } from "../answer.js";
import { keepDrawn } from "../latest.js";
import { drawingPad } from "../pad.js";

const STEPS = {
  drawn: ["as it came", "What you drew, or the image that you gave, grey and small."],
  grey: ["grey", "One level of brightness a pixel: 0.299 red + 0.587 green + 0.114 blue."],
  flattened: ["even light", "Shadows are taken away: each pixel is divided by how bright the bare paper is around it."],
  ink: ["the ink", "How far each pixel is from the paper, whichever of the two is darker: so ink is light, paper black."],
  threshold: ["what is ink", "Pixels that differ enough from the paper count as ink, all others do not."],
  roi: ["cut out", "The smallest box around the ink: where on the paper it was, and how large, no longer matters."],
  network: ["what the network sees", "The ink with its long side fitted into the network's own frame and its middle in the middle."],
};

export default {
  id: "draw",
  title: "Draw",
  order: 10,
  applies: (info) => info.model?.kind === "image",
  mount,
};

function mount(panel, { info, api, settings, announce, fail }) {
  const { input } = info.model;
  const wanted = settings.read({ ink: "black", brush: 20 });
  const pad = drawingPad({ ink: wanted.ink === "white" ? "white" : "black", brush: Math.min(60, Math.max(3, wanted.brush)), stirred, changed, brought });
  const view = answerView(info);
  const film = h("ol", { class: "film", tabindex: "0", "aria-label": "the image on its way to the network" });
  const strip = new Map(); // name of a step -> its place in the film
  const pace = h("span", { class: "tip number" });

  const ask = api.latestOnly(
    (began, image) => (image ? api.post("/api/draw/photo", image) : api.post(`/api/draw?width=${pad.side}&height=${pad.side}`, pad.pixels())),
    received,
    (error) => {
      forget();
      pad.refuse("That could not be read.");
      fail(error);
    },
  );

  function changed() {
    if (pad.blank) forget();
    else send(null);
  }

  function brought(image) {
    send(image);
  }

  function stirred() {
    panel.dataset.pending = "true";
  }

  /** Note whether the answer that is shown is to all the ink there is. */
  function settle() {
    panel.dataset.pending = String(ask.waiting() || pad.isDue);
  }

  function send(image) {
    stirred();
    ask(performance.now(), image);
  }

  function received(thought, began) {
    settle();
    if (pad.blank) return; // cleared while the request was on its way
    if (thought.blank) {
      forget();
      announce("there is no ink on it");
      pad.refuse("There is no ink to be found on it.");
      return;
    }
    showFilm(thought.stages);
    keepDrawn(thought.stages.at(-1));
    const seen = strip.get("network");
    view.update(thought, pixelated(seen.canvas));
    pad.tell(view.brief());
    const whole = performance.now() - began;
    pace.textContent = `answered in ${whole.toFixed(0)} ms, of which the server took ${short(thought.milliseconds)} ms`;
    panel.dataset.milliseconds = whole.toFixed(1);
    panel.dataset.answer = thought.answer;
    pad.settled(() => announce(`the answer is ${thought.answer}`));
  }

  function showFilm(stages) {
    const names = stages.map((stage) => stage.name).join();
    if (film.dataset.names !== names) {
      film.dataset.names = names;
      strip.clear();
      film.replaceChildren(...stages.map(({ name }) => frame(name)));
    }
    for (const { name, of, width, height, channels, pixels } of stages) {
      const place = strip.get(name);
      const values = Float32Array.from(bytes(pixels), (level) => level / 255);
      place.map.update({ rows: height, columns: width, values, label: STEPS[name][0] });
      const share = Math.max(width, height);
      place.canvas.style.width = `${(width / share) * 100}%`;
      place.size.textContent = `${of[0]} × ${of[1]}${channels === 3 ? " × 3" : ""}`;
    }
  }

  function frame(name) {
    const map = heatMap({ scale: "light", label: STEPS[name][0] });
    const size = h("span", { class: "size number" });
    strip.set(name, { map, canvas: map.element, size });
    return h("li", {}, h("span", { class: "frame" }, map.element), h("span", { class: "name" }, STEPS[name][0]), size);
  }

  function forget() {
    view.clear();
    pad.tell("");
    film.dataset.names = "";
    film.replaceChildren(h("li", { class: "tip" }, "The steps show here as soon as there is some ink."));
    film.firstChild.style.cssText = "max-width:none;justify-items:start";
    pace.textContent = "";
    delete panel.dataset.answer;
    settle();
  }

  pad.onSettings((said) => settings.write(said));
  const steps = { what: ["Nothing reaches the network as it was drawn. These are all the steps, the same as in training and on a device.", ...Object.values(STEPS).map(([name, what]) => `${name[0].toUpperCase()}${name.slice(1)}: ${what}`)], now: () => `the network takes ${input.height} × ${input.width} pixels in ${input.channels} channel${input.channels > 1 ? "s" : ""}, fit = ${input.fit}`, formula: "x = (level - mean) * scale" };
  panel.append(
    h("h1", { class: "unseen" }, "Draw"),
    h(
      "div",
      { class: "draw-top" },
      h("div", { class: "card" }, pad.element, pad.tools),
      h(
        "div",
        { class: "card" },
        h("div", { class: "row spread" }, view.heading, pace),
        view.says,
        heading(2, "From paper to network", steps),
        film,
      ),
    ),
    view.network,
  );
  forget();
  return { close: () => pad.close(), show: () => pad.resume(), hide: () => pad.pause() };
}

/** Return a small canvas as a data URL for the picture of the network. */
function pixelated(canvas) {
  return canvas.toDataURL();
}
