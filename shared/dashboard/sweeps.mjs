// How Drawbridge itself is: its health, its sweeps, and the subscriptions that it cannot look after.

import { at, button, copyable, counted, el, failed, fill } from "./elements.mjs";
import { ask } from "./calls.mjs";
import { moment, seconds } from "./times.mjs";

const LEAST = 30 * 60;
const TOLD = 50;

let shown = "";

export async function health() {
  try {
    const { status, problems } = await ask("/api/health", { also: [503] });
    const good = status === "ok";
    at("health").className = good ? "good" : "bad";
    at("health").textContent = good ? "✓ can work" : `✕ cannot work: ${(problems ?? []).join("; ")}. Its log says more.`;
  } catch (error) {
    at("health").className = "bad";
    at("health").textContent = `✕ ${error.message}`;
  }
}

// Gives the sweep, so that an empty fleet can be explained by it. Throws only where nobody is signed in.
export async function sweep() {
  try {
    const listed = (await ask("/api/sweeps")).value;
    if (!listed.length) return fill(at("sweep"), el("p", { class: "note warn" }, "No sweep in the last week. Sweeps start by themselves, as the setting DRAWBRIDGE_SWEEP_SCHEDULE says: every 15 minutes as deployed."));
    const latest = await ask(`/api/sweeps/${encodeURIComponent(listed[0].id)}`);
    fill(at("sweep"), told(latest, listed));
    return latest;
  } catch (error) {
    fill(at("sweep"), failed(error, sweep));
    if (error.status === 401 || error.status === 403) throw error;
  }
}

function told(latest, listed) {
  const over = latest.subscriptions.length;
  const late = overdue(listed);
  return [
    el("p", {}, latest.state === "Ready" ? "✓ ended; began " : "↻ under way since ", moment(latest.started),
      `: ${counted(latest.seen, "cache")} seen in ${counted(over, "subscription")}, ${counted(latest.drifted, "of them", "of them")} put on the queue.`),
    late ? el("p", { class: "note warn" }, "That is longer ago than sweeps usually are apart: does the timer run? docs/operate.md has what to do.") : "",
  ];
}

// Whether more than twice the usual time has gone by, and half an hour at least.
export function overdue(listed, now = Date.now()) {
  const starts = listed.map((each) => new Date(each.started).getTime() / 1000);
  const gaps = starts.slice(1).map((start, index) => starts[index] - start).sort((one, other) => one - other);
  const usual = gaps.length ? gaps[Math.floor(gaps.length / 2)] : LEAST;
  return -seconds(listed[0].started, now) > Math.max(2 * usual, LEAST);
}

export async function subscriptions() {
  const part = at("subscriptions-part");
  try {
    const found = (await ask("/api/subscriptions")).value.filter((each) => each.problems.length);
    // What somebody has unfolded stays so, unless there is something new.
    if (shown === JSON.stringify(found)) return;
    shown = JSON.stringify(found);
    part.hidden = found.length === 0;
    fill(at("subscriptions"), listed(found));
  } catch (error) {
    shown = "";
    part.hidden = error.status === 404;
    fill(at("subscriptions"), failed(error, subscriptions));
  }
}

function listed(found) {
  const list = el("ul", {});
  const more = el("div", {});
  const further = () => {
    list.append(...found.splice(0, TOLD).map((each) => el("li", {}, troubled(each))));
    fill(more, found.length ? button(`${counted(found.length, "more")}`, further) : "");
  };
  const number = found.length;
  further();
  return [el("p", { class: "quiet" }, `${counted(number, "subscription")}. What mends one is typed where the repository of Drawbridge is.`), list, more];
}

function troubled({ subscription, caches, lastEvent, problems }) {
  const summary = el("summary", { class: "line" },
    el("span", { class: "verdict warn" }, el("span", { "aria-hidden": "true" }, "! "), problems.map((each) => each.code).join(", ")),
    el("span", { class: "grow" }, subscription),
    el("span", { class: "quiet" }, caches === undefined ? "" : counted(caches, "cache")));
  const inside = problems.flatMap(({ message, help }) => [
    el("p", {}, message),
    help ? el("p", {}, copyable(help, "the command")) : "",
  ]);
  return el("details", {}, summary, el("div", {}, inside, el("p", { class: "quiet" }, "Last event: ", lastEvent ? moment(lastEvent) : "none has ever come")));
}
