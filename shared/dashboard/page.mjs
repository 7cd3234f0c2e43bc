// The page: who is there, and when what is asked for.

import { at, fill } from "./elements.mjs";
import { key } from "./calls.mjs";
import { chosen, first, prepare, show } from "./list.mjs";
import { count } from "./fleet.mjs";
import { health, subscriptions, sweep } from "./sweeps.mjs";
import { retell } from "./times.mjs";

const REPEAT = "drawbridge.repeat";
const MINUTE = 60_000;

let opened = false;
let counted = "";

export function start() {
  prepare();
  at("where").textContent = location.hostname;
  at("out").href = `/.auth/logout?post_logout_redirect_uri=${encodeURIComponent(location.pathname)}`;
  at("with-key").addEventListener("submit", (event) => {
    event.preventDefault();
    key.keep(at("key").value.trim());
    at("key").value = "";
    look();
  });
  at("refresh").addEventListener("click", look);
  at("leave").addEventListener("click", leave);
  at("repeat").checked = sessionStorage.getItem(REPEAT) !== "no";
  at("repeat").addEventListener("change", () => sessionStorage.setItem(REPEAT, at("repeat").checked ? "yes" : "no"));
  setInterval(() => retell(), MINUTE / 2);
  setInterval(again, MINUTE);
  health();
  look();
}

// All of it. The cheapest call comes first: it says whether anybody is signed in.
async function look() {
  at("refresh").disabled = true;
  try {
    const latest = await sweep();
    const again = opened;
    counted = ended(latest);
    at("stale").hidden = true;
    open();
    await Promise.all([subscriptions(), count(latest), again ? show(chosen()) : first()]);
  } catch (error) {
    turnAway(error);
  } finally {
    at("refresh").disabled = false;
  }
}

// What costs little, each minute, while somebody looks.
async function again() {
  if (!opened || !at("repeat").checked || document.visibilityState === "hidden") return;
  health();
  try {
    const latest = ended(await sweep());
    at("stale").hidden = latest === "" || latest === counted;
    await subscriptions();
  } catch (error) {
    turnAway(error);
  }
}

const ended = (sweep) => (sweep?.state === "Ready" ? sweep.id : "");

function open() {
  opened = true;
  at("sign-in").hidden = true;
  at("fleet").hidden = at("tools").hidden = false;
  at("leave").hidden = key.held() === "";
  at("out").hidden = key.held() !== "";
}

function leave() {
  turnAway({ status: 0, code: "", message: "" });
}

// Nobody is signed in, or somebody who may not. Who refuses says what is wanted: the app itself asks for people of
// Entra ID, and Functions, which stands before it and has no words, for a key.
function turnAway(error) {
  const tried = error.message !== "" && (opened || key.held() !== "" || error.status === 403);
  const people = error.code !== "";
  key.forget();
  opened = false;
  at("fleet").hidden = at("tools").hidden = at("alarm").hidden = true;
  for (const id of ["list", "more", "totals", "attention", "subscriptions", "exemptions", "sweep"]) fill(at(id));
  at("sign-in-because").hidden = !tried;
  at("sign-in-because").textContent = error.message;
  at("with-key").hidden = people;
  at("with-entra").hidden = !people;
  at("enter").href = `/.auth/login/aad?post_login_redirect_uri=${encodeURIComponent(location.pathname + location.hash)}`;
  at("sign-in").hidden = false;
  (people ? at("enter") : at("key")).focus();
}
