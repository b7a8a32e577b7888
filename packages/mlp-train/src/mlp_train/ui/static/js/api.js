// The one way to the server: every request carries the token, every error becomes one sentence to show.

const KEY = "mlp-token";
let token = "";

/** Take the token out of the address, where it must not stay, or from the last visit to this very server. */
export function takeToken() {
  const given = /^#token=([\w-]+)/.exec(location.hash);
  try {
    if (given) localStorage.setItem(KEY, given[1]);
    token = given ? given[1] : localStorage.getItem(KEY) ?? "";
  } catch {
    token = given ? given[1] : ""; // storage is switched off: a reload asks for the address again
  }
  if (given) history.replaceState(null, "", location.pathname);
}

/** What went wrong, as a sentence; `status` is 0 where the server cannot be reached. */
export class Refused extends Error {
  constructor(sentence, status) {
    super(sentence);
    this.status = status;
  }
}

async function ask(path, options = {}) {
  let response;
  try {
    response = await fetch(path, { ...options, headers: { ...options.headers, "x-mlp-token": token } });
  } catch (error) {
    if (error.name === "AbortError") throw error;
    document.dispatchEvent(new CustomEvent("serverlost"));
    throw new Refused("the server cannot be reached: was it stopped? start `mlp-train ui` again", 0);
  }
  if (response.ok) return response;
  let sentence = `the server answered ${response.status}`;
  try {
    sentence = (await response.json()).error ?? sentence;
  } catch {
    // no JSON: the status must do
  }
  if (response.status === 401) document.dispatchEvent(new CustomEvent("serverchanged", { detail: sentence }));
  throw new Refused(sentence, response.status);
}

/** Ask for a value. */
export async function get(path, signal) {
  return (await ask(path, { signal })).json();
}

/** Send a value, or bytes (a Blob, File or typed array), and return the answer. */
export async function post(path, body = {}, signal) {
  const raw = body instanceof Blob || ArrayBuffer.isView(body);
  const headers = { "content-type": raw ? "application/octet-stream" : "application/json" };
  return (await ask(path, { method: "POST", headers, body: raw ? body : JSON.stringify(body), signal })).json();
}

/** Listen to server-sent events until the stream ends or `signal` aborts; `heard(name, value)` gets each. */
export async function stream(path, heard, signal) {
  const reader = (await ask(path, { signal })).body.pipeThrough(new TextDecoderStream()).getReader();
  let rest = "";
  for (;;) {
    const { value, done } = await reader.read();
    if (done) return;
    const parts = (rest + value).split("\n\n");
    rest = parts.pop();
    for (const part of parts) {
      const lines = part.split("\n");
      const name = lines.find((line) => line.startsWith("event: "))?.slice(7) ?? "message";
      const data = lines.filter((line) => line.startsWith("data: ")).map((line) => line.slice(6)).join("\n");
      if (data) heard(name, JSON.parse(data));
    }
  }
}

/** Save what the server gives at `path` as a file called `name`. */
export async function download(path, name) {
  save(await (await ask(path)).blob(), name);
}

/** Save a Blob as a file called `name`. */
export function save(blob, name) {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(blob);
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
}

/**
 * Return a function that sends the newest of its requests only: while one is on its way, only the last call waits.
 * Its `waiting()` tells whether one does.
 */
export function latestOnly(send, receive, fail) {
  let busy = false;
  let waiting = null;
  request.waiting = () => waiting !== null;
  return request;

  async function request(...given) {
    if (busy) {
      waiting = given;
      return;
    }
    busy = true;
    try {
      const answer = await send(...given);
      receive(answer, ...given); // while a stroke goes on, each answer on the way is worth seeing
    } catch (error) {
      fail(error);
    } finally {
      busy = false;
    }
    if (waiting !== null) {
      const next = waiting;
      waiting = null;
      await request(...next);
    }
  }
}
