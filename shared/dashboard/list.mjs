// Caches in a list: page by page, as far as somebody asks for.

import { at, button, counted, el, failed, fill } from "./elements.mjs";
import { ask, query } from "./calls.mjs";
import { allReasons, KINDS, VERDICTS } from "./words.mjs";
import { entry } from "./cache.mjs";

const FIELDS = ["verdict", "reason", "kind", "subscription", "tag"];
const PAGE = 50;
// A page can be empty and have another behind it, as rows are looked for: so many are followed without being asked.
const FOLLOWED = 10;

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

// The filter stands behind the # of the address, so that it can be sent to somebody, and no log of calls has it.
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
