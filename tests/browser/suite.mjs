// Runs every case in a real Chromium, and prints one line of JSON for each.
//
// The settings come as JSON in the first argument: where things are, and which group of
// cases to run. A case passes by returning; it fails by throwing.

import assert from "node:assert/strict";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { chromium } from "playwright-core";
import { report } from "./running.mjs";

const at = JSON.parse(process.argv[2]);
const where = { issuer: at.issuer, clientId: "spa", tokenUrl: at.tokenUrl };
const brief = { ...where, clientId: "brief" }; // its tokens end while a test waits
const tokenUrl = at.tokenUrl ?? `${at.issuer}/oauth/token`;
const ALICE = ["alice", "wonderland"];
const BOB = ["bob", "builder"];
const FORM = { "Content-Type": "application/x-www-form-urlencoded" };

let browser;
const pages = [];

async function open(origin, path = "/page.html", context = undefined) {
  const own = context ?? (await browser.newContext());
  const page = await own.newPage();
  pages.push(page);
  await page.goto(origin + path);
  return page;
}

const signIn = (page, who = ALICE, to = where) =>
  page.evaluate(([w, u, p]) => signIn(w, u, p), [to, ...who]);
const call = (page, url, token, options) =>
  page.evaluate(([u, t, o]) => call(u, t, o), [url, token, options]);
const notes = async (page, token) =>
  JSON.parse((await call(page, `${at.api}/notes`, token)).body).notes.length;
// Post a form as a page may, and wait for what the browser shows then.
async function submit(page, url, fields, enctype) {
  const shown = page.waitForNavigation();
  await page.evaluate(([u, f, e]) => submitForm(u, f, e), [url, fields, enctype]);
  await shown;
}

const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
const refreshBody = (token, client = "spa") =>
  new URLSearchParams({
    grant_type: "refresh_token",
    client_id: client,
    refresh_token: token,
  }).toString();

const api = {
  async "login and API call"() {
    const page = await open(at.own);
    const { access, refresh } = await signIn(page);
    assert.ok(access && refresh);
    const answer = await call(page, `${at.api}/notes`, access);
    assert.equal(answer.status, 200);
    assert.ok(Array.isArray(JSON.parse(answer.body).notes));
  },

  async "a 401 is readable: status and challenge"() {
    const page = await open(at.own);
    const answer = await call(page, `${at.api}/notes`);
    assert.equal(answer.status, 401);
    assert.match(answer.challenge, /^Bearer realm=/);
    const bad = await call(page, `${at.api}/notes`, "not.a.token");
    assert.equal(bad.status, 401);
    assert.match(bad.challenge, /error="invalid_token"/);
  },

  async "a scope refusal is readable"() {
    const page = await open(at.own);
    const { access } = await signIn(page, BOB);
    const options = { method: "POST", body: "{}" };
    const answer = await call(page, `${at.api}/notes`, access, options);
    assert.equal(answer.status, 403);
    assert.match(answer.challenge, /insufficient_scope.*scope="notes:write"/);
  },

  async "an expired token, then a refresh"() {
    const page = await open(at.own);
    const { access } = await signIn(page, ALICE, brief);
    await sleep(at.lifetime * 1000 + 1200);
    const old = await call(page, `${at.api}/notes`, access);
    assert.equal(old.status, 401);
    assert.match(old.challenge, /expired/);
    const renewed = await page.evaluate((w) => signInSilently(w), brief);
    assert.notEqual(renewed.access, access);
    const answer = await call(page, `${at.api}/notes`, renewed.access);
    assert.equal(answer.status, 200);
  },

  async "a refresh from a stranger's page: refused, and nothing is spent"() {
    const page = await open(at.own);
    const { refresh } = await signIn(page);
    const stranger = await open(at.stranger);
    const options = { method: "POST", headers: FORM, body: refreshBody(refresh) };
    const stolen = await call(stranger, tokenUrl, null, options);
    assert.ok(stolen.unreadable);
    await submit(stranger, tokenUrl, { grant_type: "refresh_token", client_id: "spa", refresh_token: refresh });
    assert.doesNotMatch(await stranger.content(), /access_token/);
    const kept = await call(page, tokenUrl, null, options);
    assert.equal(kept.status, 200);
  },

  async "a login from a stranger's page brings no token"() {
    const stranger = await open(at.stranger);
    const [username, password] = ALICE;
    const fields = { grant_type: "password", client_id: "spa", username, password };
    const options = {
      method: "POST",
      headers: FORM,
      body: new URLSearchParams(fields).toString(),
    };
    assert.ok((await call(stranger, tokenUrl, null, options)).unreadable);
    for (const enctype of [undefined, "text/plain", "multipart/form-data"]) {
      const page = await open(at.stranger);
      await submit(page, tokenUrl, fields, enctype);
      assert.doesNotMatch(await page.content(), /access_token/);
    }
  },

  async "a token of client A on client B's page: refused and unreadable"() {
    const page = await open(at.own);
    const { access } = await signIn(page);
    const before = await notes(page, access);
    const other = await open(at.other);
    assert.ok((await call(other, `${at.api}/notes`, access)).unreadable);
    const options = {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify({ text: "from B" }),
    };
    assert.ok((await call(other, `${at.api}/notes`, access, options)).unreadable);
    assert.equal(await notes(page, access), before);
  },

  async "a stranger's page: stopped at the preflight"() {
    const page = await open(at.own);
    const { access } = await signIn(page);
    const before = await notes(page, access);
    const stranger = await open(at.stranger);
    const options = {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify({ text: "from a stranger" }),
    };
    assert.ok((await call(stranger, `${at.api}/notes`, access, options)).unreadable);
    assert.ok((await call(stranger, `${at.api}/notes`, access)).unreadable);
    assert.equal(await notes(page, access), before);
  },

  async "a preflight is cached"() {
    const page = await open(at.own);
    const { access } = await signIn(page);
    const mark = `${at.api}/notes?preflight=${Date.now()}`;
    for (let n = 0; n < 3; n += 1) assert.equal((await call(page, mark, access)).status, 200);
    console.log(JSON.stringify({ mark: new URL(mark).search }));
  },
};

// The token endpoint on the API's own origin.
const relay = {
  async "a refresh that is off: the page reads that it has to sign in again"() {
    const page = await open(at.other);
    const { refresh } = await signIn(page, ALICE, { ...where, clientId: "other" });
    const body = refreshBody(refresh, "other");
    const options = { method: "POST", headers: FORM, body };
    const answer = await call(page, tokenUrl, null, options);
    assert.equal(answer.status, 403);
    assert.equal(JSON.parse(answer.body).error, "unauthorized_client");
  },

  async "a wrong password: the page reads the issuer's own words"() {
    const page = await open(at.own);
    const fields = { grant_type: "password", client_id: "spa", username: "alice", password: "x" };
    const options = { method: "POST", headers: FORM, body: new URLSearchParams(fields).toString() };
    const answer = await call(page, tokenUrl, null, options);
    assert.equal(answer.status, 400);
    assert.equal(JSON.parse(answer.body).error, "invalid_grant");
  },
};

// WebSockets: a page has no header to put a token in, so it goes as a subprotocol.
const socketUrl = `${at.api.replace("http", "ws")}/live`;
const socket = (page, protocols, ms) =>
  page.evaluate(([u, p, m]) => openSocket(u, p, m), [socketUrl, protocols, ms]);

const sockets = {
  async "a socket of the client's own page"() {
    const page = await open(at.own);
    const { access } = await signIn(page);
    const found = await socket(page, ["bearer", access], 1500);
    assert.deepEqual([found.opened, found.protocol, found.first], [true, "bearer", "hello alice"]);
  },

  async "a socket of another page is refused before it opens"() {
    const page = await open(at.own);
    const { access } = await signIn(page);
    for (const origin of [at.other, at.stranger]) {
      const found = await socket(await open(origin), ["bearer", access], 500);
      assert.deepEqual([found.opened, found.code], [false, 1006]);
    }
  },

  async "a socket without a token, or with a bad one, is refused before it opens"() {
    const page = await open(at.own);
    for (const protocols of [[], ["bearer"], ["bearer", "x.y.z"], ["chat"]]) {
      const found = await socket(page, protocols, 500);
      assert.deepEqual([found.opened, found.code], [false, 1006]);
    }
  },

  async "a socket ends with its token"() {
    const page = await open(at.own);
    const { access } = await signIn(page, ALICE, brief);
    const found = await socket(page, ["bearer", access], at.lifetime * 1000 + 2500);
    assert.deepEqual([found.opened, found.code, found.reason], [true, 4401, "expired"]);
  },
};

async function signInAtSite(context, who = ALICE, where = at.www) {
  const page = await open(where, "/login", context);
  await page.fill("input[name=username]", who[0]);
  await page.fill("input[name=password]", who[1]);
  await Promise.all([page.waitForURL(`${where}/`), page.click("form button")]);
  return page;
}

const countOf = async (page, text) => {
  await page.goto(`${at.www}/`);
  return (await page.content()).split(text).length - 1;
};
const tokenCookies = async (context) =>
  (await context.cookies(at.www)).filter((cookie) => cookie.name.includes("session"));
const atLogin = (url) => url.pathname === "/login";

const site = {
  async "login by form: an HttpOnly cookie, and a page made with it"() {
    const context = await browser.newContext();
    const page = await signInAtSite(context);
    const [cookie] = await tokenCookies(context);
    assert.ok(cookie.httpOnly);
    assert.equal(cookie.sameSite, "Lax");
    assert.equal(await page.evaluate(() => document.cookie), "");
    assert.match(await page.content(), /alice/);
  },

  async "CSRF by form, fetch, image and WebSocket from the stranger's page"() {
    const context = await browser.newContext();
    const page = await signInAtSite(context);
    const text = `csrf-${Date.now()}`;
    for (const enctype of [undefined, "text/plain", "multipart/form-data"]) {
      const stranger = await open(at.stranger, "/page.html", context);
      await submit(stranger, `${at.www}/notes`, { text }, enctype);
      assert.doesNotMatch(await stranger.content(), /alice/);
    }
    const stranger = await open(at.stranger, "/page.html", context);
    for (const mode of ["cors", "no-cors"]) {
      await call(stranger, `${at.www}/notes`, null, {
        method: "POST",
        mode,
        credentials: "include",
        headers: FORM,
        body: `text=${text}`,
      });
    }
    const read = await call(stranger, `${at.www}/`, null, { credentials: "include" });
    assert.ok(read.unreadable);
    assert.equal(await stranger.evaluate((u) => loadImage(u), `${at.www}/`), "failed");
    const socket = `${at.www.replace("http", "ws")}/notes`;
    assert.equal((await stranger.evaluate((u) => openSocket(u), socket)).opened, false);
    assert.equal(await countOf(page, text), 0);
  },

  async "login CSRF: the stranger's page cannot sign the visitor in"() {
    const context = await browser.newContext();
    const stranger = await open(at.stranger, "/page.html", context);
    const [username, password] = BOB;
    await submit(stranger, `${at.www}/login`, { username, password });
    assert.deepEqual(await tokenCookies(context), []);
  },

  async "logout: by the site's own page, and not by the stranger's"() {
    const context = await browser.newContext();
    const page = await signInAtSite(context);
    const stranger = await open(at.stranger, "/page.html", context);
    await submit(stranger, `${at.www}/logout`, {});
    assert.notDeepEqual(await tokenCookies(context), []);
    await page.goto(`${at.www}/`);
    await Promise.all([
      page.waitForURL(`${at.www}/login`),
      page.click("form[action$='logout'] button"),
    ]);
    assert.deepEqual(await tokenCookies(context), []);
    await page.goto(`${at.www}/`);
    assert.equal(page.url(), `${at.www}/login?next=/`);
  },

  async "an ended token is refreshed without a password"() {
    const context = await browser.newContext();
    const page = await signInAtSite(context);
    const [before] = await tokenCookies(context);
    await sleep(at.lifetime * 1000 + 1200);
    await page.goto(`${at.www}/`);
    assert.equal(page.url(), `${at.www}/`);
    assert.match(await page.content(), /alice/);
    const [after] = await tokenCookies(context);
    assert.notEqual(after.value, before.value);
  },
};

// Sessions, through an expiry and after their end. The site's log tells its events.
const told = async (event) => (await readFile(at.log, "utf8")).split(`event=${event}`).length - 1;
const name = (page) => page.textContent("h1");

const session = {
  async "two tabs through an expiry: both stay signed in, and one refresh is enough"() {
    const context = await browser.newContext();
    const first = await signInAtSite(context);
    const second = await context.newPage();
    pages.push(second);
    const ends = await endOf(context);
    const before = await told("session_");
    await until(ends + 0.2);
    await Promise.all([first.goto(`${at.www}/`), second.goto(`${at.www}/`)]);
    assert.deepEqual([await name(first), await name(second)], ["alice", "alice"]);
    await sleep(1200); // the browser has the new cookie, and needs nobody's grace
    for (const page of [first, second]) {
      await page.goto(`${at.www}/`);
      assert.equal(await name(page), "alice");
    }
    assert.equal(await told("session_"), before + 1);
    assert.ok((await endOf(context)) > ends);
  },

  async "a tab that is open past the end of its token still shows when it is signed out"() {
    const context = await browser.newContext();
    const page = await signInAtSite(context);
    const other = await siteTab(context);
    await until((await endOf(context)) + 0.2);
    await other.waitForFunction(() => "live" in document.body.dataset);
    await page.goto(`${at.www}/`);
    await press(page, "Sign out");
    await other.waitForURL(atLogin, SOON);
  },

  async "the back button after signing out shows nothing private"() {
    const context = await browser.newContext();
    const page = await signInAtSite(context);
    await page.goto(`${at.www}/admin`);
    await page.goto(`${at.www}/`);
    await Promise.all([
      page.waitForURL(`${at.www}/login`),
      page.getByRole("button", { name: "Sign out", exact: true }).click(),
    ]);
    for (let n = 0; n < 2; n += 1) {
      await page.goBack();
      assert.equal(new URL(page.url()).pathname, "/login");
      assert.doesNotMatch(await page.content(), /alice|somebody's sessions/);
    }
  },

  async "a bookmark to a deep page: to the form, and back there after signing in"() {
    const page = await open(at.www, "/admin?from=bookmark#people");
    assert.equal(new URL(page.url()).pathname, "/login");
    await page.fill("input[name=username]", "alice");
    await page.fill("input[name=password]", "x");
    await page.click("form button");
    assert.match(await page.textContent("[role=alert]"), /password is wrong/);
    await page.fill("input[name=username]", "alice");
    await page.fill("input[name=password]", "wonderland");
    await page.click("form button");
    await page.waitForURL((url) => url.pathname + url.search === "/admin?from=bookmark");
    assert.match(await page.content(), /End somebody's sessions/);
  },

  async "a stranger's page that posts login, logout, refresh is refused"() {
    const context = await browser.newContext();
    const page = await signInAtSite(context);
    const [username, password] = BOB;
    const [before] = await tokenCookies(context);
    for (const path of ["/login", "/session/login", "/logout", "/logout-all", "/session/logout", "/session"]) {
      for (const enctype of [undefined, "text/plain"]) {
        const stranger = await open(at.stranger, "/page.html", context);
        await submit(stranger, at.www + path, { username, password, next: "/" }, enctype);
        assert.equal(new URL(stranger.url()).pathname, path);
      }
      const stranger = await open(at.stranger, "/page.html", context);
      const options = { method: "POST", credentials: "include", headers: FORM, body: "username=bob&password=builder" };
      assert.ok((await call(stranger, at.www + path, null, options)).unreadable);
      await call(stranger, at.www + path, null, { ...options, mode: "no-cors" });
    }
    const stranger = await open(at.stranger, "/page.html", context);
    const read = await call(stranger, `${at.www}/session`, null, { credentials: "include" });
    assert.ok(read.unreadable);
    const [after] = await tokenCookies(context);
    assert.equal(after.value, before.value);
    await page.goto(`${at.www}/`);
    assert.equal(await name(page), "alice");
  },
};

// The pages are made by Node.js; the API's guard keeps the sessions.
const front = {
  async "a front end in another language: sign in, add a note, sign out"() {
    const page = await open(at.front, "/");
    assert.equal(page.url(), `${at.front}/login?next=%2F`);
    for (const password of ["x", "wonderland"]) {
      await page.fill("input[name=username]", "alice");
      await page.fill("input[name=password]", password);
      await page.click("form button");
      if (password === "x") assert.match(await page.textContent("[role=alert]"), /password is wrong/);
    }
    await page.waitForURL(`${at.front}/`);
    const cookies = await page.context().cookies(at.front);
    assert.deepEqual(cookies.map((cookie) => [cookie.name, cookie.httpOnly]), [["jwtguard_session", true]]);
    const text = `<b>note</b> ${Date.now()}`;
    await page.fill("input[name=text]", text);
    await page.click("form[action='/notes'] button");
    await page.getByRole("listitem").filter({ hasText: text }).waitFor();
    assert.equal(await name(page), "Notes of alice");
    await page.click("form[action='/session/logout'] button");
    await page.waitForURL(`${at.front}/login`);
    await page.goBack();
    assert.equal(new URL(page.url()).pathname, "/login");
    assert.deepEqual(await page.context().cookies(at.front), []);
  },

  async "a front end in another language: its pages bring the refreshed cookie"() {
    const context = await browser.newContext();
    const page = await signInAtSite(context, ALICE, at.front);
    const ends = await endOf(context);
    const [before] = await tokenCookies(context);
    await until(ends + 0.2);
    await page.goto(`${at.front}/`);
    assert.equal(await name(page), "Notes of alice");
    const [after] = await tokenCookies(context);
    assert.notEqual(after.value, before.value);
    assert.ok((await endOf(context)) > ends);
  },

  async "a front end in another language: forms of a stranger's page are refused"() {
    const context = await browser.newContext();
    const page = await signInAtSite(context, ALICE, at.front);
    const text = `csrf-${Date.now()}`;
    const [username, password] = BOB;
    for (const path of ["/notes", "/session/login", "/session/logout"]) {
      const stranger = await open(at.stranger, "/page.html", context);
      await submit(stranger, at.front + path, { text, username, password });
    }
    await page.goto(`${at.front}/`);
    assert.equal(await name(page), "Notes of alice");
    assert.ok(!(await page.content()).includes(text));
  },
};

// When the access token of the session ends, in seconds.
async function endOf(context) {
  const [page] = context.pages();
  const asked = await page.request.get(new URL("/session", page.url()).href);
  return (await asked.json()).expires_at;
}
const until = (end) => sleep(end * 1000 - Date.now());

// Two tabs have one session, two contexts are two devices.
const state = (page) => page.textContent("#state");
const use = (page) => page.evaluate((u) => useToken(u), `${at.api}/whoami`);
const signOut = (page, path) =>
  page.evaluate(([w, u]) => signOut(w, u), [where, at.api + path]);
async function tab(context) {
  const page = await open(at.own, "/page.html", context);
  await page.evaluate((w) => holdToken(w), where);
  assert.equal((await use(page)).status, 200);
  return page;
}
async function device(who = ALICE) {
  const page = await open(at.own);
  await signIn(page, who);
  return page;
}

// Where all tokens of a person end, those end too that are issued in the same second.
const nextSecond = () => sleep(1001 - (Date.now() % 1000));

const signedOut = {
  async "signed out in one tab: the next call of the other is 401, and it shows that"() {
    const page = await device();
    const other = await tab(page.context());
    assert.ok((await signOut(page, "/sign-out")) < 300);
    const answer = await use(other);
    assert.equal(answer.status, 401);
    assert.match(answer.challenge, /error="invalid_token"/);
    assert.equal(await state(other), "You were signed out");
    assert.equal(await other.evaluate((w) => manager(w).getUser(), where), null);
  },

  async "signed out: another device goes on, and who signs in again is in at once"() {
    const [one, other] = [await device(), await device()];
    const [old, kept] = [await tab(one.context()), await tab(other.context())];
    assert.ok((await signOut(one, "/sign-out")) < 300);
    assert.equal((await use(old)).status, 401);
    assert.equal((await use(kept)).status, 200);
    await signIn(one);
    assert.equal((await use(await tab(one.context()))).status, 200);
  },

  async "signed out everywhere: another device is out, another person is not"() {
    const [one, other, bob] = [await device(), await device(), await device(BOB)];
    const pages = [await tab(other.context()), await tab(bob.context())];
    assert.ok((await signOut(one, "/sign-out-everywhere")) < 300);
    assert.deepEqual(await Promise.all(pages.map(async (p) => (await use(p)).status)), [401, 200]);
    assert.equal(await state(pages[0]), "You were signed out");
    await nextSecond();
    await signIn(other);
    assert.equal((await use(await tab(other.context()))).status, 200);
  },

  async "the access token is revoked at the API's token path: the other tab is out"() {
    const page = await device();
    const other = await tab(page.context());
    const revokeUrl = `${at.api}/oauth/revoke`;
    await page.evaluate((w) => revokeToken(w), { ...where, revokeUrl });
    assert.equal((await use(other)).status, 401);
    assert.equal(await state(other), "You were signed out");
  },

  async "signed out at the issuer, by redirect: the other tab's next call is 401"() {
    const page = await device();
    const other = await tab(page.context());
    const back = page.waitForResponse((answer) => answer.url() === `${at.own}/page.html`);
    await page.evaluate((w) => void signOutByRedirect(w), where);
    await back;
    assert.equal((await use(other)).status, 401);
    assert.equal(await state(other), "You were signed out");
    await nextSecond();
  },
};

const signedOutSocket = {
  async "signed out: the socket of another tab is closed"() {
    const page = await device();
    const { access } = await signIn(page);
    const other = await open(at.own);
    const open_ = socket(other, ["bearer", access], 10000);
    await other.waitForFunction(() => globalThis.socketIsOpen);
    assert.ok((await signOut(page, "/sign-out")) < 300);
    const found = await open_;
    assert.deepEqual([found.opened, found.code, found.reason], [true, 4401, "revoked"]);
  },
};

// The server-rendered site: its pages hold a socket, and show the form when it is closed.
const SOON = { timeout: 10000 };
const press = (page, name) => page.getByRole("button", { name, exact: true }).click();
async function siteTab(context) {
  const page = await context.newPage();
  pages.push(page);
  await page.goto(`${at.www}/`);
  await page.waitForSelector("body[data-live]", SOON);
  return page;
}

const signedOutSite = {
  async "signed out in one tab: the other tab shows the form by itself"() {
    const context = await browser.newContext();
    const page = await signInAtSite(context);
    const other = await siteTab(context);
    await press(page, "Sign out");
    await other.waitForURL(atLogin, SOON);
  },

  async "signed out everywhere: another device shows the form by itself"() {
    const [mine, theirs] = [await browser.newContext(), await browser.newContext()];
    const page = await signInAtSite(mine);
    await signInAtSite(theirs);
    const other = await siteTab(theirs);
    await press(page, "Sign out everywhere");
    await other.waitForURL(atLogin, SOON);
    await nextSecond();
  },

  async "an admin ends the sessions of another: that one's tab shows the form"() {
    const [mine, theirs] = [await browser.newContext(), await browser.newContext()];
    await signInAtSite(theirs, BOB);
    const bob = await siteTab(theirs);
    const page = await signInAtSite(mine);
    await page.click("text=Sessions of others");
    await page.getByRole("listitem").filter({ hasText: "bob" }).getByRole("button").click();
    await bob.waitForURL(atLogin, SOON);
    await page.goto(`${at.www}/`);
    assert.equal(page.url(), `${at.www}/`);
  },
};

const GROUPS = { api, relay, sockets, site, session, front, signedOut, signedOutSocket, signedOutSite };
const FLAGS = [
  "--no-sandbox",
  "--disable-gpu",
  "--disable-quic",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
];

const profile = await mkdtemp(join(tmpdir(), "jwtguard-browser-"));
try {
  // Pages that a person left may be kept whole; Playwright switches that off.
  const ignoreDefaultArgs = at.group === "session" ? ["--disable-back-forward-cache"] : [];
  browser = await chromium.launch({ executablePath: at.chromium, args: FLAGS, ignoreDefaultArgs });
  for (const [name, run] of Object.entries(GROUPS[at.group])) {
    if (at.only && !at.only.includes(name)) continue;
    await report(name, run);
    await Promise.all(pages.splice(0).map((page) => page.context().close().catch(() => {})));
  }
} finally {
  await browser?.close();
  await rm(profile, { recursive: true, force: true });
}
