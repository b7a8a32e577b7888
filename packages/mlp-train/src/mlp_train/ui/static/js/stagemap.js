// Where we are on the way through the network and back: forward above, from left to right; back below, from right to left.

import { h } from "./dom.js";

/** The map. chosen(stage) is called for a stage that a person presses. */
export function stageMap(chosen) {
  const grid = h("div", { class: "stage-map" });
  const element = h("div", { class: "scroll", tabindex: "0", role: "group", "aria-label": "all stages; scrolls sideways" }, grid);
  let buttons = [];

  function place(content, column, row, arrow = "") {
    const one = h("div", { class: `station ${arrow}` }, content);
    one.style.gridColumn = String(column);
    one.style.gridRow = String(row);
    grid.append(one);
  }

  function button(stage, at) {
    const shape = stage.name === "losses" ? "a number" : stage.name === "d_bias" ? `(${stage.shape[1]},)` : stage.shape.join(" × ");
    const made = h("button", { type: "button", class: `stage ${stage.direction}`, title: `${at + 1}: ${stage.code}`, on: { click: () => chosen(at) } }, h("code", {}, stage.key), h("small", {}, shape));
    buttons[at] = made;
    return made;
  }

  return {
    element,
    /** Draw the stages of a network; `sizes` are those of its layers, the input first. */
    draw(stages, sizes, batch) {
      grid.replaceChildren();
      buttons = [];
      const last = sizes.length - 1;
      const side = (text, row) => place(h("span", { class: "stage-side" }, text), 1, row);
      side("forward →", 1);
      side("← back", 2);
      const find = (name, index) => stages.findIndex((stage) => stage.name === name && stage.index === index);
      const put = (name, index, column, row) => {
        const at = find(name, index);
        if (at >= 0) place(button(stages[at], at), column, row, row === 1 ? "to-right" : "to-left");
        return at >= 0;
      };
      place(h("span", { class: "given" }, h("code", {}, "a[0] = x"), h("small", {}, `${batch} × ${sizes[0]}`)), 2, 1);
      for (let layer = 0; layer < last; layer += 1) {
        const column = 3 + layer * 3;
        place(h("span", { class: "given" }, h("code", {}, `weight[${layer}]`), h("code", {}, `bias[${layer}]`), h("small", {}, `${sizes[layer]} × ${sizes[layer + 1]}, (${sizes[layer + 1]},)`)), column, 1, "to-right");
        const pair = ["d_weight", "d_bias"].map((name) => find(name, layer)).map((at) => button(stages[at], at));
        place(h("span", { class: "both-stages" }, pair), column, 2, "to-left");
        put("z", layer, column + 1, 1);
        put("d_z", layer, column + 1, 2);
        put("a", layer + 1, column + 2, 1);
        put("d_a", layer + 1, column + 2, 2);
      }
      put("losses", 0, 3 + last * 3, 1);
    },
    /** Point out where we are. */
    at(now) {
      buttons.forEach((button, at) => {
        button.classList.toggle("done", at < now);
        if (at === now) button.setAttribute("aria-current", "step");
        else button.removeAttribute("aria-current");
      });
      const box = element.getBoundingClientRect();
      const mark = buttons[now]?.getBoundingClientRect();
      if (mark && (mark.left < box.left || mark.right > box.right)) element.scrollLeft += mark.left - box.left - box.width / 2;
    },
  };
}
