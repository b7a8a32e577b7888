// The drawing pad: mouse, pen and touch leave strokes on it; images can be pasted, dropped, chosen or photographed.

import { h } from "./dom.js";
import { explain } from "./explain.js";

const SIDE = 280; // pixels of the drawing that is sent; strokes are kept in these units

/**
 * Return a pad. stirred() is called at every change of the ink, changed() once a frame of the screen; brought(file) when an image came instead.
 * pixels() are grey bytes, side × side.
 */
export function drawingPad({ ink, brush, stirred, changed, brought }) {
  const board = h("canvas", { width: 560, height: 560, tabindex: "0", role: "img", "aria-label": "The paper: draw here with a mouse, a pen or a finger" });
  const paper = h("canvas", { width: SIDE, height: SIDE });
  const invite = h("p", { class: "invite" }, "");
  const badge = h("p", { class: "badge", "aria-hidden": "true" }); // on a phone the answer itself is below
  const element = h("div", { class: "pad" }, board, invite, badge);
  const [screen, sheet] = [board.getContext("2d"), paper.getContext("2d", { willReadFrequently: true })];
  let strokes = []; // each { width, points: [[x, y], …] }
  let picture = null; // an image that was brought, as an ImageBitmap
  let current = null;
  let asked = 0;
  let quiet = 0;
  let listener = () => {};
  const EMPTY = "Draw here, or drop, paste or choose an image";

  function colours() {
    return ink === "white" ? ["#fff", "#000"] : ["#000", "#fff"];
  }

  function redraw() {
    const [, ground] = colours();
    for (const [on, scale] of [[screen, board.width / SIDE], [sheet, 1]]) {
      on.setTransform(scale, 0, 0, scale, 0, 0);
      on.fillStyle = ground;
      on.fillRect(0, 0, SIDE, SIDE);
      if (picture && on === screen) {
        const share = SIDE / Math.max(picture.width, picture.height);
        const [w, t] = [picture.width * share, picture.height * share];
        on.drawImage(picture, (SIDE - w) / 2, (SIDE - t) / 2, w, t);
      }
      for (const stroke of strokes) line(on, stroke, 0);
    }
    element.classList.toggle("white-ink", ink === "white");
    element.style.background = ground;
    invite.hidden = strokes.length > 0 || picture !== null;
    undo.disabled = clear.disabled = !strokes.length && !picture;
  }

  /** Draw a stroke from its point number `from` on. */
  function line(on, { width, points }, from) {
    [on.strokeStyle] = colours();
    on.lineWidth = width;
    on.lineCap = on.lineJoin = "round";
    on.beginPath();
    on.moveTo(...points[Math.max(0, from - 1)]);
    for (const [x, y] of points.slice(from)) on.lineTo(x + 0.01, y); // a dot is a line too, if one of no length is not
    on.stroke();
  }

  /** Tell of a change at most once a frame of the screen. */
  function tell() {
    stirred();
    if (!asked) {
      asked = requestAnimationFrame(() => {
        asked = 0;
        if (!picture) changed(); // a picture that came meanwhile has been told of when it came
      });
    }
  }

  function at(event) {
    const box = board.getBoundingClientRect();
    return [((event.clientX - box.left) / box.width) * SIDE, ((event.clientY - box.top) / box.height) * SIDE];
  }

  board.addEventListener("pointerdown", (event) => {
    if (event.button !== 0 || current) return;
    event.preventDefault();
    board.setPointerCapture(event.pointerId);
    const fresh = picture !== null;
    picture = null;
    current = { id: event.pointerId, width: brush, points: [at(event)] };
    strokes.push(current);
    if (fresh) redraw();
    invite.hidden = true;
    undo.disabled = clear.disabled = false;
    extend(0);
  });
  board.addEventListener("pointermove", (event) => {
    if (event.pointerId !== current?.id) return;
    const from = current.points.length;
    const all = event.getCoalescedEvents?.() ?? [];
    current.points.push(...(all.length ? all : [event]).map(at));
    extend(from);
  });
  for (const end of ["pointerup", "pointercancel"]) {
    board.addEventListener(end, (event) => {
      if (event.pointerId === current?.id) current = null;
    });
  }
  board.addEventListener("touchmove", (event) => event.preventDefault(), { passive: false }); // the page stays where it is

  function extend(from) {
    line(screen, current, from);
    line(sheet, current, from);
    tell();
  }

  function undoLast() {
    if (picture) picture = null;
    else strokes.pop();
    redraw();
    tell();
  }
  function clearAll() {
    [strokes, picture] = [[], null];
    invite.textContent = EMPTY;
    redraw();
    tell();
  }

  async function bring(file) {
    if (!file) return;
    [strokes, current] = [[], null];
    try {
      picture = await createImageBitmap(file);
    } catch {
      picture = await createImageBitmap(new ImageData(1, 1)); // a kind that the browser cannot show: the server may know it
    }
    redraw();
    brought(file);
  }

  const undo = h("button", { type: "button", class: "button", on: { click: undoLast } }, "Undo");
  const clear = h("button", { type: "button", class: "button", on: { click: clearAll } }, "Clear");
  const inks = ["black", "white"].map((name) => {
    const choice = h("input", { type: "radio", name: "ink", value: name, on: { change: () => setInk(name) } });
    choice.checked = name === ink;
    return h("label", { title: `${name} ink` }, choice, name);
  });
  const size = h("input", { type: "range", min: 3, max: 60, value: brush, "aria-label": "Width of the brush", on: { input: () => setBrush(Number(size.value)) } });
  const file = h("input", { type: "file", accept: "image/*", class: "unseen", id: "draw-file", on: { change: () => bring(file.files[0]).then(() => (file.value = "")) } });
  const camera = h("input", { type: "file", accept: "image/*", capture: "environment", class: "unseen", id: "draw-camera", on: { change: () => bring(camera.files[0]).then(() => (camera.value = "")) } });

  function setInk(name) {
    ink = name;
    redraw();
    listener({ ink });
    if (strokes.length) tell();
  }
  function setBrush(width) {
    brush = width;
    listener({ brush });
  }

  const why = {
    what: "Black ink on white or white on black, thin or thick, large or small, in a corner or in the middle: the preparation makes it all alike. Keys: Ctrl+Z takes a stroke back, Delete clears.",
    now: () => `${ink} ink, ${brush} pixels of ${SIDE} wide, ${strokes.length} strokes`,
  };
  const tools = h(
    "div",
    { class: "stack" },
    h("div", { class: "row draw-tools" }, undo, clear, h("span", { class: "segmented", role: "radiogroup", "aria-label": "Ink" }, inks)),
    h("div", { class: "row draw-tools" }, h("span", { class: "brush" }, "Brush", size), explain("Ink and brush", why)),
    h(
      "div",
      { class: "row draw-tools" },
      h("span", { class: "tip" }, "or give it an image:"),
      h("span", { class: "row" }, file, h("label", { class: "button", for: "draw-file" }, "Image …"), camera, h("label", { class: "button", for: "draw-camera" }, "Photo …")),
    ),
  );

  function keyed(event) {
    if (!active || event.target.closest("input:not([type=radio], [type=range]), textarea, select")) return;
    if ((event.ctrlKey || event.metaKey) && event.key === "z") undoLast();
    else if (["Delete", "Backspace"].includes(event.key) && [document.body, board].includes(event.target)) clearAll();
    else return;
    event.preventDefault();
  }
  document.addEventListener("keydown", keyed);
  element.addEventListener("dragover", () => element.classList.add("over"));
  element.addEventListener("dragleave", () => element.classList.remove("over"));
  element.addEventListener("drop", (event) => {
    element.classList.remove("over");
    const given = event.dataTransfer?.files[0];
    if (!given || given.name.endsWith(".mlp")) return; // a model file: the page's own business
    event.preventDefault();
    event.stopPropagation();
    bring(given);
  });
  let active = true;
  function pasted(event) {
    const given = [...(event.clipboardData?.files ?? [])].find((one) => one.type.startsWith("image/"));
    if (active && given) bring(given);
  }
  document.addEventListener("paste", pasted);

  invite.textContent = EMPTY;
  redraw();
  return {
    element,
    tools,
    side: SIDE,
    get blank() {
      return !strokes.length && !picture;
    },
    /** Whether a change of the ink will still be told of. */
    get isDue() {
      return asked > 0;
    },
    /** Return the drawing as grey bytes. */
    pixels() {
      const { data } = sheet.getImageData(0, 0, SIDE, SIDE);
      const grey = new Uint8Array(SIDE * SIDE);
      for (let index = 0; index < grey.length; index += 1) grey[index] = data[index * 4];
      return grey;
    },
    /** Show a short answer in a corner of the pad. */
    tell: (text) => (badge.textContent = text),
    /** Take an image away again and say why; strokes stay. */
    refuse(why) {
      if (!picture) return;
      picture = null;
      invite.textContent = why;
      redraw();
    },
    /** Call `then` when nothing has been drawn for a while. */
    settled(then) {
      clearTimeout(quiet);
      quiet = setTimeout(() => !current && then(), 500);
    },
    onSettings: (told) => (listener = told),
    pause: () => (active = false),
    resume: () => (active = true),
    close() {
      document.removeEventListener("paste", pasted);
      document.removeEventListener("keydown", keyed);
    },
  };
}
