// An experiment is data, options and a pace; it lives in the address, so that it can be shared, and outlives a server.

/** Write an experiment into the address. */
export function remember(settings, choices, experiment) {
  const all = Object.fromEntries(choices.options.map((name) => [name, experiment.options[name] === undefined ? null : [experiment.options[name]].flat().join(",")]));
  settings.write({ data: experiment.data, pace: experiment.pace || null, ...all });
  try {
    sessionStorage.setItem("mlp-experiment", JSON.stringify(experiment));
  } catch {
    // storage is switched off: after a new start of the server the settings begin anew
  }
}

/** Return the experiment that the address holds, or null. */
export function fromLink(settings, choices) {
  const { data, pace, ...options } = settings.read({ data: "", pace: 0, ...Object.fromEntries(choices.options.map((name) => [name, ""])) });
  return data ? { data, pace, options: Object.fromEntries(Object.entries(options).filter(([, value]) => value !== "")) } : null;
}

/** Return the experiment that this browser tab looked at last, before the server was started anew. */
export function remembered() {
  try {
    const held = JSON.parse(sessionStorage.getItem("mlp-experiment"));
    return held && !held.data.startsWith("file:") && held.data !== "open" ? held : null;
  } catch {
    return null;
  }
}

/** Tell whether two experiments are the same. */
export function same(one, other) {
  const plain = ({ data, options, pace }) => JSON.stringify([data, pace, Object.entries(options).map(([name, value]) => [name, String(value)]).sort()]);
  return plain(one) === plain(other);
}
