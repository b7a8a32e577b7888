// What was drawn last, as the network saw it: one tab leaves it here, another may step through it.

let drawn = null;

/** Keep the last picture of the preparation: { width, height, channels, pixels (base64) }. */
export function keepDrawn(stage) {
  drawn = stage && stage.of[0] === stage.width ? stage : null; // one that was made smaller to be shown is no input
}

/** Return what was drawn last, or null. */
export function lastDrawn() {
  return drawn;
}
