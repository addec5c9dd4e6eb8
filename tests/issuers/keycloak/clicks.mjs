// Clicks through Keycloak's admin console as docs/issuers/keycloak.md says, step by step.
//
// node clicks.mjs '{"url": ..., "password": ..., "chromium": ..., "picture": ...}'
// The picture is of the page where a step did not work.
import { createRequire } from "node:module";

const browserSuite = new URL("../../browser/package.json", import.meta.url);
const { chromium } = createRequire(browserSuite)("playwright-core");
const at = JSON.parse(process.argv[2]);

const browser = await chromium.launch({
  executablePath: at.chromium,
  args: ["--no-sandbox"],
});
const page = await browser.newPage();
page.setDefaultTimeout(30_000);
const button = (name) => page.getByRole("button", { name, exact: true });
const link = (name) => page.getByRole("link", { name, exact: true }).first();
const tab = (name) => page.getByRole("tab", { name, exact: true });
// A label may end in an asterisk, and its field is found beside it.
const group = (name) =>
  page.locator("[class*=c-form__group]").filter({
    has: page.locator("label").filter({ hasText: new RegExp(`^\\s*${name}\\s*\\*?\\s*$`) }),
  });
const field = (name) => group(name).locator("input, textarea").first();
const choose = async (name, option) => {
  await group(name).locator("[class*=c-menu-toggle]").first().click();
  await page.getByRole("option", { name: option, exact: true }).click();
};
const toggle = (name) => group(name).locator("[class*=c-switch__toggle]").click();
const tick = (name) => page.getByLabel(name, { exact: true });
const done = (text) => page.getByText(text).first().waitFor();

const steps = {
  async "sign in"() {
    await page.goto(`${at.url}/admin/master/console/`);
    await page.locator("#username").fill("admin");
    await page.locator("#password").fill(at.password);
    await page.locator("#kc-login").click();
  },
  async "1: the realm"() {
    await link("Manage realms").click();
    await button("Create realm").click();
    await field("Realm name").fill("notes");
    await button("Create").click();
    await done("Realm created successfully");
  },

  async "2: the client scopes"() {
    for (const name of ["notes:read", "notes:write"]) {
      await link("Client scopes").click();
      await link("Create client scope").click();
      await field("Name").fill(name);
      await choose("Type", "Optional");
      await toggle("Include in token scope");
      await button("Save").click();
      await page.getByRole("heading", { name }).waitFor();
    }
  },

  async "3: the client"() {
    await link("Clients").click();
    await link("Create client").click();
    await field("Client ID").fill("spa");
    await button("Next").click();
    await tick("Direct access grants").check();
    await button("Next").click();
    await field("Web origins").fill("https://www.example.com");
    await button("Save").click();
    await done("Client created successfully");
    await tick("Standard flow").uncheck();
    await button("Save").first().click();
    await done("Client successfully updated");
  },

  async "4: the audience mapper"() {
    await tab("Client scopes").click();
    await link("spa-dedicated").click();
    await button("Configure a new mapper").click();
    await page.getByText("Audience", { exact: true }).click();
    await field("Name").fill("notes-api");
    await field("Included Custom Audience").fill("https://api.example.com");
    await button("Save").click();
    await done("Mapping successfully created");
  },

  async "5: the user"() {
    await link("Users").click();
    await page.getByRole("button", { name: /Create new user|Add user/ }).first().click();
    await field("Username").fill("alice");
    await field("Email").fill("alice@example.com");
    await field("First name").fill("Alice");
    await field("Last name").fill("Liddell");
    await button("Create").click();
    await done("The user has been created");
    await tab("Credentials").click();
    await button("Set password").click();
    await field("Password").fill(at.password);
    await field("Password confirmation").fill(at.password);
    await toggle("Temporary");
    await button("Save").click();
    await button("Save password").click();
    await done("The password has been set successfully");
  },

  async "sign-out: the URL for logout tokens"() {
    await link("Clients").click();
    await link("spa").click();
    await toggle("Front channel logout");
    await field("Backchannel logout URL").fill("https://api.example.com/oidc/logout");
    await button("Save").first().click();
    await done("Client successfully updated");
  },
};

try {
  for (const [name, step] of Object.entries(steps)) {
    await step().catch(async (error) => {
      await page.screenshot({ path: at.picture });
      throw new Error(`${name}: ${error.message}`);
    });
  }
} finally {
  await browser.close();
}
