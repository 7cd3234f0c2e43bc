// What verdicts and reasons are called, look like and mean. Nothing is told by colour alone.

import { at, el } from "./elements.mjs";

export const VERDICTS = {
  Blocked: { mark: "✕", tone: "bad", means: "something is in the way" },
  AuditOnly: { mark: "○", tone: "warn", means: "would be changed, if the policy said enforce" },
  Exempt: { mark: "◷", tone: "warn", means: "public access is tolerated until a day" },
  Converging: { mark: "↻", tone: "busy", means: "under way" },
  Compliant: { mark: "✓", tone: "good", means: "as it should be, or nothing is asked of it" },
  OutOfScope: { mark: "–", tone: "quiet", means: "not looked after" },
};
export const KINDS = ["classic", "managed", "enterprise"];
const PUBLIC = {
  Enabled: "public: Enabled",
  Disabled: "public: Disabled",
  Absent: "public: cannot be set",
};
// These first, whatever their number: a door is open, somebody fights, or Drawbridge itself has failed.
const URGENT = ["Exposed", "Contested", "Failed"];

let reasons;

export function reasonOf(name) {
  reasons ??= JSON.parse(at("reasons").textContent);
  return Object.hasOwn(reasons, name) ? reasons[name] : undefined;
}

export function allReasons() {
  reasonOf("");
  return Object.keys(reasons);
}

export function byUrgency(counts) {
  const rank = (name) => (URGENT.includes(name) ? URGENT.indexOf(name) : URGENT.length);
  return Object.entries(counts).sort(([a, m], [b, n]) => rank(a) - rank(b) || n - m || a.localeCompare(b));
}

export function badge(name) {
  const { mark = "?", tone = "quiet" } = Object.hasOwn(VERDICTS, name) ? VERDICTS[name] : {};
  return el("span", { class: `verdict ${tone}` }, el("span", { "aria-hidden": "true" }, `${mark} `), name);
}

export function publicAccess(value) {
  return el("span", { class: value === "Disabled" ? "quiet" : "warn" }, PUBLIC[value] ?? "public: not known");
}
