// A front end in another language, without packages: it makes the pages, and the API keeps
// the sessions. The guard in front of the API answers /session.

import http from "node:http";
import https from "node:https";

const API = new URL(process.env.NOTES_API_URL ?? "http://127.0.0.1:8000");
const PORT = Number(process.env.PORT ?? 3000);
const LONGEST_FORM = 10_000;
const HEADERS = {
  "Content-Type": "text/html; charset=utf-8",
  "Cache-Control": "no-store",
  "Content-Security-Policy": "default-src 'none'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'",
};
// What a proxy in front of this server has said about the visitor.
const FORWARDED = ["x-forwarded-for", "x-forwarded-proto"];
// What the browser says about the page that posts: the guard decides by it.
const SENDER = ["origin", "sec-fetch-site"];
const ERRORS = {
  invalid_credentials: "The user name or the password is wrong.",
  too_many_attempts: "Too many attempts. Wait a minute.",
  unavailable: "Signing in is not possible now. Try again soon.",
};

const escaped = (text) => String(text).replace(/[&<>"']/g, (found) => `&#${found.charCodeAt(0)};`);
const picked = (request, names) =>
  Object.fromEntries(names.filter((name) => name in request.headers).map((name) => [name, request.headers[name]]));
const page = (title, body) =>
  `<!doctype html><html lang="en"><title>${title}</title><h1>${title}</h1>${body}</html>`;

function send(path, options, onAnswer) {
  const { request } = API.protocol === "https:" ? https : http;
  return request(new URL(path, API), options, onAnswer);
}

// Ask the API as the visitor: with the session's cookie, which only the guard can read.
function ask(from, method, path, json) {
  const headers = { ...picked(from, ["cookie", ...FORWARDED]), accept: "application/json" };
  if (method !== "GET") Object.assign(headers, picked(from, SENDER));
  if (json) headers["content-type"] = "application/json";
  return new Promise((resolve, reject) => {
    const sent = send(path, { method, headers }, async (answer) => {
      let text = "";
      for await (const part of answer.setEncoding("utf8")) text += part;
      const cookies = answer.headers["set-cookie"] ?? []; // a session that was refreshed
      resolve({ status: answer.statusCode, cookies, body: text });
    });
    sent.on("error", reject);
    sent.end(json && JSON.stringify(json));
  });
}

function answer(response, status, body, headers = {}, cookies = []) {
  response.writeHead(status, { ...HEADERS, ...headers, ...(cookies.length && { "Set-Cookie": cookies }) });
  response.end(body);
}

const toLogin = (request, response) =>
  answer(response, 303, "", { Location: `/login?next=${encodeURIComponent(request.url)}` });

async function home(request, response) {
  const who = await ask(request, "GET", "/session");
  if (who.status === 401) return toLogin(request, response);
  const listed = await ask(request, "GET", "/notes");
  const cookies = [...who.cookies, ...listed.cookies];
  if (who.status !== 200 || listed.status !== 200) {
    return answer(response, 502, page("Not now", "<p>Try again soon."), {}, cookies);
  }
  const items = JSON.parse(listed.body).notes.map((note) => `<li>${escaped(note.text)}`).join("");
  const forms = `<form method="post" action="/notes"><input name="text" required><button>Add</button></form>
    <form method="post" action="/session/logout"><input type="hidden" name="next" value="/login">
    <button>Sign out</button></form>`;
  const { subject } = JSON.parse(who.body);
  answer(response, 200, page(`Notes of ${escaped(subject)}`, `<ul>${items}</ul>${forms}`), {}, cookies);
}

function login(request, response, query) {
  const problem = ERRORS[query.get("error")] ?? "";
  const next = escaped(query.get("next") ?? "/"); // the guard checks it
  answer(response, 200, page("Sign in", `<p role="alert">${problem}</p>
    <form method="post" action="/session/login"><input type="hidden" name="next" value="${next}">
    <input name="username"><input name="password" type="password"><button>Sign in</button></form>`));
}

async function addNote(request, response) {
  let form = "";
  for await (const part of request.setEncoding("utf8")) {
    form += part;
    if (form.length > LONGEST_FORM) return answer(response, 413, page("Too long", ""));
  }
  const text = new URLSearchParams(form).get("text") ?? "";
  const added = await ask(request, "POST", "/notes", { text });
  if (added.status === 401) return answer(response, 303, "", { Location: "/login" });
  if (added.status === 201) return answer(response, 303, "", { Location: "/" }, added.cookies);
  answer(response, added.status, page("Refused", '<p><a href="/">Back</a>'), {}, added.cookies);
}

// The guard answers these requests: pass everything on, in both directions.
function toGuard(request, response) {
  const { connection, host, ...headers } = request.headers;
  const sent = send(request.url, { method: request.method, headers }, (got) => {
    response.writeHead(got.statusCode, got.rawHeaders);
    got.pipe(response);
  });
  sent.on("error", () => failed(response));
  request.pipe(sent);
}

function failed(response) {
  if (response.headersSent) return response.destroy();
  answer(response, 502, page("Not now", "<p>The API does not answer. Try again soon."));
}

const ROUTES = { "GET /": home, "GET /login": login, "POST /notes": addNote };

http.createServer(async (request, response) => {
  const [path, query] = request.url.split("?", 2);
  try {
    if (/^\/session(\/log(in|out))?$/.test(path)) return toGuard(request, response);
    const route = ROUTES[`${request.method} ${path}`];
    if (!route) return answer(response, 404, page("Not found", ""));
    await route(request, response, new URLSearchParams(query));
  } catch {
    failed(response);
  }
}).listen(PORT, () => console.log(`http://localhost:${PORT}/`));
