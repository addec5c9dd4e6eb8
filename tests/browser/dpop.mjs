// Pages whose tokens are bound to a key, in a real Chromium. As in suite.mjs, the settings
// come as JSON in the first argument, and each case prints one line of JSON.

import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { chromium } from "playwright-core";
import { report } from "./running.mjs";

const at = JSON.parse(process.argv[2]);
const where = { issuer: at.issuer, clientId: "spa" };
const ALICE = ["alice", "wonderland"];
const WHOAMI = `${at.api}/whoami`;
const HOUR = 3600;

let browser;

async function open(origin = at.own) {
  const page = await (await browser.newContext()).newPage();
  await page.goto(`${origin}/dpop.html`);
  await page.waitForFunction(() => globalThis.ready);
  return page;
}

const inPage = (page, name, ...given) =>
  page.evaluate(([n, g]) => globalThis[n](...g), [name, given]);
const errorOf = (challenge) => /error="([a-z_]+)"/.exec(challenge)?.[1];

// Sign in, and refresh: from then on the token is bound.
async function bound(page) {
  await inPage(page, "signIn", where, ...ALICE);
  const { access, type } = await inPage(page, "refresh", where);
  assert.equal(type, "DPoP");
  return access;
}

const cases = {
  async "oidc-client-ts: a bound token, and the nonce in one retry"() {
    const page = await open();
    await bound(page);
    const answers = await inPage(page, "callWithProof", where, WHOAMI);
    assert.deepEqual(answers.map(({ status }) => status), [401, 200], JSON.stringify(answers));
    assert.match(answers[0].challenge, /^DPoP /);
    assert.equal(errorOf(answers[0].challenge), "use_dpop_nonce");
    assert.ok(answers[0].nonce, "the page reads DPoP-Nonce");
    assert.match(answers[1].body, /"subject"/);
    // The nonce is good for the next call too.
    const again = await inPage(page, "callWithProof", where, WHOAMI);
    assert.deepEqual(again.map(({ status }) => status), [200]);
  },

  async "oidc-client-ts: the query is part of the URL it signs, and does not matter"() {
    const page = await open();
    await bound(page);
    const answers = await inPage(page, "callWithProof", where, `${WHOAMI}?a=1&b=%C3%A9`);
    assert.equal(answers.at(-1).status, 200, JSON.stringify(answers));
  },

  async "oauth4webapi: a bound token, and the nonce in one retry"() {
    const page = await open();
    const got = await inPage(page, "signInByOAuth", where, ...ALICE);
    assert.equal(got.type, "dpop");
    assert.equal(got.tries, at.nonceAtIssuer ? 2 : 1);
    const first = await inPage(page, "callByOAuth", WHOAMI);
    assert.equal(first.status, 200, JSON.stringify(first));
    assert.equal(first.tries, 2);
    const next = await inPage(page, "callByOAuth", `${WHOAMI}?a=1`);
    assert.deepEqual([next.status, next.tries], [200, 1]);
  },

  async "a stolen token is useless: as bearer, with another key, with an old proof"() {
    const page = await open();
    const access = await bound(page);
    const thief = await open();
    const bearer = await inPage(thief, "send", WHOAMI, { Authorization: `Bearer ${access}` });
    assert.equal(bearer.status, 401);
    assert.match(bearer.challenge, /^Bearer .*error="invalid_token"/);

    // The thief has a key too, and a nonce of the API.
    await bound(thief);
    await inPage(thief, "callWithProof", where, WHOAMI);
    const own = await inPage(thief, "proofFor", where, WHOAMI);
    const other = await inPage(thief, "send", WHOAMI, { Authorization: `DPoP ${access}`, DPoP: own });
    assert.equal(other.status, 401);
    assert.equal(errorOf(other.challenge), "invalid_token");

    // A proof that was sent once.
    await inPage(page, "callWithProof", where, WHOAMI);
    const proof = await inPage(page, "proofFor", where, WHOAMI);
    const headers = { Authorization: `DPoP ${access}`, DPoP: proof };
    assert.equal((await inPage(page, "send", WHOAMI, headers)).status, 200);
    const replayed = await inPage(thief, "send", WHOAMI, headers);
    assert.equal(replayed.status, 401);
    assert.equal(errorOf(replayed.challenge), "invalid_dpop_proof");
  },

  async "a foreign page cannot send even a good proof"() {
    const page = await open();
    const access = await bound(page);
    await inPage(page, "callWithProof", where, WHOAMI);
    const proof = await inPage(page, "proofFor", where, WHOAMI);
    const headers = { Authorization: `DPoP ${access}`, DPoP: proof };
    const stranger = await open(at.stranger);
    assert.ok((await inPage(stranger, "send", WHOAMI, headers)).unreadable);
    // Stopped at the preflight: the proof is still good.
    assert.equal((await inPage(page, "send", WHOAMI, headers)).status, 200);
  },

  async "oauth4webapi: a refused proof names the fault in one challenge"() {
    const page = await open();
    await inPage(page, "signInByOAuth", where, ...ALICE);
    await inPage(page, "callByOAuth", WHOAMI);
    const token = await inPage(page, "tokenByOAuth");
    const none = await inPage(page, "send", WHOAMI, { Authorization: `DPoP ${token}` });
    assert.equal(none.status, 401);
    assert.equal(errorOf(none.challenge), "invalid_dpop_proof");
    assert.match(none.challenge, /algs="[^"]*ES256/);
    assert.doesNotMatch(none.challenge, /Bearer/);
  },
};

// With a nonce only for those who need it.
const auto = {
  async "a right clock needs no nonce"() {
    const page = await open();
    await inPage(page, "signInByOAuth", where, ...ALICE);
    const answer = await inPage(page, "callByOAuth", WHOAMI);
    assert.deepEqual([answer.status, answer.tries], [200, 1], JSON.stringify(answer));
  },

  async "oauth4webapi: a clock that is wrong by an hour heals in one retry"() {
    for (const skew of [-HOUR, HOUR]) {
      const page = await open();
      // An issuer with nonces heals it as well.
      await inPage(page, "signInByOAuth", where, ...ALICE, at.nonceAtIssuer ? skew : 0);
      await inPage(page, "skewClock", skew);
      const answer = await inPage(page, "callByOAuth", WHOAMI);
      assert.deepEqual([answer.status, answer.tries], [200, 2], JSON.stringify(answer));
      const next = await inPage(page, "callByOAuth", WHOAMI);
      assert.deepEqual([next.status, next.tries], [200, 1], "the nonce stands for the clock");
    }
  },

  async "oidc-client-ts: a clock that is wrong by an hour heals in one retry"() {
    for (const clock of [-HOUR, HOUR]) {
      const page = await open();
      await bound(page);
      await page.clock.install({ time: Date.now() + clock * 1000 });
      const answers = await inPage(page, "callWithProof", where, WHOAMI);
      assert.deepEqual(answers.map(({ status }) => status), [401, 200], JSON.stringify(answers));
      assert.equal(errorOf(answers[0].challenge), "use_dpop_nonce");
    }
  },
};

const GROUPS = { cases, auto };
const profile = await mkdtemp(join(tmpdir(), "jwtguard-dpop-"));
try {
  browser = await chromium.launch({
    executablePath: at.chromium,
    args: ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking"],
  });
  for (const [name, run] of Object.entries(GROUPS[at.group])) {
    if (at.only && !at.only.includes(name)) continue;
    await report(name, run);
    await Promise.all(browser.contexts().map((context) => context.close()));
  }
} finally {
  await browser?.close();
  await rm(profile, { recursive: true, force: true });
}
