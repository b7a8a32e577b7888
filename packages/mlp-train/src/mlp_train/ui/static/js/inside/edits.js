// Edits as the page holds them: short words such as "off_1_12", the language of edits.py, one after another in the address.

const BETWEEN = "*";

/** Return the edits of a text in the address. */
export function parse(text) {
  return text ? text.split(BETWEEN) : [];
}

/** Return the text of edits. */
export function written(edits) {
  return edits.join(BETWEEN);
}

/** Return the edits with one more; where the last one changed the same thing, it is replaced, so that a slider can go back. */
export function changed(edits, stem, value, nothing) {
  const before = edits.at(-1)?.startsWith(`${stem}_`) ? edits.slice(0, -1) : edits;
  return value === nothing ? before : [...before, `${stem}_${value}`];
}

/** Return what a slider of this kind shows: the value of the last edit where it is of this kind, else `nothing`. */
export function current(edits, stem, nothing) {
  const last = edits.at(-1);
  return last?.startsWith(`${stem}_`) ? Number(last.slice(stem.length + 1).split("_")[0]) : nothing;
}

/** Tell whether a unit is switched off. */
export function isOff(edits, layer, unit) {
  return edits.includes(`off_${layer}_${unit}`);
}
