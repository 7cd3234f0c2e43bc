// The page as it is served, in jsdom, before an app that answers as recorded.

import { readFileSync } from "node:fs";
import { createRequire } from "node:module";

const { JSDOM, VirtualConsole } = createRequire(`${process.env.JSDOM}/`)("jsdom");
const PAGE = readFileSync(process.env.DASHBOARD, "utf8");

export const NOW = Date.parse("2026-11-28T12:00:00Z");

export function recorded(name) {
  return JSON.parse(readFileSync(new URL(`answers/${name}.json`, import.meta.url), "utf8"));
}

export const body = (name) => recorded(name).body;

// What the app answers, by the beginning of what is asked; the longest that fits counts. A function is asked each time.
export const FLEET = {
  "/api/health": recorded("health"),
  "/api/sweeps": recorded("sweeps"),
  "/api/sweeps/": recorded("sweep"),
  "/api/subscriptions": recorded("subscriptions"),
  "/api/caches": recorded("caches"),
  "/api/caches?counts=true": recorded("counts"),
  "/api/caches?verdict=Blocked": recorded("blocked"),
  "/api/caches?verdict=Exempt": recorded("exempt"),
  "/api/caches/": recorded("history"),
};

export const answers = (changed) => ({ ...FLEET, ...changed });
export const says = (told, status = 200) => ({ status, body: told });
export const refuses = (status, code, message) => ({ status, body: { error: { code, message } } });
// What Functions itself answers, which stands before the app: a status, and not a word.
export const wordless = (status) => ({ status });

export class Browser {
  constructor(answers, { key = "", hash = "" } = {}) {
    this.answers = answers;
    this.calls = [];
    this.problems = [];
    this.timers = [];
    this.copied = [];
    this.later = 0;
    const console = new VirtualConsole();
    console.on("jsdomError", (error) => this.problems.push(error.detail ?? error));
    console.on("error", (error) => this.problems.push(error));
    const settings = { url: `https://app.example/api/dashboard${hash}`, runScripts: "dangerously", virtualConsole: console };
    this.window = new JSDOM(PAGE, { ...settings, beforeParse: (window) => this.#furnish(window, key) }).window;
    this.document = this.window.document;
  }

  #furnish(window, key) {
    if (key) window.sessionStorage.setItem("drawbridge.key", key);
    window.fetch = (path, options) => this.#fetch(path, options);
    window.Date.now = () => NOW + this.later;
    window.setInterval = (act, delay) => this.timers.push({ act, delay });
    window.Element.prototype.scrollIntoView = () => undefined;
    window.alert = () => this.problems.push(new Error("alert was called"));
    Object.defineProperty(window.navigator, "clipboard", { value: { writeText: async (text) => this.copied.push(text) } });
  }

  async #fetch(path, options) {
    this.calls.push({ path, headers: options.headers, options });
    const fits = Object.keys(this.answers).filter((start) => path.startsWith(start));
    const best = fits.sort((one, other) => other.length - one.length)[0];
    if (best === undefined) throw new Error(`nobody answers ${path}`);
    let answer = this.answers[best];
    if (typeof answer === "function") answer = await answer(path, options);
    if (answer instanceof Error) throw answer;
    return this.#response(answer);
  }

  #response({ status, body: told, type = "basic" }) {
    return {
      status,
      type,
      ok: status >= 200 && status < 300,
      headers: { get: (name) => (name === "x-ms-request-id" ? "run-42" : null) },
      json: async () => {
        if (told === undefined) throw new SyntaxError("Unexpected end of JSON input");
        return structuredClone(told);
      },
    };
  }

  at(id) {
    return this.document.getElementById(id);
  }

  text(id) {
    return this.at(id).textContent.replace(/\s+/g, " ").trim();
  }

  shows(id) {
    return !this.at(id).closest("[hidden]");
  }

  asked(start) {
    return this.calls.filter((call) => call.path.startsWith(start)).map((call) => call.path);
  }

  button(words, within = this.document.body) {
    const found = [...within.querySelectorAll("button")].find((each) => each.textContent.includes(words) && !each.closest("[hidden]"));
    if (!found) throw new Error(`there is no button ${words} in: ${within.textContent}`);
    return found;
  }

  unfold(details) {
    details.open = true;
    return details;
  }

  async until(so, what = so.toString()) {
    for (const end = Date.now() + 5000; Date.now() < end; ) {
      if (this.problems.length) throw this.problems[0];
      if (so()) return;
      await new Promise((resolve) => setTimeout(resolve, 2));
    }
    throw new Error(`it never came to: ${what}; the page says: ${this.at("main").textContent.replace(/\s+/g, " ").slice(0, 1500)}`);
  }

  // Everything that was asked for has been answered and shown.
  async settled() {
    await this.until(() => this.shows("fleet") || this.shows("sign-in"), "a page");
    if (!this.shows("fleet")) return this;
    await this.until(() => !this.at("refresh").disabled && !/Reading …|Counting:/.test(this.at("main").textContent), "rest");
    return this;
  }

  async halfMinute() {
    for (const { act, delay } of this.timers) if (delay < 60_000) await act();
  }

  async minute() {
    for (const { act, delay } of this.timers) if (delay >= 60_000) await act();
  }
}

export async function opened(given = FLEET, options = { key: "the-key" }) {
  return new Browser(given, options).settled();
}
