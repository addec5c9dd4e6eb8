// The demo's browser page in a real Chromium, as somebody with a mouse, a keyboard or a
// screen reader meets it. Prints one line of JSON for each case, as suite.mjs.
import assert from "node:assert/strict";
import { chromium } from "playwright-core";

const at = JSON.parse(process.argv[2]);
const SOON = { timeout: 60_000 };

let browser;

async function signedIn(name = "alice", password = "wonderland") {
  return enter(await browser.newPage(), name, password);
}

async function enter(page, name = "alice", password = "wonderland") {
  await page.goto(`${at.www}/spa`);
  await page.fill("[name=username]", name);
  await page.fill("[name=password]", password);
  await page.keyboard.press("Enter");
  await page.waitForSelector("#who:not([hidden])", SOON);
  return page;
}

async function triedAll(page) {
  await page.click("#all");
  await page.waitForFunction(() => /as expected/.test(document.querySelector("#result").textContent), null, SOON);
}

const badges = (page) =>
  page.$$eval(".rule", (rows) => Object.fromEntries(rows.map((row) =>
    [row.querySelector("b").textContent, row.querySelector(".badge").textContent])));
const focused = (page) => page.evaluate(() => document.activeElement.id || document.activeElement.getAttribute("aria-label"));
const said = (page) => page.textContent("#said");
const FIRST = "Who am I";
const STRANGER = "Use my token from another origin";

const CASES = {
  async "before a call is tried, its badge forecasts nothing"() {
    const page = await browser.newPage();
    await page.goto(`${at.www}/spa`);
    await page.waitForSelector(".badge");
    assert.deepEqual(new Set(Object.values(await badges(page))), new Set(["sign in first"]));
    const inside = await signedIn();
    assert.deepEqual(new Set(Object.values(await badges(inside))), new Set(["not tried"]));
  },

  async "after all were tried, each row has an answer and a badge with its status"() {
    const page = await signedIn();
    await triedAll(page);
    const found = await badges(page);
    assert.deepEqual(found, {
      "Who am I": "✓ accepted, 200",
      "Read my notes": "✓ accepted, 200",
      "Write a note": "✓ accepted, 201",
      "Read the admin report": "✓ accepted, 200",
      "Write with a read-only token": "✓ refused, 403",
      "Call without a token": "✓ refused, 401",
      "Change one letter of the token": "✓ refused, 401",
      "Send the ID token instead": "✓ refused, 401",
      "Use my token from another origin": "✓ refused, 4 of 4",
      "Call with the token and a proof": "✓ accepted, 200",
      "Steal the token: send it as Bearer": "✓ refused, 401",
      "Steal the token: sign with another key": "✓ refused, 401",
      "Steal the token and a proof: send both again": "✓ refused, 401",
    });
    assert.equal(await page.$$eval(".rule .answer:empty", (empty) => empty.length), 0);
    assert.equal(await page.textContent("#result"), "13 of 13 calls were answered as expected.");
  },

  async "bob, who only reads, is refused where alice is not"() {
    const page = await signedIn("bob", "builder");
    await triedAll(page);
    const found = await badges(page);
    assert.equal(found["Write a note"], "✓ refused, 403");
    assert.equal(found["Read the admin report"], "✓ refused, 403");
    assert.match(await page.textContent("#result"), /^13 of 13/);
  },

  async "a bound token is of no use without the key, and the key cannot be copied"() {
    const page = await browser.newPage();
    await page.addInitScript(() => {
      globalThis.keys = [];
      const generate = crypto.subtle.generateKey.bind(crypto.subtle);
      crypto.subtle.generateKey = async (...given) => {
        const pair = await generate(...given);
        globalThis.keys.push(pair.privateKey);
        return pair;
      };
    });
    const seen = [];
    page.on("request", (request) => seen.push(request));
    await enter(page);
    await triedAll(page);
    const copied = await page.evaluate(() => Promise.all(globalThis.keys.map((key) =>
      crypto.subtle.exportKey("jwk", key).then(() => "copied", (error) => error.name))));
    assert.deepEqual(copied, ["InvalidAccessError", "InvalidAccessError"]);
    const sent = (await Promise.all(seen.map((request) => request.allHeaders()))).filter((one) => one.dpop && one.authorization);
    const [called, other, first, again] = sent;
    assert.equal(sent.length, 4);
    assert.deepEqual([again.authorization, again.dpop], [first.authorization, first.dpop]);
    assert.ok(sent.every((one) => one.authorization === called.authorization));
    assert.notEqual(other.dpop.split(".")[0], called.dpop.split(".")[0]);
    const rows = await page.$$eval(".rule", (all) => all.slice(-4).map((row) => row.querySelector("summary").textContent));
    assert.deepEqual(rows, [
      "Expected a 2xx; the answer was 200 OK",
      "Expected 401 invalid_token; the answer was 401 invalid_token",
      "Expected 401 invalid_token; the answer was 401 invalid_token",
      "Expected 401 invalid_dpop_proof; the answer was 401 invalid_dpop_proof",
    ]);
  },

  async "a call that gets no answer is not called refused"() {
    const page = await signedIn();
    await page.route(`${at.api}/whoami`, (route) => route.abort());
    await page.click(`[aria-label="Try: ${FIRST}"]`);
    await page.waitForFunction(() => document.querySelector(".badge").textContent.includes("no answer"), null, SOON);
    assert.equal((await badges(page))[FIRST], "✗ no answer");
  },

  async "the keyboard stays where the person is, and each outcome is announced"() {
    const page = await signedIn();
    assert.equal(await focused(page), "name");
    assert.equal(await said(page), "Signed in as alice.");
    await page.focus(`[aria-label="Try: ${FIRST}"]`);
    await page.keyboard.press("Enter");
    await page.waitForFunction((first) => document.querySelector("#said").textContent.startsWith(first), FIRST, SOON);
    assert.equal(await said(page), "Who am I: ✓ accepted, 200");
    assert.equal(await focused(page), "Try: Who am I");
    await triedAll(page);
    assert.equal(await said(page), "13 of 13 calls were answered as expected.");
    await page.click("#logout");
    await page.waitForSelector("#login:not([hidden])", SOON);
    assert.equal(await focused(page), "sign-in");
    assert.match(await said(page), /^Signed out. ✓ The same token is refused now/);
    await page.fill("[name=username]", "alice");
    await page.fill("[name=password]", "wrong");
    await page.keyboard.press("Enter");
    await page.waitForFunction(() => document.querySelector("#said").textContent.startsWith("Not signed in"), null, SOON);
    assert.equal(await said(page), "Not signed in: 400 invalid_grant.");
  },

  async "the stranger's page opened alone says what it is, and can be tried"() {
    const page = await browser.newPage();
    await page.goto(at.stranger);
    assert.match(await page.textContent("#alone"), /It plays a page of somebody else/);
    assert.equal(await page.getAttribute("#alone a", "href"), `${at.www}/spa`);
    await page.click("#start");
    await page.waitForSelector("#tries li", SOON);
    assert.equal(await page.textContent("#result"), "3 of 3 attempts were refused.");
    assert.equal(await page.isVisible("#alone"), false);
  },

  async "the stranger's page shows what was answered to it"() {
    const page = await signedIn();
    await page.click(`[aria-label="Try: ${STRANGER}"]`);
    const frame = page.frameLocator("iframe");
    await frame.locator("#tries li").nth(3).waitFor(SOON);
    const seen = await frame.locator("li .seen:last-child").allTextContents();
    assert.deepEqual(seen, [
      "answered: preflight 403 Forbidden, request 403 invalid_origin",
      "answered: request 401 missing_token",
      "answered: request 403 unauthorized_client",
      "answered: request 403 invalid_origin",
    ]);
    assert.match(await frame.locator("li .seen").first().textContent(), /TypeError: Failed to fetch/);
  },
};

const names = at.only ?? Object.keys(CASES);
browser = await chromium.launch({ executablePath: at.chromium, args: ["--no-sandbox"] });
for (const name of names) {
  let failure = null;
  try {
    await CASES[name]();
  } catch (error) {
    failure = String(error.stack ?? error).slice(0, 2000);
  }
  console.log(JSON.stringify([name, failure]));
}
await browser.close();
