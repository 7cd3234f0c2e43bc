// The dashboard of an app that runs, in jsdom: what somebody sees who types the key and looks for one cache.
// Writes JSON: what was asked and how it was answered, and what the page said.

import { createRequire } from "node:module";

const { JSDOM, VirtualConsole } = createRequire(`${process.env.JSDOM}/`)("jsdom");
const [url, key, name] = process.argv.slice(2);
const asked = [];
const problems = [];

async function fetched(path, options) {
  const answer = await fetch(new URL(path, url), options);
  asked.push([path.replace(/\?.*/, ""), answer.status]);
  return answer;
}

async function until(so) {
  for (const end = Date.now() + 20_000; Date.now() < end; await new Promise((resolve) => setTimeout(resolve, 10))) if (so()) return;
  throw new Error(`it never came to ${so}; the page says: ${document.getElementById("main").textContent}`);
}

const virtualConsole = new VirtualConsole();
virtualConsole.on("jsdomError", (error) => problems.push(String(error.detail ?? error)));
const { window } = await JSDOM.fromURL(url, {
  runScripts: "dangerously",
  virtualConsole,
  beforeParse(made) {
    Object.assign(made, { fetch: fetched, AbortSignal });
    made.Element.prototype.scrollIntoView = () => undefined;
  },
});
const { document } = window;
const at = (id) => document.getElementById(id);
const button = (words, within) => [...within.querySelectorAll("button")].find((each) => each.textContent.includes(words));

await until(() => !at("sign-in").hidden);
at("key").value = key;
at("with-key").requestSubmit();
await until(() => button("Compliant", at("totals")) && !at("refresh").disabled);
button("Compliant", at("totals")).click();
const found = () => [...at("list").querySelectorAll("details")].find((each) => each.querySelector(".name").textContent === name);
await until(found);
const cache = found();
cache.open = true;
await until(() => button("What happened", cache));
button("What happened", cache).click();
await until(() => cache.querySelector(".history time"));
const said = Object.fromEntries(["health", "totals", "sweep", "subscriptions"].map((id) => [id, at(id).textContent]));
process.stdout.write(JSON.stringify({ asked, problems, said: { ...said, cache: cache.textContent } }), () => process.exit(0));
