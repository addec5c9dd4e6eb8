// Swagger UI of the FastAPI example in a real Chromium. Prints one line of JSON for each
// case, as suite.mjs. The page asks a CDN for Swagger UI and gets it from node_modules.
import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { chromium } from "playwright-core";
import { report } from "./running.mjs";

const at = JSON.parse(process.argv[2]);
const SOON = { timeout: 60_000 };
const ASSETS = new URL("node_modules/swagger-ui-dist/", import.meta.url);
const KINDS = { js: "text/javascript", css: "text/css" };
const READ = "#operations-rooms-read_rooms__room__get";
const WRITE = "#operations-rooms-write_rooms__room__post";

let browser;

async function open() {
  const page = await (await browser.newContext({ viewport: { width: 1280, height: 1400 } })).newPage();
  await page.route((url) => url.hostname !== "127.0.0.1", async (route) => {
    const name = new URL(route.request().url()).pathname.split("/").at(-1);
    const kind = KINDS[name.split(".").at(-1)];
    if (!kind) return route.fulfill({ status: 404 });
    return route.fulfill({ contentType: kind, body: await readFile(new URL(name, ASSETS)) });
  });
  await page.goto(`${at.api}/docs`);
  await page.waitForSelector(READ, SOON);
  return page;
}

async function signIn(page, scopes, { password = "wonderland" } = {}) {
  await page.click(".btn.authorize");
  await page.fill("#oauth_username", "alice");
  await page.fill("#oauth_password", password);
  await page.selectOption("#password_type", "request-body");
  await page.fill("[data-name=clientId]", "spa");
  for (const scope of scopes) await page.click(`label[for^="${scope}-"]`);
  await page.click(".auth-btn-wrapper .authorize");
  await page.waitForSelector(".auth-container :is(.errors, h6)", SOON);
  const said = await page.textContent(".auth-container");
  if (at.shots) await page.screenshot({ path: `${at.shots}/signed-in.png` });
  await page.click(".auth-btn-wrapper .btn-done");
  return said;
}

// Call an operation for the room "tea", and return the status and body that are shown.
async function call(page, operation, body) {
  await page.click(`${operation} .opblock-summary-control`);
  await page.click(`${operation} .try-out__btn`);
  await page.fill(`${operation} [placeholder=room]`, "tea");
  if (body) await page.fill(`${operation} textarea`, JSON.stringify(body));
  await page.click(`${operation} .execute`);
  const live = `${operation} .live-responses-table .response`;
  await page.waitForSelector(live, SOON);
  const status = Number((await page.textContent(`${live} .response-col_status`)).match(/[0-9]+/)[0]);
  const shown = await page.textContent(`${live} .response-col_description`);
  if (at.shots) await page.screenshot({ path: `${at.shots}/${status}.png`, fullPage: true });
  await page.click(`${operation} .opblock-summary-control`);
  return { status, shown };
}

const locks = (page) => page.$$eval(".opblock", (all) => all.map((one) => {
  return [one.id, one.querySelector(".authorization__btn svg")?.getAttribute("class")];
}));

const CASES = {
  async "every operation has a lock, and documents 401 and 403"() {
    const page = await open();
    const found = await locks(page);
    assert.ok(found.length >= 3, JSON.stringify(found));
    for (const [id, state] of found) {
      assert.equal(state, "unlocked", id);
      await page.click(`#${id} .opblock-summary-control`);
      await page.waitForSelector(`#${id} .responses-table`, SOON);
      const codes = await page.$$eval(`#${id} .responses-table .response`, (rows) => rows.map((row) => row.dataset.code));
      for (const code of ["401", "403"]) assert.ok(codes.includes(code), `${id}: ${codes}`);
    }
  },

  async "without a login a call is answered 401"() {
    const page = await open();
    const { status, shown } = await call(page, READ);
    assert.equal(status, 401);
    assert.match(shown, /missing_token/);
  },

  async "after a login the locks are closed, and calls are answered"() {
    const page = await open();
    assert.match(await signIn(page, ["rooms:read", "rooms:write"]), /Authorized/);
    for (const [id, state] of await locks(page)) assert.equal(state, "locked", id);
    assert.equal((await call(page, READ)).status, 200);
    const { status, shown } = await call(page, WRITE, { text: "hello" });
    assert.equal(status, 201);
    assert.match(shown, /alice: hello/);
  },

  async "without a scope, a call that needs it is answered 403"() {
    const page = await open();
    assert.match(await signIn(page, ["rooms:read"]), /Authorized/);
    assert.equal((await call(page, READ)).status, 200);
    const { status, shown } = await call(page, WRITE, { text: "hello" });
    assert.equal(status, 403);
    assert.match(shown, /insufficient_scope/);
  },

  async "a wrong password is told, and no lock is closed"() {
    const page = await open();
    const said = await signIn(page, ["rooms:read"], { password: "wrong" });
    assert.match(said, /Auth error/i);
    for (const [id, state] of await locks(page)) assert.equal(state, "unlocked", id);
  },
};

browser = await chromium.launch({ executablePath: at.chromium, args: ["--no-sandbox"] });
try {
  for (const name of at.only) {
    await report(name, CASES[name]);
  }
} finally {
  await browser.close();
}
