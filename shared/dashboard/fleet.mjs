// All caches at once: how many are how, what needs somebody, and which exemptions end.

import { apart, at, button, counted, el, failed, fill } from "./elements.mjs";
import { ask } from "./calls.mjs";
import { entry, meaning } from "./cache.mjs";
import { jump } from "./list.mjs";
import { moment, seconds } from "./times.mjs";
import { byUrgency, KINDS, reasonOf, VERDICTS } from "./words.mjs";

const COUNTING = 230;
const FIRST = 10;
const EXEMPTIONS = 1000;
const SOON = 14 * 86400;

// Counting reads every row that Drawbridge keeps: it is asked for when the page opens and when somebody says so,
// and not each minute. `latest` is the latest sweep, which explains a fleet without caches.
export async function count(latest) {
  fill(at("totals"), el("p", { class: "quiet" }, "Counting: every row is read, which takes a while in a large fleet …"));
  try {
    const read = await ask("/api/caches?counts=true&pageSize=1", { patience: COUNTING });
    tell({ verdicts: read.counts, kinds: read.countsByKind, reasons: read.countsByReason }, latest);
    await exemptions(read.counts.Exempt ?? 0);
  } catch (error) {
    fill(at("totals"), failed(error, () => count(latest)));
  }
}

const sum = (counts) => Object.values(counts).reduce((total, each) => total + each, 0);

function tell({ verdicts, kinds, reasons }, latest) {
  const all = sum(verdicts);
  document.title = `${verdicts.Blocked ? `(${verdicts.Blocked}) ` : ""}Drawbridge ${location.hostname}`;
  fill(at("totals"),
    verdicts.AuditOnly ? audit(verdicts.AuditOnly) : "",
    el("div", { class: "tiles" }, tile("all", all, "", () => jump({})), tilesOf(verdicts)),
    all ? bar(verdicts, all) : el("p", { class: "note" }, nothing(latest)),
    all ? el("p", { class: "kinds" }, "By kind: ", kindsOf(kinds)) : "",
    el("p", { class: "quiet" }, "Counted ", moment(new Date(Date.now()).toISOString()), ", once: that reads every row. Refresh counts again."));
  alarm(reasons.Exposed ?? 0);
  attention(reasons);
}

function tilesOf(verdicts) {
  const known = Object.keys(VERDICTS).filter((name) => verdicts[name]);
  const others = Object.keys(verdicts).filter((name) => !Object.hasOwn(VERDICTS, name));
  return [...known, ...others].map((name) => tile(name, verdicts[name], VERDICTS[name]?.means ?? "", () => jump({ verdict: name })));
}

function tile(name, number, means, act) {
  const { mark = "", tone = "" } = VERDICTS[name] ?? {};
  return el("button", { type: "button", title: means, click: act }, apart(
    el("span", { class: "number" }, number.toLocaleString("en")),
    el("span", { class: `verdict ${tone}` }, el("span", { "aria-hidden": "true" }, mark && `${mark} `), name)));
}

function bar(verdicts, all) {
  const parts = Object.entries(VERDICTS).filter(([name]) => verdicts[name]);
  return el("div", { class: "bar", "aria-hidden": "true" }, parts.map(([name, { tone }]) => {
    const part = el("i", { class: tone });
    part.style.width = `${(100 * verdicts[name]) / all}%`;
    return part;
  }));
}

function kindsOf(kinds) {
  const told = [...KINDS, ...Object.keys(kinds).filter((name) => !KINDS.includes(name))].filter((name) => kinds[name]);
  return told.flatMap((name) => [button(`${name || "not known"}: ${kinds[name].toLocaleString("en")}`, () => jump({ kind: name })), " "]);
}

function nothing(latest) {
  if (!latest) return "Nothing has been seen yet. The first sweep finds the caches that there are; until then, only those appear that something happens to.";
  if (latest.state !== "Ready") return "Nothing has been judged yet: a sweep is under way. Refresh in a minute.";
  if (latest.seen) return "The sweep has seen caches, and none has been judged yet: they are on the queue. Refresh in a minute.";
  return "The sweep has seen no cache. The policy's scope, and what the app's identity may read, say where it looks.";
}

function audit(number) {
  const words = `Audit mode: Drawbridge would change ${counted(number, "cache")} and does not, as the policy says audit there. Each says what would be done.`;
  return el("p", { class: "note warn" }, words);
}

function alarm(number) {
  at("alarm").hidden = number === 0;
  at("alarm").textContent = number ? `${counted(number, "cache is", "caches are")} Exposed: open to the public, and it cannot be closed before there is an endpoint.` : "";
}

function attention(reasons) {
  const told = byUrgency(reasons);
  at("attention-part").hidden = told.length === 0;
  fill(at("attention"), told.map(([name, number]) => why(name, number)));
  // What is open to everybody is shown without being asked for.
  if (told[0]?.[0] === "Exposed") at("attention").firstElementChild.open = true;
}

function why(name, number) {
  const reason = reasonOf(name);
  const summary = el("summary", { class: "line" }, apart(
    el("span", { class: "verdict bad" }, el("span", { "aria-hidden": "true" }, "✕ "), name),
    el("span", { class: "number" }, counted(number, "cache")),
    el("span", { class: "grow" }, reason?.short ?? ""),
    el("span", { class: "quiet" }, reason ? `for: ${reason.who}` : "")));
  const inside = el("div", {});
  const shown = el("details", {}, summary, inside);
  shown.addEventListener("toggle", () => {
    if (shown.open && !inside.hasChildNodes()) open(inside, name, number);
  });
  return shown;
}

async function open(inside, name, number) {
  const list = el("ul", {});
  const read = async () => {
    fill(list, el("li", { class: "quiet" }, "Reading …"));
    try {
      const found = await ask(`/api/caches?verdict=Blocked&reason=${encodeURIComponent(name)}&pageSize=${FIRST}`);
      fill(list, found.value.map((each) => el("li", {}, entry(each))));
    } catch (error) {
      fill(list, el("li", {}, failed(error, read)));
    }
  };
  fill(inside, meaning(name), list,
    number > FIRST ? button(`All ${number.toLocaleString("en")} of them`, () => jump({ verdict: "Blocked", reason: name })) : "");
  await read();
}

async function exemptions(number) {
  at("exemptions-part").hidden = !number;
  if (!number) return;
  try {
    const found = [];
    let link = `/api/caches?verdict=Exempt&pageSize=${EXEMPTIONS}`;
    while (link && found.length < EXEMPTIONS) {
      const read = await ask(link);
      found.push(...read.value);
      link = read.nextLink ?? "";
    }
    ending(found, link !== "");
  } catch (error) {
    fill(at("exemptions"), failed(error, () => exemptions(number)));
  }
}

function ending(found, cut) {
  found.sort((one, other) => seconds(one.verdict.until) - seconds(other.verdict.until));
  const soon = found.filter((each) => seconds(each.verdict.until) < SOON).length;
  fill(at("exemptions"),
    el("p", { class: soon ? "warn" : "quiet" }, `${counted(soon, "exemption ends", "exemptions end")} within 14 days.${cut ? ` Only ${EXEMPTIONS} were read.` : ""}`),
    el("ul", {}, found.slice(0, FIRST).map((each) => el("li", {}, entry(each)))),
    found.length > FIRST ? button(`All ${found.length.toLocaleString("en")} of them`, () => jump({ verdict: "Exempt" })) : "");
}
