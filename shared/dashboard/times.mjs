// Moments: in UTC, as every log has them, and how far away they are.

import { el } from "./elements.mjs";

const UNITS = [["day", 86400], ["h", 3600], ["min", 60]];

export function utc(text) {
  const moment = new Date(text);
  return Number.isNaN(moment.getTime()) ? text : `${moment.toISOString().slice(0, 16).replace("T", " ")} UTC`;
}

export function seconds(text, now = Date.now()) {
  return (new Date(text).getTime() - now) / 1000;
}

export function distance(text, now = Date.now()) {
  const away = seconds(text, now);
  if (Number.isNaN(away)) return "";
  const [unit, size] = UNITS.find(([, length]) => Math.abs(away) >= length) ?? ["", 0];
  if (!unit) return away > 0 ? "in less than a minute" : "just now";
  const number = Math.floor(Math.abs(away) / size);
  const words = unit === "day" ? `${number} day${number === 1 ? "" : "s"}` : `${number} ${unit}`;
  return away > 0 ? `in ${words}` : `${words} ago`;
}

export function moment(text) {
  if (!text) return el("span", { class: "quiet" }, "not known");
  return el("time", { datetime: text, title: `${new Date(text).toLocaleString()} where you are` }, told(text));
}

// Called each half minute: nothing on the page shall say "just now" for an hour.
export function retell(now = Date.now()) {
  for (const node of document.querySelectorAll("time")) node.textContent = told(node.getAttribute("datetime"), now);
}

const told = (text, now) => `${utc(text)}, ${distance(text, now)}`;
