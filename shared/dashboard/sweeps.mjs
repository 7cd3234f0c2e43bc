// How Drawbridge itself is: its health, its sweeps, and the subscriptions that it cannot look after.

import { apart, at, button, copyable, counted, el, failed, fill } from "./elements.mjs";
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
  try {
    const all = (await ask("/api/subscriptions")).value;
    // What somebody has unfolded stays so, unless there is something new.
    const told = JSON.stringify(all.map(({ subscription, problems }) => [subscription, problems]));
    if (shown === told) return;
    shown = told;
    fill(at("subscriptions"), listed(all));
  } catch (error) {
    shown = "";
    fill(at("subscriptions"), failed(error, subscriptions));
  }
}

function listed(all) {
  const found = all.filter((each) => each.problems.length).sort((one, other) => gravity(one) - gravity(other));
  if (!all.length) return el("p", { class: "quiet" }, "None is known before the first sweep.");
  if (!found.length) return el("p", {}, `✓ ${counted(all.length, "subscription")} in scope, and nothing known to be the matter with any.`);
  const list = el("ul", {});
  const more = el("div", {});
  let next = 0;
  const further = () => {
    list.append(...found.slice(next, next + TOLD).map((each) => el("li", {}, troubled(each))));
    next += TOLD;
    fill(more, next < found.length ? button(`${(found.length - next).toLocaleString("en")} more`, further) : "");
  };
  further();
  const words = `Something is the matter with ${found.length.toLocaleString("en")} of ${counted(all.length, "subscription")} in scope. The commands are typed in the folder of Drawbridge's repository.`;
  return [el("p", { class: "warn" }, words), list, more];
}

// What cannot be read is not looked after at all; what sends no events is looked after late.
const gravity = ({ problems }) => (problems.some((each) => each.code !== "NoEvents") ? 0 : 1);

function troubled({ subscription, caches, lastEvent, problems }) {
  const summary = el("summary", { class: "line" }, apart(
    el("span", { class: "verdict warn" }, el("span", { "aria-hidden": "true" }, "! "), problems.map((each) => each.code).join(", ")),
    el("span", { class: "grow" }, subscription),
    el("span", { class: "quiet" }, counted(caches, "cache"))));
  const inside = problems.flatMap(({ message, help }) => [
    el("p", {}, message),
    help ? el("p", {}, copyable(help, "the command")) : "",
  ]);
  return el("details", {}, summary, el("div", {}, inside, el("p", { class: "quiet" }, "Last event: ", lastEvent ? moment(lastEvent) : "none has ever come")));
}
