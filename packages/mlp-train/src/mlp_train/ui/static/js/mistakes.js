// Broken gradients: a person turns a mistake on, says what it will do, and then sees what the gradient check finds.

import { h, unique } from "./dom.js";
import { explain, heading } from "./explain.js";

/** Write a relative error: 0.75, or 1.2e-11. */
export function relative(error) {
  if (error === null) return "not finite";
  return error >= 0.01 ? String(Number(error.toPrecision(3))) : error.toExponential(1);
}

/**
 * The card. chosen(id or null): a mistake is turned on or off; check(): returns the rows of the gradient check;
 * answered(): a prediction was made. update(overview, mistake, open): `open` says that the network is the open model.
 */
export function mistakesCard({ chosen, check, answered, announce, fail }) {
  const group = unique("mistake");
  const list = h("div", { class: "mistake-list", role: "radiogroup", "aria-label": "which gradient" });
  const detail = h("div", { class: "stack" });
  const found = h("div", { class: "stack" });
  let last = "";
  let asked = ""; // which mistake in which network is shown
  const element = h(
    "section",
    { class: "card mistakes" },
    heading(2, "Break it, and see the check catch it", {
      what: [
        "Turn on a mistake that people really make. First you say what it will do; then the gradient check nudges every number and compares.",
        "The mistake is in the arithmetic above too: step through it and look for the line that differs.",
      ],
      now: () => (last ? `the mistake is: ${last}` : "the gradient is right"),
      formula: "relative error = |g - slope| / max(|g|, |slope|)",
    }),
    list,
    detail,
    found,
  );

  function option(id, title, why) {
    const input = h("input", { type: "radio", name: group, value: id ?? "none", disabled: Boolean(why), on: { change: () => chosen(id) } });
    return h("label", { class: "check mistake", title: why || null }, input, title);
  }

  async function showCheck() {
    try {
      const { rows } = await check();
      const line = (row) =>
        h("tr", {}, h("th", { scope: "row" }, h("code", {}, row.subject)), h("td", { "data-error": row.error }, relative(row.error)),
          h("td", {}, row.checked === row.of ? `all ${row.of}` : `${row.checked} of ${row.of.toLocaleString("en")}`),
          h("td", {}, h("span", { class: row.surrogate ? "chip" : row.ok ? "chip right" : "chip wrong" }, row.surrogate ? "surrogate, on purpose" : row.ok ? "agrees" : "wrong")));
      found.replaceChildren(
        h("h3", { class: "with-why" }, "What the gradient check finds", explain("gradient check", { what: ["Each number of the weight or bias is moved a little up and down; how the loss follows is its true slope. The worst disagreement is shown.", "Of large matrices the numbers with the strongest gradient and some evenly chosen ones are nudged.", "1e-6 is the border: beyond it the gradient is called wrong, unless it is a surrogate, which differs on purpose."], formula: "slope = (8 (L(p + h) - L(p - h)) - (L(p + 2h) - L(p - 2h))) / 12h" })),
        h("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": "the gradient check" },
          h("table", { class: "plain checked" }, h("thead", {}, h("tr", {}, ["gradient", "worst relative error", "nudged", "verdict"].map((word) => h("th", { scope: "col" }, word)))), h("tbody", {}, rows.map(line)))),
      );
      const wrong = rows.filter((row) => !row.ok).map((row) => row.subject);
      announce(wrong.length ? `the check calls wrong: ${wrong.join(", ")}` : "the check calls nothing wrong");
    } catch (error) {
      fail(error);
    }
  }

  function quiz({ text, choices }) {
    const name = unique("answer");
    const box = h("fieldset", { class: "quiz" }, h("legend", {}, text));
    const send = h("button", { type: "button", class: "button primary", disabled: true }, "That is what I expect");
    const lines = choices.map((choice, at) => {
      const input = h("input", { type: "radio", name, value: at, on: { change: () => (send.disabled = false) } });
      const line = h("div", { class: "choice" }, h("label", { class: "check" }, input, h("span", {}, choice.text)));
      return { choice, input, line };
    });
    send.addEventListener("click", async () => {
      const mine = lines.find(({ input }) => input.checked);
      for (const { choice, input, line } of lines) {
        input.disabled = true;
        line.classList.add(choice.right ? "is-right" : "is-wrong");
        line.append(h("p", { class: "why-text" }, h("strong", {}, choice.right ? "✓ Right. " : "✗ No. "), choice.why));
      }
      send.replaceWith(h("p", { class: "verdict", role: "status" }, mine.choice.right ? "Your prediction was right." : "Not what happens: the reasons stand beside the answers."));
      answered();
      await showCheck();
    });
    box.append(...lines.map(({ line }) => line));
    return [box, h("div", {}, send)];
  }

  return {
    element,
    update(overview, mistake, open) {
      const known = overview.mistakes;
      const here = JSON.stringify([mistake, overview.layers, overview.batch]);
      if (here === asked) { // the same question: what was answered stays, and the check is made anew
        if (found.hasChildNodes()) showCheck();
        return;
      }
      asked = here;
      const focused = list.contains(document.activeElement);
      list.replaceChildren(
        option(null, "the right gradient", ""),
        ...known.map((one) => option(one.id, one.title, one.unavailable && !(one.id === "hybrid" && !open) ? one.unavailable : "")),
      );
      const now = list.querySelector(`input[value="${mistake ?? "none"}"]`);
      now.checked = true;
      if (focused) now.focus();
      found.replaceChildren();
      const one = known.find(({ id }) => id === mistake);
      last = one?.title ?? "";
      const no = known.filter((other) => other.unavailable && (open || other.id !== "hybrid"));
      if (!one) {
        const button = h("button", { type: "button", class: "button" }, "Check the gradient");
        button.addEventListener("click", showCheck);
        detail.replaceChildren(...no.map((other) => h("p", { class: "tip" }, `${other.title}: ${other.unavailable}.`)), h("div", {}, button));
        return;
      }
      detail.replaceChildren(
        h("div", { class: "lines" },
          h("p", { class: "line-right" }, h("span", { class: "tip" }, one.surrogate ? "the true slope" : "right"), h("code", {}, one.right)),
          h("p", { class: one.surrogate ? "line-other" : "line-wrong" }, h("span", { class: "tip" }, one.surrogate ? "the surrogate" : "with the mistake"), h("code", {}, one.wrong))),
        h("p", {}, one.what, one.surrogate && h("strong", {}, " It is no bug: a surrogate, chosen because deep sigmoid networks learn with it.")),
        ...quiz(overview.question),
      );
    },
  };
}
