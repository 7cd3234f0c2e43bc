// Calls of the API of this very app, and the key that they carry.

const PLACE = "drawbridge.key";
const PLAIN = {
  401: "The app does not know you: the key is missing or wrong.",
  403: "The app does not let you in: your address or your account may not call it.",
  404: "There is no such thing here.",
  429: "The app has asked for fewer calls; try again in a minute.",
};

export class Refusal extends Error {
  constructor(message, { status = 0, code = "", request = "" } = {}) {
    super(message);
    Object.assign(this, { status, code, request });
  }
}

export const key = {
  held: () => sessionStorage.getItem(PLACE) ?? "",
  keep: (text) => sessionStorage.setItem(PLACE, text),
  forget: () => sessionStorage.removeItem(PLACE),
};

// Gives the JSON of an answer, or throws a Refusal; `also` names statuses that are answers too.
export async function ask(path, { patience = 60, also = [] } = {}) {
  // The key goes to this app alone, wherever a link may lead.
  if (!path.startsWith("/api/")) throw new Refusal(`${path} is not of this app's API`);
  const headers = { accept: "application/json", ...(key.held() ? { "x-functions-key": key.held() } : {}) };
  const answer = await sent(path, headers, patience);
  if (answer.type === "opaqueredirect") throw new Refusal("The app asks you to sign in.", { status: 401, code: "SignIn" });
  const body = await read(answer);
  if ((answer.ok || also.includes(answer.status)) && body) return body;
  throw refusal(answer, body);
}

async function sent(path, headers, patience) {
  const signal = AbortSignal.timeout(patience * 1000);
  try {
    return await fetch(path, { headers, signal, cache: "no-store", credentials: "same-origin", redirect: "manual" });
  } catch (error) {
    if (error.name === "TimeoutError") throw new Refusal(`The app has not answered within ${patience} seconds.`);
    throw new Refusal(`The app cannot be reached: ${error.message}`);
  }
}

async function read(answer) {
  try {
    return await answer.json();
  } catch {
    return null;
  }
}

function refusal(answer, body) {
  const told = body?.error ?? {};
  const words = told.message ?? PLAIN[answer.status] ?? `The app answered ${answer.status}, and not in its own words.`;
  const request = answer.headers.get("x-ms-request-id") ?? "";
  return new Refusal(told.code ? `${told.code}: ${words}` : words, { status: answer.status, code: told.code ?? "", request });
}

export function query(values) {
  const given = Object.entries(values).filter(([, value]) => value !== "" && value !== undefined);
  return given.length ? `?${new URLSearchParams(given)}` : "";
}
