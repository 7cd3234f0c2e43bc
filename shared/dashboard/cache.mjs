// One cache: as the last pass left it, as it is now, and what happened to it.

import { apart, button, copyable, el, failed, fill, prose } from "./elements.mjs";
import { ask, query } from "./calls.mjs";
import { moment } from "./times.mjs";
import { badge, KINDS, publicAccess, reasonOf } from "./words.mjs";

const ID = /^\/subscriptions\/([^/]+)\/resourceGroups\/([^/]+)\/providers\/[^/]+\/[^/]+\/([^/]+)$/i;

export function entry(cache) {
  const [, subscription = "", group = "", name = cache.id] = ID.exec(cache.id) ?? [];
  const { verdict, reason, message, step, until } = cache.verdict;
  const said = [reason && reasonOf(reason)?.short, message, step && `under way: ${step}`].filter(Boolean).join(" · ");
  const summary = el("summary", { class: "row" }, apart(
    el("span", {}, apart(badge(verdict), reason ? el("span", { class: "said" }, reason) : "")),
    el("span", {}, el("span", { class: "name" }, name), ` in ${group} `, el("span", { class: "said quiet" }, said)),
    publicAccess(cache.publicNetworkAccess),
    el("span", {}, until ? ["until ", moment(until)] : ["since ", moment(cache.since)])));
  const more = el("div", {});
  const shown = el("details", {}, summary, more);
  shown.addEventListener("toggle", () => {
    if (shown.open && !more.hasChildNodes()) fill(more, facts(cache, { subscription, group, name }));
  });
  return shown;
}

function facts(cache, named) {
  const rows = [
    ["id", copyable(cache.id, "the id")],
    ["kind, region", `${cache.kind || "not known"}, ${cache.region || "not known"}`],
    ["placements", cache.placements.join(", ") || "none"],
    ["tags", tagsOf(cache.tags)],
    ["last pass", moment(cache.lastPass)],
  ];
  const now = el("div", {});
  const before = el("div", {});
  return [
    pairs(rows),
    cache.verdict.reason ? meaning(cache.verdict.reason) : "",
    el("p", {}, once("What happened", () => happened(before, pathOf(named, "/history", cache.kind, { pageSize: 20 }))), " ",
      button("Look at it now (reads Azure)", () => look(now, pathOf(named, "", cache.kind, {})))),
    now, before,
  ];
}

const pairs = (rows) => el("dl", {}, rows.flatMap(([name, value]) => [el("dt", {}, name), el("dd", {}, value)]));

function once(words, act) {
  return button(words, (event) => {
    event.currentTarget.disabled = true;
    act();
  });
}

function tagsOf(tags) {
  const told = Object.entries(tags ?? {});
  return told.length ? told.flatMap(([name, value]) => [el("code", {}, `${name}: ${value}`), " "]) : "none";
}

export function meaning(name) {
  const reason = reasonOf(name);
  if (!reason) return el("p", {}, `${name} is a reason that this page does not know.`);
  const rows = [["means", reason.means], ["do", reason.do], ["clears by itself", reason.clears]];
  return pairs(rows.map(([label, text]) => [label, prose(text)]));
}

function pathOf({ subscription, group, name }, behind, kind, asked) {
  const parts = [subscription, group, name].map(encodeURIComponent).join("/");
  return `/api/caches/${parts}${behind}${query({ kind: KINDS.includes(kind) ? kind : "", ...asked })}`;
}

async function look(where, path) {
  fill(where, el("p", { class: "quiet" }, "Reading …"));
  try {
    // One that was asked for and is not there yet says so by its status.
    fill(where, standing(await ask(path, { also: [409] })));
  } catch (error) {
    fill(where, failed(error, () => look(where, path)));
  }
}

function standing({ observed, desired, plan }) {
  const rows = observed ? [
    ["now", [publicAccess(observed.publicNetworkAccess), `, ${observed.state}`]],
    ["connections", observed.connections.map((each) => el("div", {}, `${each.status}: ${each.name}`))],
    ["endpoints", observed.endpoints.map((each) => el("div", {}, endpoint(each)))],
    ["not readable", observed.unreadable.map((each) => el("div", {}, each))],
  ] : [["now", "Azure does not show it yet."]];
  const { verdict, message = "" } = plan.verdict;
  rows.push(
    ["would be done", plan.actions.length ? plan.actions.map((words) => el("div", {}, words)) : message || `nothing: ${verdict}`],
    ["not granted", desired.notes.map((words) => el("div", {}, words))],
  );
  return pairs(rows.filter(([, value]) => value.length));
}

function endpoint({ id, state, records }) {
  const names = records.map((each) => `${each.name} is ${each.addresses.join(", ")}`).join("; ");
  return `${id.split("/").pop()}: ${state}${names ? `; ${names}` : ", and no DNS record"}`;
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
