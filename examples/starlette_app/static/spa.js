// The page: sign in at the token path, show what the token says, try the rules.
// Tokens live in this module's memory: a reload forgets them, and no other page sees them.

import { BoundSession } from "./bound.js";
import { element, exchange, outcome, shortened, shown } from "./exchange.js";
import { groups, verdict } from "./rules.js";

const config = { ...document.body.dataset };
const $ = (id) => document.getElementById(id);
const session = { access: null, refreshToken: null, idToken: null, bound: null, claims: {}, header: {} };
let rules = [];

session.refresh = async (scope, adopt = true) => {
  const form = { grant_type: "refresh_token", client_id: config.clientId,
    refresh_token: session.refreshToken, ...(scope ? { scope } : {}) };
  const made = await exchange("POST", config.tokenUrl, { form });
  if (made.status === 200) keep(made.body, adopt);
  return made;
};

function keep(tokens, adopt = true) {
  // A refresh token is good for one use: the new one is kept even if the access token is not.
  session.refreshToken = tokens.refresh_token ?? session.refreshToken;
  if (!adopt) return;
  session.access = tokens.access_token;
  session.idToken = tokens.id_token ?? session.idToken;
  [session.header, session.claims] = decoded(session.access);
  session.lifetime = session.claims.exp - now();
}

function decoded(token) {
  try {
    return token.split(".").slice(0, 2).map((part) => {
      const bytes = atob(part.replace(/-/g, "+").replace(/_/g, "/"));
      return JSON.parse(new TextDecoder().decode(Uint8Array.from(bytes, (c) => c.charCodeAt(0))));
    });
  } catch {
    return [{}, {}]; // opaque to us: only the API has to understand it
  }
}

const now = () => Date.now() / 1000;

function forget() {
  Object.assign(session, { access: null, refreshToken: null, idToken: null, bound: null, claims: {}, header: {} });
}

async function signIn(event) {
  event.preventDefault();
  const fields = new FormData($("login-form"));
  const form = { grant_type: "password", client_id: config.clientId,
    username: fields.get("username"), password: fields.get("password"),
    scope: ["openid", ...fields.getAll("scope")].join(" ") };
  const made = await exchange("POST", config.tokenUrl, { form });
  if (made.status === 200) {
    keep(made.body);
    $("login-form").reset();
    if (config.proofUrl) await (session.bound = new BoundSession(config)).signIn(form);
  }
  draw();
  drawRules();
  const inside = made.status === 200;
  $(inside ? "session-answer" : "login-answer").replaceChildren(folded("Signed in", made));
  say(inside ? `Signed in as ${$("name").textContent}.` : `Not signed in: ${outcome(made)}.`);
  if (inside) $("name").focus(); // the form that had the focus is gone
}

async function refresh() {
  const made = await session.refresh();
  draw();
  $("session-answer").replaceChildren(folded("Refreshed", made));
  say(made.status === 200 ? "The token was refreshed." : `Not refreshed: ${outcome(made)}.`);
}

// The API ends its tokens at once, this one too; the issuer ends the refresh token.
async function signOut(path) {
  const bearer = { headers: { Authorization: `Bearer ${session.access}` } };
  const ended = await exchange("POST", config.api + path, bearer);
  const form = { token: session.refreshToken ?? session.access, client_id: config.clientId };
  const given = await exchange("POST", config.revokeUrl, { form });
  await session.bound?.signOut();
  const again = await exchange("GET", `${config.api}/whoami`, bearer);
  const refused = again.status === 401;
  const line = refused ? "✓ The same token is refused now" : "✗ The same token is still accepted";
  leave(line, folded("Signed out", ended), folded("Refresh token given back", given), fold(line, refused, again, false));
}

function leave(said, ...shown) {
  forget();
  draw();
  drawRules();
  $("login-answer").replaceChildren(...shown);
  say(`Signed out. ${said}`);
  $("sign-in").focus(); // so that a keyboard goes on from the form
}

// Somebody signed this person out: another tab, an admin, or the token server.
const wasEnded = (made) => made.status === 401 && made.body?.error_description === "The access token was revoked";
const ended = (made) => leave("Sign in again.", element("p", "alert", "You were signed out. Sign in again."),
  fold("✗ The access token was revoked", false, made, false));

function folded(title, made) {
  const good = made.status >= 200 && made.status < 300;
  const line = good ? `✓ ${title}` : `✗ ${outcome(made)}`;
  return fold(line, good, made, !good);
}

function fold(line, good, made, open) {
  const summary = element("summary", `verdict ${good ? "good" : "bad"}`, line);
  const details = element("details", "", summary, shown(made));
  details.open = open;
  return details;
}

function draw() {
  const inside = session.access !== null;
  $("login").hidden = inside;
  $("who").hidden = $("token").hidden = !inside;
  $("login-answer").replaceChildren();
  if (inside) drawPerson();
  tick();
}

function drawPerson() {
  const { claims, header } = session;
  const name = claims.name ?? claims.preferred_username ?? claims.sub ?? "somebody";
  $("initial").textContent = name.slice(0, 1).toUpperCase();
  $("name").textContent = name;
  $("through").replaceChildren("through client ", element("b", "", claims.client_id ?? claims.azp ?? "?"));
  const scopes = (claims.scope ?? "").split(" ").filter(Boolean);
  $("chips").replaceChildren(
    ...scopes.map((scope) => element("span", "chip", scope)),
    ...(claims.roles ?? []).map((role) => element("span", "chip role", role)));
  $("short").textContent = shortened(session.access);
  const rows = [["header", [header.alg, header.typ, header.kid && `kid ${header.kid}`].filter(Boolean).join(" · ")],
    ...Object.entries(claims)];
  $("claims").replaceChildren(...rows.map(([claim, value]) =>
    element("tr", "", element("th", "", claim), element("td", "", ...meaning(claim, value)))));
}

const TIMES = ["exp", "iat", "nbf", "auth_time"];

function meaning(claim, value) {
  if (TIMES.includes(claim)) {
    return [new Date(value * 1000).toLocaleTimeString(), element("small", "", String(value))];
  }
  return [typeof value === "string" ? value : JSON.stringify(value)];
}

function tick() {
  if (session.access === null) return;
  const left = Math.max(0, session.claims.exp - now());
  const seconds = Math.floor(left);
  $("left").textContent = `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, "0")}`;
  $("until").textContent = left > 0 ? "until the token ends" : "it has ended: refresh";
  $("life").value = left / session.lifetime;
  $("who").classList.toggle("ending", left < 30);
}

function drawRules() {
  const inside = session.access !== null;
  $("all").disabled = !inside;
  $("result").textContent = "";
  rules = [];
  $("groups").replaceChildren(...groups(session, config).map(({ title, rules: listed }) => {
    const group = element("div", "group", element("h3", "", title));
    for (const rule of listed) {
      const row = rowOf(rule, inside);
      rules.push(row);
      group.append(row.element);
    }
    return group;
  }));
}

function rowOf(rule, inside) {
  const badge = element("span", "badge", inside ? "not tried" : "sign in first");
  const button = element("button", "", "Try");
  button.disabled = !inside;
  button.setAttribute("aria-label", `Try: ${rule.title}`);
  const answer = element("div", "answer");
  const text = element("div", "", element("b", "", rule.title), element("span", "call", `${rule.call} · ${rule.why}`));
  const row = { rule, badge, answer, element: element("div", "rule", element("div", "ask", text, badge, button), answer) };
  button.addEventListener("click", async () => {
    const said = await tried(row, true);
    if (said) say(`${rule.title}: ${said}`);
  });
  return row;
}

// A badge says what came of the call, and nothing before that.
async function tried(row, open) {
  if (row.busy || !session.access) return null;
  row.busy = true;
  setBadge(row, "", "trying …");
  const result = await (row.rule.frame ? tryFrame(row) : tryRule(row, open));
  row.busy = false;
  if (result) setBadge(row, result.style, result.said);
  row.good = result?.style === "good";
  return result?.said;
}

function setBadge({ badge }, style, said) {
  badge.className = `badge ${style}`;
  badge.textContent = said;
}

async function tryRule({ rule, answer }, open) {
  if (rule.absent) {
    answer.replaceChildren(element("p", "quiet", rule.absent));
    return { style: "warn", said: "cannot be tried" };
  }
  const made = await rule.run();
  if (wasEnded(made)) return ended(made);
  const { good, expected } = verdict(rule, session.claims, made);
  answer.replaceChildren(fold(`Expected ${expected}; the answer was ${outcome(made)}`, good, made, open));
  const word = made.failure ? "no answer" : made.status < 400 ? `accepted, ${made.status}` : `refused, ${made.status}`;
  return { style: good ? "good" : "bad", said: `${good ? "✓" : "✗"} ${word}` };
}

// A page cannot choose its Origin, so the foreign call is made by a foreign page. It says
// what it measured; a page that does not load says nothing.
async function tryFrame({ rule, answer }) {
  const inner = element("iframe");
  inner.src = `${rule.frame}/`;
  inner.title = "A stranger's page";
  const told = new Promise((resolve) => { strangers.set(inner, resolve); setTimeout(resolve, PATIENCE); });
  answer.replaceChildren(
    element("p", "quiet", `Below is a page of ${rule.frame}. It is handed your token, as if it had been stolen.`), inner);
  const result = await told;
  strangers.delete(inner);
  if (!result) return { style: "bad", said: "✗ no answer" };
  const good = result.refused === result.attempts;
  return { style: good ? "good" : "bad", said: `${good ? "✓" : "✗"} refused, ${result.refused} of ${result.attempts}` };
}

const PATIENCE = 20_000;
const strangers = new Map();

addEventListener("message", (event) => {
  if (!config.stranger || event.origin !== config.stranger || !session.access) return;
  if (event.data === "ready") event.source.postMessage({ token: session.access }, config.stranger);
  for (const [inner, resolve] of strangers) {
    if (inner.contentWindow === event.source && event.data?.attempts) resolve(event.data);
  }
});

async function tryAll() {
  $("result").textContent = "Trying …";
  for (const row of rules) {
    if (!session.access) return; // signed out meanwhile
    await tried(row, false);
  }
  const could = rules.filter((row) => !row.rule.absent);
  const kept = could.filter((row) => row.good).length;
  say($("result").textContent = `${kept} of ${could.length} calls were answered as expected.`);
}

// For those who hear the page: one line for what has just happened.
function say(text) {
  $("said").textContent = text;
}

$("here").textContent = location.origin;
$("login-form").addEventListener("submit", signIn);
$("refresh").addEventListener("click", refresh);
$("logout").addEventListener("click", () => signOut("/sign-out"));
$("logout-all").addEventListener("click", () => signOut("/sign-out-everywhere"));
$("all").addEventListener("click", tryAll);
setInterval(tick, 500);
draw();
drawRules();
