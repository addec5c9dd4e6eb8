// Sessions in a real Chromium: what a visitor does with tabs, buttons and bookmarks, and
// what a page of a stranger tries. Prints one line of JSON for each case, as suite.mjs.
import assert from "node:assert/strict";
import { chromium } from "playwright-core";
import { report } from "./running.mjs";

const at = JSON.parse(process.argv[2]);
const SOON = { timeout: 30_000 };
const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
const who = (page) => page.textContent("#who", SOON);
const session = async (context) =>
  (await context.cookies(at.site)).find((one) => one.name === "jwtguard_session");

let browser;

async function signIn(context, path = "/", password = "wonderland") {
  const page = await context.newPage();
  await page.goto(at.site + path);
  await page.fill("[name=username]", "alice");
  await page.fill("[name=password]", password);
  await page.click("button");
  await page.waitForLoadState();
  return page;
}

// A form of another site, which the browser posts with whatever cookies it has.
async function forge(page, path, fields) {
  const shown = page.waitForNavigation(SOON);
  await page.evaluate(
    ([action, values]) => {
      const form = document.createElement("form");
      Object.assign(form, { method: "post", action });
      for (const [name, value] of Object.entries(values)) {
        form.append(Object.assign(document.createElement("input"), { name, value }));
      }
      document.body.append(form);
      form.submit();
    },
    [at.site + path, fields],
  );
  return (await shown).status();
}

const CASES = {
  async "a bookmark leads to the form, and from there to its page"(context) {
    const page = await signIn(context, "/deep/page?q=a%20b");
    assert.equal(page.url(), `${at.site}/deep/page?q=a%20b`);
    assert.equal(await who(page), "alice");
  },

  async "a wrong password leads back to the form, which knows why"(context) {
    const page = await signIn(context, "/deep", "wrong");
    assert.equal(page.url(), `${at.site}/login?error=invalid_credentials&next=%2Fdeep`);
    assert.equal(await session(context), undefined);
  },

  async "scripts see neither the cookie nor a token"(context) {
    const page = await signIn(context);
    assert.equal(await page.evaluate(() => document.cookie), "");
    const said = await page.evaluate(() => fetch("/session").then((r) => r.text()));
    assert.equal(JSON.parse(said).subject, "alice");
    assert.ok(!said.includes("eyJ"));
    const cookie = await session(context);
    assert.ok(cookie.httpOnly && cookie.sameSite === "Lax" && cookie.path === "/");
    assert.ok(!cookie.value.includes("eyJ"));
  },

  async "two tabs live through expiries"(context) {
    const first = await signIn(context);
    const second = await context.newPage();
    for (let round = 0; round < 3; round += 1) {
      await sleep(at.lifetime * 600);
      await Promise.all([first.goto(`${at.site}/a`), second.goto(`${at.site}/b`)]);
      assert.deepEqual([await who(first), await who(second)], ["alice", "alice"]);
    }
    assert.ok((await session(context)).value);
  },

  async "the back button shows nothing after a sign-out"(context) {
    const page = await signIn(context);
    const other = await context.newPage();
    await other.goto(`${at.site}/other`);
    await page.click("text=Sign out");
    await page.waitForURL(`${at.site}/login`, SOON);
    assert.equal(await session(context), undefined);
    await page.goBack();
    await page.waitForURL(`${at.site}/login**`, SOON);
    assert.equal(await page.locator("#who").count(), 0);
    await other.reload();
    assert.ok(other.url().startsWith(`${at.site}/login`));
  },

  async "a copy of the cookie is of no use after a sign-out"(context) {
    const page = await signIn(context);
    const copy = await session(context);
    await page.click("text=Sign out");
    await page.waitForURL(`${at.site}/login`, SOON);
    await context.addCookies([copy]);
    await page.goto(at.site);
    assert.ok(page.url().startsWith(`${at.site}/login`));
  },

  async "a stranger's page signs nobody in or out"(context) {
    await signIn(context);
    const before = (await session(context)).value;
    const page = await context.newPage();
    for (const [path, fields] of [
      ["/session/login", { username: "mallory", password: "wonderland" }],
      ["/session/logout", {}],
      ["/deep", { text: "x" }],
    ]) {
      await page.goto(`${at.stranger}/login`);
      assert.equal(await forge(page, path, fields), 403, path);
      assert.equal((await session(context)).value, before);
    }
  },
};

try {
  browser = await chromium.launch({
    executablePath: at.chromium,
    args: ["--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-sync"],
  });
  for (const [name, run] of Object.entries(CASES)) {
    const context = await browser.newContext();
    await report(name, () => run(context));
    await context.close();
  }
} finally {
  await browser?.close();
}
