// Caches in a list: page by page, as far as somebody asks for.

import { at, button, copyable, counted, el, failed, fill, prose } from "./elements.mjs";
import { ask, query } from "./calls.mjs";
import { moment } from "./times.mjs";
import { allReasons, badge, KINDS, publicAccess, reasonOf, VERDICTS } from "./words.mjs";

const FIELDS = ["verdict", "reason", "kind", "subscription", "tag"];
const PAGE = 50;
// A page can be empty and have another behind it, as rows are looked for: so many are followed without being asked.
const FOLLOWED = 10;
const ID = /^\/subscriptions\/([^/]+)\/resourceGroups\/([^/]+)\/providers\/[^/]+\/[^/]+\/([^/]+)$/i;

let current = 0;

export function prepare() {
  options("verdict", Object.keys(VERDICTS));
  options("reason", allReasons());
  options("kind", KINDS);
  at("filter").addEventListener("submit", (event) => {
    event.preventDefault();
    show(chosen());
  });
  at("filter").addEventListener("reset", (event) => {
    event.preventDefault();
    show({});
  });
  for (const name of ["verdict", "reason", "kind"]) at(name).addEventListener("change", () => show(chosen()));
  addEventListener("hashchange", () => show(filterOfAddress()));
}

function options(id, names) {
  fill(at(id), el("option", { value: "" }, "any"), names.map((name) => el("option", { value: name }, name)));
}

export const chosen = () => Object.fromEntries(FIELDS.map((name) => [name, at(name).value.trim()]));

// The filter stands behind the # of the address, so that it can be sent to somebody; servers never see that part.
function filterOfAddress() {
  const told = new URLSearchParams(location.hash.slice(1));
  return Object.fromEntries(FIELDS.map((name) => [name, told.get(name) ?? ""]));
}

// What the address says; without that, what is Blocked; without any such, everything.
export async function first() {
  const asked = filterOfAddress();
  if (Object.values(asked).some(Boolean)) return show(asked);
  await show({ verdict: "Blocked" });
  const nobody = at("list").childElementCount === 0 && !at("more").hasChildNodes();
  if (nobody && chosen().verdict === "Blocked") await show({});
}

export async function show(filter) {
  for (const name of FIELDS) at(name).value = filter[name] ?? "";
  history.replaceState(null, "", `#${query(chosen()).slice(1)}`);
  fill(at("list"));
  at("shown").textContent = "";
  await page(`/api/caches${query({ ...chosen(), pageSize: PAGE })}`, 0);
}

export async function jump(filter) {
  at("list-title").focus();
  at("list-title").scrollIntoView();
  await show(filter);
}

async function page(path, followed) {
  const mine = (current += 1);
  fill(at("more"), el("p", { class: "quiet" }, "Reading …"));
  try {
    const read = await ask(path);
    // Somebody has asked for something else meanwhile.
    if (mine !== current) return;
    at("list").append(...read.value.map((each) => el("li", {}, entry(each))));
    const none = read.value.length === 0;
    if (none && read.nextLink && followed < FOLLOWED) await page(read.nextLink, followed + 1);
    else tell(read.nextLink, none);
  } catch (error) {
    if (mine === current) fill(at("more"), failed(error, () => page(path, 0)));
  }
}

function tell(nextLink, none) {
  const number = at("list").childElementCount;
  at("shown").textContent = number || nextLink ? `${counted(number, "cache")} shown${nextLink ? "; there may be more" : ""}.` : "No cache is like that.";
  fill(at("more"), nextLink ? button(none ? "Look further" : "More", () => page(nextLink, 0)) : "");
}

export function entry(cache) {
  const [, subscription = "", group = "", name = cache.id] = ID.exec(cache.id) ?? [];
  const { verdict, reason, message, step, until } = cache.verdict;
  const said = [reason && reasonOf(reason)?.short, message, step && `under way: ${step}`].filter(Boolean).join(" · ");
  const summary = el("summary", { class: "row" },
    el("span", {}, badge(verdict), reason ? el("span", { class: "said" }, reason) : ""),
    el("span", {}, el("span", { class: "name" }, name), ` in ${group} `, el("span", { class: "said quiet" }, said)),
    publicAccess(cache.publicNetworkAccess),
    el("span", {}, until ? ["until ", moment(until)] : ["since ", moment(cache.since)]));
  const more = el("div", {});
  const shown = el("details", {}, summary, more);
  shown.addEventListener("toggle", () => {
    if (shown.open && !more.hasChildNodes()) fill(more, facts(cache, { subscription, group, name }));
  });
  return shown;
}

function facts(cache, named) {
  const tags = Object.entries(cache.tags ?? {});
  const rows = [
    ["id", copyable(cache.id, "the id")],
    ["kind, region", `${cache.kind || "not known"}, ${cache.region || "not known"}`],
    ["placements", cache.placements.join(", ") || "none"],
    ["tags", tags.length ? tags.map(([name, value]) => [el("code", {}, `${name}: ${value}`), " "]).flat() : "none"],
    ["last pass", moment(cache.lastPass)],
  ];
  const before = el("div", {});
  return [
    el("dl", {}, rows.flatMap(([name, value]) => [el("dt", {}, name), el("dd", {}, value)])),
    cache.verdict.reason ? meaning(cache.verdict.reason) : "",
    el("p", {}, button("What happened", (event) => {
      event.currentTarget.disabled = true;
      happened(before, pathOf(named, cache.kind));
    })),
    before,
  ];
}

export function meaning(name) {
  const reason = reasonOf(name);
  if (!reason) return el("p", {}, `${name} is a reason that this page does not know.`);
  const rows = [["means", reason.means], ["do", reason.do], ["clears by itself", reason.clears]];
  return el("dl", {}, rows.flatMap(([label, text]) => [el("dt", {}, label), el("dd", {}, prose(text))]));
}

function pathOf({ subscription, group, name }, kind) {
  const parts = [subscription, group, name].map(encodeURIComponent).join("/");
  return `/api/caches/${parts}/history${query({ kind: KINDS.includes(kind) ? kind : "", pageSize: 20 })}`;
}

async function happened(where, path) {
  const list = el("ul", { class: "history" });
  const more = el("div", {});
  fill(where, list, more);
  const read = async (link) => {
    fill(more, el("p", { class: "quiet" }, "Reading …"));
    try {
      const answer = await ask(link);
      list.append(...answer.value.map((each) => el("li", {}, past(each))));
      const older = answer.nextLink ? button("Older", () => read(answer.nextLink)) : "";
      fill(more, older, list.hasChildNodes() ? "" : el("p", { class: "quiet" }, "Nothing is written down about it."));
    } catch (error) {
      fill(more, failed(error, () => read(link)));
    }
  };
  await read(path);
}

function past(row) {
  const by = [row.trigger, row.operation, row.caller && `by ${row.caller}`].filter(Boolean).join(", ");
  const [was, became] = [row.was, row.became].map((each) => each.publicNetworkAccess || "not known");
  const open = was === became ? "" : `public access: ${was} → ${became}`;
  return [
    moment(row.at), ` · ${by}`,
    el("div", {}, `${inShort(row.before)} → ${inShort(row.after)}${row.after.message ? `: ${row.after.message}` : ""}`),
    [...row.done, open].filter(Boolean).map((words) => el("div", { class: "quiet" }, words)),
  ].flat();
}

function inShort(verdict) {
  if (!verdict) return "nothing said";
  const { reason, step } = verdict;
  return `${verdict.verdict}${reason ? ` ${reason}` : ""}${step ? ` (${step})` : ""}`;
}
