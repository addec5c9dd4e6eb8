// What a page learns when its login is too weak or too old (RFC 9470), by oauth4webapi in
// a real Chromium. Prints one line of JSON for each case, as suite.mjs.
import assert from "node:assert/strict";
import { chromium } from "playwright-core";
import { report } from "./running.mjs";

const at = JSON.parse(process.argv[2]);
const where = { issuer: at.issuer, clientId: "spa" };
const ALICE = ["alice", "wonderland"];
const CODE = "insufficient_user_authentication";

let browser;

async function open() {
  const page = await (await browser.newContext()).newPage();
  await page.goto(`${at.own}/dpop.html`);
  await page.waitForFunction(() => globalThis.ready);
  return page;
}

const inPage = (page, name, ...given) =>
  page.evaluate(([n, g]) => globalThis[n](...g), [name, given]);
const signIn = (page, options) => inPage(page, "signInByOAuth", { ...where, ...options }, ...ALICE);
const call = (page, path, method = "GET") => inPage(page, "callByOAuth", at.api + path, method);

// The challenges of the library, which has parsed the fields.
async function challenged(page, path, method) {
  const answer = await call(page, path, method);
  assert.equal(answer.status, 401, JSON.stringify(answer));
  return answer.challenges;
}

const CASES = {
  async "a bearer token: scheme, acr_values and max_age are parsed"() {
    const page = await open();
    await signIn(page, { bearer: true });
    const challenges = await challenged(page, "/admin/report");
    assert.equal(challenges.length, 1);
    const [{ scheme, parameters }] = challenges;
    assert.equal(scheme, "bearer");
    assert.deepEqual(parameters, {
      realm: "api",
      error: CODE,
      error_description: "A stronger login is needed",
      acr_values: "urn:example:mfa urn:example:otp",
      max_age: "300",
    });
  },

  async "a bound token: the same in its own scheme"() {
    const page = await open();
    await signIn(page);
    const challenges = await challenged(page, "/admin/report");
    assert.deepEqual(challenges.map(({ scheme }) => scheme), ["dpop"]);
    const [{ parameters }] = challenges;
    assert.equal(parameters.error, CODE);
    assert.equal(parameters.acr_values, "urn:example:mfa urn:example:otp");
    assert.equal(parameters.max_age, "300");
    assert.match(parameters.algs, /ES256/);
  },

  async "the body says the same without parsing"() {
    const page = await open();
    await signIn(page, { bearer: true });
    const token = await inPage(page, "tokenByOAuth");
    const answer = await inPage(page, "send", `${at.api}/admin/report`, { Authorization: `Bearer ${token}` });
    const { error, acr_values: acr, max_age: age } = JSON.parse(answer.body);
    assert.deepEqual([error, acr, age], [CODE, "urn:example:mfa urn:example:otp", 300]);
  },

  async "a login grows too old, and the password again helps"() {
    const page = await open();
    await signIn(page, { bearer: true });
    let answer;
    do answer = await call(page, "/notes");
    while (answer.status === 200);
    const [{ parameters }] = answer.challenges;
    assert.equal(parameters.error, CODE);
    assert.equal(parameters.acr_values, undefined);
    const age = Number(parameters.max_age);
    assert.equal(age, at.age);
    await signIn(page, { bearer: true });
    assert.equal((await call(page, "/notes")).status, 200);
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
