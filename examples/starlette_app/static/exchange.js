// One HTTP exchange: make it, remember what was asked and answered, and show it.

const JWT = /\beyJ[\w-]+\.[\w-]+\.[\w-]*/g;
const SECRET_FIELDS = ["password", "refresh_token", "token"];
const SECRET_MEMBERS = ["access_token", "refresh_token", "id_token"];
const LISTED = 3;
const SHOWN_HEADERS = ["WWW-Authenticate", "Retry-After", "Content-Type", "Cache-Control"];

export function element(tag, className, ...children) {
  const made = document.createElement(tag);
  if (className) made.className = className;
  made.append(...children.filter((child) => child !== null));
  return made;
}

export function shortened(text) {
  return text.replace(JWT, (token) => `${token.slice(0, 8)}…${token.slice(-4)}`);
}

export async function exchange(method, url, { headers = {}, form, json } = {}) {
  const sent = { ...headers };
  if (form) sent["Content-Type"] = "application/x-www-form-urlencoded";
  if (json) sent["Content-Type"] = "application/json";
  const body = form ? new URLSearchParams(form).toString() : json && JSON.stringify(json);
  const made = { method, url, sent, form, json, started: performance.now() };
  try {
    const answer = await fetch(url, { method, headers: sent, body, cache: "no-store" });
    made.status = answer.status;
    made.statusText = answer.statusText;
    made.received = SHOWN_HEADERS
      .filter((name) => answer.headers.has(name))
      .map((name) => [name, answer.headers.get(name)]);
    made.text = await answer.text();
    made.body = parsed(made.text);
  } catch (error) {
    made.failure = `${error.name}: ${error.message}`;
  }
  made.milliseconds = Math.round(performance.now() - made.started);
  return made;
}

// The status with the error code of the challenge or of the body, as far as there is one.
export function outcome(made) {
  if (made.failure) return made.failure;
  const challenge = new Map(made.received ?? []).get("WWW-Authenticate") ?? "";
  const code = /error="(\w+)"/.exec(challenge)?.[1] ?? made.body?.error ?? made.statusText;
  return `${made.status} ${code}`.trim();
}

export function shown(made) {
  const asked = element("div", "asked", element("div", "first", `${made.method} ${made.url}`));
  for (const [name, value] of Object.entries({ ...made.sent, Origin: location.origin })) {
    asked.append(header(name, value));
  }
  if (made.form) asked.append(element("pre", "", formText(made.form)));
  if (made.json) asked.append(element("pre", "", JSON.stringify(made.json)));
  const fine = made.status >= 200 && made.status < 300;
  const got = element("div", `got ${fine ? "good" : "bad"}`);
  got.append(element("div", "first",
    element("span", "ms", `${made.milliseconds} ms`),
    made.failure ?? `${made.status} ${made.statusText}`));
  for (const [name, value] of made.received ?? []) got.append(header(name, value));
  if (made.text) got.append(element("pre", "", bodyText(made)));
  return element("div", "exchange", asked, got);
}

function parsed(text) {
  try { return JSON.parse(text); } catch { return null; }
}

function header(name, value) {
  return element("div", "", element("span", "name", `${name}: `), shortened(value));
}

function formText(form) {
  return Object.entries(form)
    .map(([name, value]) => `${name}=${SECRET_FIELDS.includes(name) ? "•••" : value}`)
    .join("\n");
}

function bodyText(made) {
  if (made.body === null) return shortened(made.text.slice(0, 400));
  const lines = Object.entries(made.body).map(([name, value]) => `  "${name}": ${member(name, value)}`);
  return shortened(`{\n${lines.join(",\n")}\n}`);
}

// One line for each member, and for each of the first few objects in a list.
function member(name, value) {
  if (SECRET_MEMBERS.includes(name)) return `"${value.slice(0, 8)}…${value.slice(-4)}"`;
  if (!Array.isArray(value) || typeof value[0] !== "object") return JSON.stringify(value);
  const items = value.slice(0, LISTED).map((item) => `    ${JSON.stringify(item)}`);
  if (value.length > LISTED) items.push(`    … ${value.length - LISTED} more`);
  return `[\n${items.join(",\n")}\n  ]`;
}
