// What the page does. Each claim is a test of its own in test_behaviour.py, which runs them all in one go.

import assert from "node:assert/strict";
import { answers, body, Browser, FLEET, opened, recorded, refuses, says, wordless } from "./browser.mjs";

const EVIL = "<img src=x onerror=alert(1)><script>alert(2)</script>";
const claims = [];
const claim = (words, test) => claims.push([words, test]);

const counts = (verdicts, reasons = {}, kinds = { classic: 1 }) => says({ value: [], counts: verdicts, countsByReason: reasons, countsByKind: kinds });
const cache = (name, verdict = { verdict: "Compliant" }) => ({
  ...body("caches").value[0], id: `/subscriptions/11111111-2222-3333-4444-555555555555/resourceGroups/rg/providers/Microsoft.Cache/Redis/${name}`, verdict,
});
const EMPTY = answers({ "/api/caches": recorded("nothing"), "/api/caches?counts=true": recorded("nothing"), "/api/caches?verdict=Blocked": recorded("nothing") });

// ── who is there ────────────────────────────────────────────────────────────────────────────────

claim("who shows no key is asked for one, and told of no mistake", async () => {
  const page = await opened(answers({ "/api/sweeps": wordless(401) }), {});
  assert.ok(page.shows("with-key") && !page.shows("with-entra") && !page.shows("sign-in-because"));
  assert.equal(page.document.activeElement, page.at("key"));
});

claim("a key that is typed opens the page, and is sent in a header and nowhere else", async () => {
  const page = await opened(answers({ "/api/sweeps": (_, { headers }) => (headers["x-functions-key"] ? FLEET["/api/sweeps"] : wordless(401)) }), {});
  page.at("key").value = " s3cret ";
  page.at("with-key").requestSubmit();
  await page.until(() => page.shows("fleet"));
  await page.settled();
  const keyed = page.calls.filter((call) => call.headers["x-functions-key"] === "s3cret");
  assert.ok(keyed.length > 5);
  assert.ok(page.calls.every((call) => !call.path.includes("s3cret") && call.options.redirect === "manual"));
  assert.equal(page.window.sessionStorage.getItem("drawbridge.key"), "s3cret");
  assert.equal(page.window.localStorage.length, 0);
  assert.ok(page.shows("leave") && !page.shows("out"));
  assert.ok(!page.document.documentElement.outerHTML.includes("s3cret") && page.at("key").value === "");
  assert.ok(!page.window.location.href.includes("s3cret"));
});

claim("a wrong key is told and forgotten", async () => {
  const page = await opened(answers({ "/api/sweeps": wordless(401) }), { key: "wrong" });
  assert.match(page.text("sign-in-because"), /key is missing or wrong/);
  assert.ok(page.shows("sign-in-because"));
  assert.equal(page.window.sessionStorage.getItem("drawbridge.key"), null);
});

claim("an app that people sign in to asks for no key", async () => {
  const page = await opened(answers({ "/api/sweeps": refuses(401, "Unauthenticated", "sign in with Entra ID: this app takes no function key") }), {});
  assert.ok(page.shows("with-entra") && !page.shows("with-key"));
  assert.equal(page.at("enter").getAttribute("href"), "/.auth/login/aad?post_login_redirect_uri=%2Fapi%2Fdashboard");
});

claim("a sign-in that the platform asks for is offered", async () => {
  const page = await opened(answers({ "/api/sweeps": { status: 0, type: "opaqueredirect" } }), {});
  assert.ok(page.shows("with-entra") && !page.shows("with-key"));
});

claim("who has signed in needs no key, and can sign out", async () => {
  const page = await opened(FLEET, {});
  assert.ok(page.shows("fleet") && page.shows("out") && !page.shows("leave"));
  assert.ok(page.calls.every((call) => !("x-functions-key" in call.headers) && call.options.credentials === "same-origin"));
});

claim("who has no role reads which one is missing", async () => {
  const page = await opened(answers({ "/api/sweeps": refuses(403, "Forbidden", "this needs the role Drawbridge.Reader, and ada has no role of Drawbridge's") }), {});
  assert.match(page.text("sign-in-because"), /needs the role Drawbridge\.Reader, and ada/);
  assert.ok(page.shows("sign-in-because"));
});

claim("a key that is taken away closes the page within a minute", async () => {
  const page = await opened();
  page.answers = answers({ "/api/sweeps": wordless(401) });
  await page.minute();
  await page.until(() => page.shows("sign-in"));
  assert.ok(!page.at("main").textContent.includes("-weu"));
});

claim("who forgets the key is asked for one again, and nothing is left on the page", async () => {
  const page = await opened();
  page.at("leave").click();
  assert.ok(page.shows("with-key") && !page.shows("sign-in-because"));
  assert.equal(page.window.sessionStorage.getItem("drawbridge.key"), null);
  assert.ok(!page.at("main").textContent.includes("-weu"));
});

claim("a sign-in leads back to what was asked for", async () => {
  const page = await opened(answers({ "/api/sweeps": refuses(401, "Unauthenticated", "sign in") }), { hash: "#verdict=Exempt" });
  assert.equal(page.at("enter").getAttribute("href"), "/.auth/login/aad?post_login_redirect_uri=%2Fapi%2Fdashboard%23verdict%3DExempt");
});

claim("the key goes to this app alone, wherever a link to a next page leads", async () => {
  for (const link of ["https://evil.example/api/caches", "//evil.example/api/caches", "/elsewhere"]) {
    const page = await opened(answers({ "/api/caches?verdict=Blocked": says({ value: [cache("a")], nextLink: link }) }));
    page.button("More").click();
    await page.until(() => /is not of this app's API/.test(page.text("more")));
    assert.ok(page.calls.every((call) => call.path.startsWith("/api/")));
  }
});

// ── what strangers write ────────────────────────────────────────────────────────────────────────

claim("names, tags, messages and callers of strangers are shown as text and never run", async () => {
  const evil = (value) => (typeof value === "string" && !/^(\/|\d{4}-|Blocked$|Exempt$|Ready$|ok$|done$)/.test(value) ? EVIL : value);
  const spoilt = (answer) => JSON.parse(JSON.stringify(answer), (name, value) => (["tags", "counts", "countsByKind", "countsByReason"].includes(name) ? { [EVIL]: value[Object.keys(value)[0]] ?? EVIL } : evil(value)));
  const given = Object.fromEntries(Object.entries(FLEET).map(([path, answer]) => [path, spoilt(answer)]));
  given["/api/caches?verdict=Blocked"] = says({ value: [cache(EVIL, { verdict: EVIL, reason: EVIL, message: EVIL, step: EVIL })] });
  given["/api/caches?counts=true"] = counts({ [EVIL]: 1, Blocked: 2, Exempt: 1, AuditOnly: 1 }, { [EVIL]: 2, Exposed: 1 }, { [EVIL]: 1 });
  const page = await opened(given);
  for (let more = 0; more < 3; more += 1) {
    for (const each of page.document.querySelectorAll("details")) page.unfold(each);
    await page.settled();
  }
  for (const each of page.document.querySelectorAll("button")) if (/What happened/.test(each.textContent)) each.click();
  await page.settled();
  assert.equal(page.document.querySelectorAll("img, iframe, object, [onerror]").length, 0);
  assert.equal(page.document.querySelectorAll("script").length, 2);
  assert.ok(page.at("main").textContent.split(EVIL).length > 15);
  assert.deepEqual(page.problems, []);
});

// ── the whole fleet ─────────────────────────────────────────────────────────────────────────────

claim("it says how many caches have which verdict and are of which kind", async () => {
  const page = await opened();
  assert.match(page.text("totals"), /8 all/);
  for (const [verdict, number] of [["Blocked", 3], ["AuditOnly", 1], ["Exempt", 2], ["Compliant", 2]]) assert.match(page.text("totals"), new RegExp(`${number} \\S ${verdict} `));
  assert.match(page.text("totals"), /classic: 6 managed: 2/);
  assert.equal(page.document.title, "(3) Drawbridge app.example");
});

claim("rows are counted when the page opens and when somebody says so, and not each minute", async () => {
  const page = await opened();
  await page.minute();
  await page.minute();
  assert.deepEqual(page.asked("/api/caches?counts=true"), ["/api/caches?counts=true&pageSize=1"]);
  assert.equal(page.asked("/api/caches?verdict=").length, 2);
  assert.ok(page.asked("/api/sweeps").length > 4);
  page.at("refresh").click();
  await page.until(() => page.asked("/api/caches?counts=true").length === 2);
});

claim("that a sweep has ended since the counting is said, until they are counted again", async () => {
  const page = await opened();
  await page.minute();
  assert.ok(!page.shows("stale"));
  page.answers = answers({ "/api/sweeps/": says({ ...body("sweep"), id: "20261128120000-abcdef", state: "Converging" }, 202) });
  await page.minute();
  assert.ok(!page.shows("stale"));
  page.answers = answers({ "/api/sweeps/": says({ ...body("sweep"), id: "20261128120000-abcdef" }) });
  await page.minute();
  assert.ok(page.shows("stale"));
  page.at("refresh").click();
  await page.settled();
  await page.minute();
  assert.ok(!page.shows("stale"));
});

claim("nothing is asked for while nobody looks, or where somebody said so", async () => {
  const page = await opened();
  const before = page.calls.length;
  page.at("repeat").click();
  await page.minute();
  page.at("repeat").click();
  Object.defineProperty(page.document, "visibilityState", { value: "hidden" });
  await page.minute();
  assert.equal(page.calls.length, before);
});

claim("a fleet of a hundred thousand costs one page of the list, and further ones as somebody asks", async () => {
  const link = (number) => `/api/caches?verdict=Blocked&pageSize=50&pageToken=${number}`;
  const some = (number) => Array.from({ length: 50 }, (_, each) => cache(`c${number}-${each}`));
  const given = answers({
    "/api/caches?counts=true": counts({ Compliant: 60000, Blocked: 40000 }, { SubnetFull: 40000 }, { classic: 100000 }),
    "/api/caches?verdict=Blocked": (path) => {
      const number = Number(new URLSearchParams(path.split("?")[1]).get("pageToken") ?? 0);
      return says({ value: some(number), nextLink: link(number + 1) });
    },
  });
  const page = await opened(given);
  assert.match(page.text("totals"), /100,000/);
  assert.equal(page.asked("/api/caches?verdict=Blocked").length, 1);
  page.button("More").click();
  await page.until(() => page.at("list").childElementCount === 100);
  assert.match(page.text("shown"), /100 caches shown; there may be more/);
  assert.equal(page.asked("/api/caches?verdict=Blocked").length, 2);
});

claim("a page that is empty and has another behind it is looked through", async () => {
  let number = 0;
  const page = await opened(answers({ "/api/caches?verdict=Blocked": () => says((number += 1) < 4 ? { value: [], nextLink: "/api/caches?verdict=Blocked&pageToken=x" } : { value: [cache("found")] }) }));
  assert.match(page.text("list"), /found/);
});

claim("where nothing is found in ten pages, somebody decides whether to look further", async () => {
  let number = 0;
  const page = await opened(answers({ "/api/caches?verdict=Blocked": () => says((number += 1) < 14 ? { value: [], nextLink: "/api/caches?verdict=Blocked&pageToken=x" } : { value: [cache("found")] }) }));
  assert.equal(number, 11);
  page.button("Look further").click();
  await page.until(() => /found/.test(page.text("list")));
});

claim("an empty fleet is explained by its sweeps", async () => {
  for (const [sweeps, sweep, words] of [
    [recorded("no-sweeps"), undefined, /Nothing has been seen yet/],
    [FLEET["/api/sweeps"], says({ ...body("sweep"), state: "Converging" }, 202), /a sweep is under way/],
    [FLEET["/api/sweeps"], says({ ...body("sweep"), seen: 0 }), /has seen no cache\. The policy's scope/],
    [FLEET["/api/sweeps"], says({ ...body("sweep"), seen: 4 }), /they are on the queue/],
  ]) {
    const page = await opened({ ...EMPTY, "/api/sweeps": sweeps, "/api/sweeps/": sweep });
    assert.match(page.text("totals"), words);
    assert.ok(!page.shows("attention-part") && !page.shows("exemptions-part") && !page.shows("alarm"));
    assert.match(page.text("shown"), /No cache is like that/);
  }
});

claim("audit mode is said plainly", async () => {
  assert.match((await opened()).text("totals"), /Audit mode: Drawbridge would change 1 cache and does not/);
});

claim("what is exposed comes first, with an alarm, and is shown without being asked for", async () => {
  const given = answers({
    "/api/caches?counts=true": counts({ Blocked: 44 }, { SubnetFull: 40, Exposed: 1, Contested: 3 }),
    "/api/caches?verdict=Blocked&reason=Exposed": says({ value: [cache("open-one", { verdict: "Blocked", reason: "Exposed" })] }),
  });
  const page = await opened(given);
  assert.deepEqual([...page.document.querySelectorAll("#attention > details > summary .verdict")].map((each) => each.textContent), ["✕ Exposed", "✕ Contested", "✕ SubnetFull"]);
  assert.match(page.text("alarm"), /1 cache is Exposed: open to the public/);
  assert.ok(page.shows("alarm"));
  await page.until(() => /open-one/.test(page.text("attention")));
});

claim("a reason says whose it is, what it means and what to do", async () => {
  const page = await opened();
  const why = page.document.querySelector("#attention details");
  assert.match(why.textContent, /SubnetFull.*2 caches.*no address is left.*for: platform team/);
  page.unfold(why);
  await page.until(() => /clears by itself/.test(why.textContent));
  assert.match(why.textContent, /means.*do/);
  await page.until(() => page.asked("/api/caches?verdict=Blocked&reason=SubnetFull").length === 1);
});

claim("exemptions are listed, the first to end first, and those that end soon are counted", async () => {
  const page = await opened();
  const text = page.text("exemptions");
  assert.match(text, /1 exemption ends within 14 days/);
  assert.ok(text.indexOf("old-weu") < text.indexOf("new-weu"));
  assert.match(text, /until 2026-12-04 00:00 UTC, in 5 days/);
  const late = body("exempt").value.filter((each) => each.verdict.until > "2027");
  assert.match((await opened(answers({ "/api/caches?verdict=Exempt": says({ value: late }) }))).text("exemptions"), /0 exemptions end within 14 days/);
});

// ── the list ────────────────────────────────────────────────────────────────────────────────────

claim("the list begins with what is Blocked, and with everything where nothing is", async () => {
  assert.deepEqual((await opened()).asked("/api/caches?verdict=Blocked"), ["/api/caches?verdict=Blocked&pageSize=50"]);
  const page = await opened(answers({ "/api/caches?verdict=Blocked": recorded("nothing") }));
  assert.match(page.text("shown"), /8 caches shown/);
});

claim("a filter is asked of the app and stands in the address, behind what servers see", async () => {
  const page = await opened();
  page.at("verdict").value = "Exempt";
  page.at("tag").value = "env=a&b";
  page.at("filter").requestSubmit();
  await page.until(() => page.asked("/api/caches?verdict=Exempt&tag=env%3Da%26b&pageSize=50").length === 1);
  assert.equal(page.window.location.hash, "#verdict=Exempt&tag=env%3Da%26b");
  const again = await opened(FLEET, { key: "k", hash: page.window.location.hash });
  assert.equal(again.asked("/api/caches?verdict=Exempt&tag=env%3Da%26b&pageSize=50").length, 1);
  assert.equal(again.at("tag").value, "env=a&b");
});

claim("a choice is shown at once, and so is an address that somebody changes", async () => {
  const page = await opened();
  page.at("kind").value = "managed";
  page.at("kind").dispatchEvent(new page.window.Event("change", { bubbles: true }));
  await page.until(() => page.asked("/api/caches?verdict=Blocked&kind=managed").length === 1);
  page.window.location.hash = "#verdict=Exempt";
  await page.until(() => page.asked("/api/caches?verdict=Exempt&pageSize=50").length === 1);
});

claim("Refresh shows the list as somebody has chosen it", async () => {
  const page = await opened();
  page.button("All", page.at("filter")).click();
  await page.until(() => /8 caches shown/.test(page.text("shown")));
  page.at("refresh").click();
  await page.settled();
  assert.match(page.text("shown"), /8 caches shown/);
});

claim("a total leads to its caches", async () => {
  const page = await opened();
  page.button("Compliant", page.at("totals")).click();
  await page.until(() => page.asked("/api/caches?verdict=Compliant&pageSize=50").length === 1);
  assert.equal(page.at("verdict").value, "Compliant");
  assert.equal(page.document.activeElement, page.at("list-title"));
});

claim("an answer that comes after another filter was chosen changes nothing", async () => {
  const waiting = [];
  const page = await opened(answers({ "/api/caches?verdict=Converging": () => new Promise((resolve) => waiting.push(resolve)) }));
  page.at("verdict").value = "Converging";
  page.at("filter").requestSubmit();
  await page.until(() => waiting.length === 1);
  page.button("All", page.at("filter")).click();
  await page.until(() => /8 caches shown/.test(page.text("shown")));
  waiting[0](says({ value: [cache("too-late")] }));
  await page.minute();
  assert.ok(!page.text("list").includes("too-late"));
});

claim("a failure that comes after another filter was chosen changes nothing", async () => {
  const waiting = [];
  const page = await opened(answers({ "/api/caches?verdict=Converging": () => new Promise((resolve) => waiting.push(resolve)) }));
  page.at("verdict").value = "Converging";
  page.at("filter").requestSubmit();
  await page.until(() => waiting.length === 1);
  page.button("All", page.at("filter")).click();
  await page.until(() => /8 caches shown/.test(page.text("shown")));
  waiting[0](new Error("too late"));
  await page.minute();
  assert.equal(page.text("more"), "");
});

claim("a cache says what is under way, and what is not known of it", async () => {
  const one = { ...cache("young", { verdict: "Converging", step: "an endpoint is being made" }), lastPass: null, since: null };
  const page = await opened(answers({ "/api/caches?verdict=Blocked": says({ value: [one] }) }));
  assert.match(page.text("list"), /under way: an endpoint is being made.*since not known/);
});

claim("a cache says where it is, since when, whether it is open, and what is the matter", async () => {
  const first = (await opened()).document.querySelector("#list summary");
  assert.match(first.textContent.replace(/\s+/g, " "), /Blocked.*SubnetFull.*-weu in rg-shop.*no address is left.*public: \w+.*since 2026-11-28 11:46 UTC, 13 min ago/);
});

claim("a cache that is unfolded says its tags, placements and last pass, and can be copied by its id", async () => {
  const page = await opened(FLEET, { key: "k", hash: "#verdict=Exempt" });
  const one = page.unfold(page.document.querySelector("#list details"));
  await page.until(() => /last pass/.test(one.textContent));
  assert.match(one.textContent, /weu-prod/);
  assert.match(one.textContent, /drawbridge-exempt-reason: vendor/);
  page.button("Copy", one).click();
  await page.until(() => page.copied.length === 1);
  assert.equal(page.copied[0], body("exempt").value[0].id);
});

claim("what happened to a cache is read when somebody asks, and older pages as they go on", async () => {
  const told = body("history");
  const page = await opened(answers({ "/api/caches/": (path) => says(path.includes("pageToken") ? { value: [{ ...told.value[0], caller: "eve" }] } : { ...told, nextLink: `${path}&pageToken=2` }) }));
  const one = page.unfold(page.document.querySelector("#list details"));
  await page.until(() => /last pass/.test(one.textContent));
  assert.equal(page.asked("/api/caches/").length, 0);
  page.button("What happened", one).click();
  await page.until(() => /Older/.test(one.textContent));
  assert.match(page.asked("/api/caches/")[0], /^\/api\/caches\/[0-9a-f-]{36}\/rg-shop\/\S+-weu\/history\?kind=\w+&pageSize=20$/);
  assert.match(one.textContent, /Converging \(the DNS records of the endpoint are being made\) → Compliant/);
  assert.match(one.textContent, /public access: not known → Enabled/);
  page.button("Older", one).click();
  await page.until(() => /by eve/.test(one.textContent));
});

claim("a cache is read in Azure when somebody says so, and told with what would be done", async () => {
  const page = await opened(answers({ "/api/caches/": recorded("cache") }));
  const one = page.unfold(page.document.querySelector("#list details"));
  await page.until(() => /last pass/.test(one.textContent));
  assert.equal(page.asked("/api/caches/").length, 0);
  page.button("Look at it now", one).click();
  await page.until(() => /would be done/.test(one.textContent));
  assert.match(page.asked("/api/caches/")[0], /^\/api\/caches\/[0-9a-f-]{36}\/rg-shop\/\S+-weu\?kind=\w+$/);
  assert.match(one.textContent, /nowpublic: Disabled, Succeeded/);
  assert.match(one.textContent, /connectionsApproved: pe-shop-weu-8d83ba57\./);
  assert.match(one.textContent, /endpointspe-shop-weu-8d83ba57: Ready; shop-weu is 10\.0\.0\.4/);
  assert.match(one.textContent, /would be donenothing: Compliant/);
  assert.doesNotMatch(one.textContent, /not readable|not granted/);
  page.answers = answers({ "/api/caches/": recorded("cramped") });
  page.button("Look at it now", one).click();
  await page.until(() => /would be donemake endpoint pe-cart-weu-/.test(one.textContent));
});

claim("a cache that was asked for and is not there yet is told as that", async () => {
  const page = await opened(answers({ "/api/caches/": says({ ...body("cramped"), observed: null, state: "Blocked" }, 409) }));
  const one = page.unfold(page.document.querySelector("#list details"));
  await page.until(() => /last pass/.test(one.textContent));
  page.button("Look at it now", one).click();
  await page.until(() => /Azure does not show it yet/.test(one.textContent));
});

claim("what cannot be read of one cache says why, and can be asked again", async () => {
  const page = await opened(answers({ "/api/caches/": refuses(502, "AuthorizationFailed", "the app may not read it") }));
  const one = page.unfold(page.document.querySelector("#list details"));
  await page.until(() => /last pass/.test(one.textContent));
  page.button("Look at it now", one).click();
  page.button("What happened", one).click();
  await page.until(() => one.textContent.split("AuthorizationFailed: the app may not read it").length === 3);
  page.answers = answers({ "/api/caches/": recorded("cache") });
  page.button("Try again", one).click();
  await page.until(() => /would be done/.test(one.textContent));
  page.answers = answers({ "/api/caches/": says({ value: [] }) });
  page.button("Try again", one).click();
  await page.until(() => /Nothing is written down about it/.test(one.textContent));
});

claim("what was read of a cache stays while it is folded and unfolded", async () => {
  const page = await opened();
  const one = page.unfold(page.document.querySelector("#list details"));
  await page.until(() => /last pass/.test(one.textContent));
  page.button("What happened", one).click();
  await page.until(() => one.querySelector(".history time"));
  assert.ok(page.button("What happened", one).disabled);
  for (const open of [false, true]) {
    const toggled = new Promise((resolve) => one.addEventListener("toggle", resolve, { once: true }));
    one.open = open;
    await toggled;
  }
  assert.ok(one.querySelector(".history time"));
});

// ── Drawbridge itself ───────────────────────────────────────────────────────────────────────────

claim("it says when the latest sweep began and what it saw", async () => {
  assert.match((await opened()).text("sweep"), /✓ ended; began 2026-11-28 11:46 UTC, 13 min ago: 9 caches seen in 2 subscriptions, 8 of them put on the queue/);
});

claim("a sweep that is older than they usually are apart is warned of", async () => {
  const at = (...times) => says({ value: times.map((time, number) => ({ id: `2026112800000${number}-abcdef`, state: "Ready", started: `2026-11-28T${time}:00Z` })) });
  const late = /longer ago than sweeps usually are apart/;
  assert.match((await opened(answers({ "/api/sweeps": at("11:00", "10:45", "10:30") }))).text("sweep"), late);
  assert.doesNotMatch((await opened(answers({ "/api/sweeps": at("11:45", "11:30", "11:15") }))).text("sweep"), late);
  assert.doesNotMatch((await opened(answers({ "/api/sweeps": at("11:00", "10:00", "09:00") }))).text("sweep"), late);
  assert.match((await opened(answers({ "/api/sweeps": at("09:00") }))).text("sweep"), late);
  assert.doesNotMatch((await opened(answers({ "/api/sweeps": at("11:40", "11:39", "11:38") }))).text("sweep"), late);
});

claim("a subscription with problems gives the command that mends it, to be copied", async () => {
  const page = await opened();
  const one = page.unfold(page.document.querySelector("#subscriptions li:last-child details"));
  assert.match(one.textContent, /NoEvents/);
  assert.match(one.textContent, /none has ever come/);
  page.button("Copy", one).click();
  await page.until(() => page.copied.length === 1);
  assert.match(page.copied[0], /^\.\/dev watch [0-9a-f-]{36}$/);
  assert.ok(!page.text("subscriptions").includes("22222222-3333-4444-5555-666666666666"));
});

claim("subscriptions that are well are said to be so, and what cannot be read comes before what is silent", async () => {
  const page = await opened();
  assert.match(page.text("subscriptions"), /^Something is the matter with 2 of 3 subscriptions/);
  assert.ok(page.text("subscriptions").indexOf("AuthorizationFailed") < page.text("subscriptions").indexOf("NoEvents"));
  const well = await opened(answers({ "/api/subscriptions": says({ value: body("subscriptions").value.filter((each) => !each.problems.length) }) }));
  assert.match(well.text("subscriptions"), /✓ 1 subscription in scope, and nothing known to be the matter with any/);
});

claim("many subscriptions with problems are shown some at a time", async () => {
  const [one] = body("subscriptions").value.filter((each) => each.problems.length);
  const page = await opened(answers({ "/api/subscriptions": says({ value: Array.from({ length: 120 }, () => one) }) }));
  const shown = () => page.document.querySelectorAll("#subscriptions details").length;
  assert.equal(shown(), 50);
  page.button("70 more").click();
  assert.equal(shown(), 100);
});

claim("what somebody has unfolded stays so while nothing changes", async () => {
  const page = await opened();
  page.unfold(page.document.querySelector("#subscriptions details"));
  page.unfold(page.document.querySelector("#list details"));
  await page.minute();
  assert.ok(page.document.querySelector("#subscriptions details").open && page.document.querySelector("#list details").open);
});

claim("what keeps the app from working is said above everything", async () => {
  const page = await opened(answers({ "/api/health": says({ status: "failing", problems: ["the policy cannot be used"] }, 503) }));
  await page.until(() => page.text("health") === "✕ cannot work: the policy cannot be used. Its log says more.");
});

// ── when something fails ────────────────────────────────────────────────────────────────────────

claim("what fails says so in the app's words with the request, and the rest is shown", async () => {
  const page = await opened(answers({ "/api/caches?counts=true": refuses(503, "StorageUnavailable", "storage cannot be reached; ask again") }));
  assert.match(page.text("totals"), /StorageUnavailable: storage cannot be reached; ask again \(request run-42\)/);
  assert.match(page.text("shown"), /3 caches shown/);
  page.answers = FLEET;
  page.button("Try again", page.at("totals")).click();
  await page.until(() => /8 all/.test(page.text("totals")));
});

claim("exemptions that cannot be read say why", async () => {
  const page = await opened(answers({ "/api/caches?verdict=Exempt": refuses(503, "StorageUnavailable", "ask again") }));
  assert.match(page.text("exemptions"), /StorageUnavailable: ask again/);
});

claim("a filter that the app refuses says why", async () => {
  const page = await opened(answers({ "/api/caches?subscription=": refuses(400, "InvalidRequest", "subscription is 'apps'; it must be of the form …") }));
  page.button("All", page.at("filter")).click();
  await page.settled();
  page.at("subscription").value = "apps";
  page.at("filter").requestSubmit();
  await page.until(() => /subscription is 'apps'/.test(page.text("more")));
});

claim("an app that cannot be reached, answers nonsense or takes too long is told apart", async () => {
  const late = Object.assign(new Error("late"), { name: "TimeoutError" });
  for (const [answer, words] of [[new Error("net::ERR_FAILED"), /cannot be reached: net::ERR_FAILED/], [wordless(500), /answered 500, and not in its own words/], [late, /not answered within 230 seconds/]]) {
    assert.match((await opened(answers({ "/api/caches?counts=true": answer }))).text("totals"), words);
  }
});

claim("how long ago something was is told anew as time goes by", async () => {
  const page = await opened();
  assert.match(page.text("totals"), /Counted 2026-11-28 12:00 UTC, just now/);
  page.later = 3 * 3_600_000;
  await page.halfMinute();
  assert.match(page.text("totals"), /Counted 2026-11-28 12:00 UTC, 3 h ago/);
});

// ── for everybody ───────────────────────────────────────────────────────────────────────────────

claim("every control has a name and every verdict its word", async () => {
  const page = await opened();
  assert.match(page.document.querySelector("#list summary").textContent, /✕ Blocked SubnetFull\s+\S+-weu in rg-shop /);
  for (const each of page.document.querySelectorAll("details")) page.unfold(each);
  await page.settled();
  for (const each of page.document.querySelectorAll("button, a")) assert.ok(each.textContent.trim() || each.getAttribute("aria-label"), each.outerHTML);
  for (const each of page.document.querySelectorAll("input, select")) assert.ok(each.labels.length, each.outerHTML);
  for (const each of page.document.querySelectorAll(".verdict")) assert.match(each.textContent, /[A-Za-z]{3}/);
  for (const each of page.document.querySelectorAll("section")) assert.ok(page.at(each.getAttribute("aria-labelledby")));
});

// ────────────────────────────────────────────────────────────────────────────────────────────────

const results = {};
for (const [words, test] of claims) {
  try {
    await test();
    results[words] = "";
  } catch (error) {
    results[words] = error.stack ?? String(error);
  }
}
process.stdout.write(JSON.stringify(results), () => process.exit(0));
