// Take away: everything that leaves this page: the model, the command, a script for a Pi, and a drawing.

import { h } from "../dom.js";
import { heading } from "../explain.js";

export default {
  id: "take",
  title: "Take away",
  order: 50,
  applies: (info) => Boolean(info.model),
  mount,
};

function mount(panel, { info, api, announce, fail }) {
  panel.append(h("h1", { class: "unseen" }, "Take away"), h("p", { class: "waiting" }, "One moment …"));
  api.get("/api/take").then(show, (error) => {
    panel.lastChild.replaceWith(h("p", { class: "waiting" }, "Nothing to take away."));
    fail(error);
  });

  function show(all) {
    const size = `${Math.max(1, Math.round(all.bytes / 1000)).toLocaleString("en")} kB`;
    const command = code(all.command, "the command");
    const script = code(all.script, "the script");
    const drawing = new Blob([all.svg], { type: "image/svg+xml" });
    const picture = h("img", { class: "take-picture", alt: `the network of ${info.name}`, src: `data:image/svg+xml,${encodeURIComponent(all.svg)}` });
    panel.lastChild.replaceWith(
      h(
        "div",
        { class: "columns" },
        h(
          "section",
          { class: "card" },
          heading(2, "The model", { what: ["One file with the weights, how the input is prepared, and what the answers are called. NumPy and mlp_runtime are all it needs.", "Nothing in it is ever run as code, and it is checked when it is loaded."], now: () => `${all.file}, ${size}` }),
          h("p", {}, `${info.model.weights.toLocaleString("en")} numbers in ${size}.`),
          h("div", { class: "row" }, button(`download ${all.file}`, () => api.download("/api/take/model", all.file).then(() => announce(`${all.file} was saved`), fail), "primary")),
        ),
        h(
          "section",
          { class: "card" },
          heading(2, "The command", { what: ["Typed in a terminal, it trains this model again. The same data and seed on the same machine give the same model.", all.note], now: () => all.command }),
          command.element,
          h("p", { class: "tip" }, all.note),
          h("div", { class: "row" }, copy(command, all.command)),
        ),
      ),
      h(
        "section",
        { class: "card" },
        heading(2, "A script for a Raspberry Pi", { what: ["A whole program for this very model: put it beside the model file on any machine with Python, NumPy and mlp_runtime.", info.model.kind === "image" ? "It takes an image file, or without one a frame of the camera." : "The row in it is one of the data, or what the columns usually hold: change it to your own."], now: () => `${all.script_file}, ${all.script.trim().split("\n").length} lines` }),
        script.element,
        h("div", { class: "row" }, copy(script, all.script), button(`download ${all.script_file}`, () => api.save(new Blob([all.script], { type: "text/x-python" }), all.script_file))),
      ),
      h(
        "section",
        { class: "card" },
        heading(2, "A drawing of the network", { what: "An SVG file for slides, posters and reports. The links are the strongest weights, blue above zero and orange below; of large layers some neurons are drawn.", now: () => info.model.layers.map((layer) => `${layer.inputs} → ${layer.outputs} ${layer.activation}`).join(", ") }),
        h("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": "the drawing" }, picture),
        h("div", { class: "row" }, button(`download ${all.file.replace(/\.mlp$/, ".svg")}`, () => api.save(drawing, all.file.replace(/\.mlp$/, ".svg")))),
      ),
    );
  }

  function code(text, label) {
    const inner = h("code", {}, text);
    return { inner, element: h("pre", { class: "take-code", tabindex: "0", role: "region", "aria-label": label }, inner) };
  }

  function button(text, pressed, kind = "") {
    return h("button", { type: "button", class: `button ${kind}`, on: { click: pressed } }, text);
  }

  function copy({ inner }, text) {
    const made = button("copy", async () => {
      try {
        await navigator.clipboard.writeText(text);
      } catch {
        getSelection().selectAllChildren(inner); // no clipboard here: it is selected, for Ctrl-C
        announce("selected: copy it with Ctrl-C");
        made.textContent = "selected: press Ctrl-C";
        return;
      }
      made.textContent = "✓ copied";
      announce("copied");
      setTimeout(() => (made.textContent = "copy"), 2500);
    });
    return made;
  }
}
