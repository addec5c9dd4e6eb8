// What a page of another origin can try with a token that is not its own.
// The browser tells it next to nothing, so each try says what the server answered.

const { api, www } = document.body.dataset;
const form = { "Content-Type": "application/x-www-form-urlencoded" };

const tries = (token) => [
  ["Read the notes with the token",
    "The browser asked first (preflight), and the API said 403.",
    () => fetch(`${api}/notes`, { headers: { Authorization: `Bearer ${token}` } })],
  ["Write a note without asking first",
    "A plain form needs no preflight, but carries no token: 401 before the app ran.",
    () => fetch(`${api}/notes`, { method: "POST", mode: "no-cors", body: "text=gotcha", headers: form })],
  ["Refresh as the client spa",
    "The token path compares Origin with the client: 403 before the body went on.",
    () => fetch(`${api}/oauth/token`, { method: "POST", headers: form,
      body: "grant_type=refresh_token&client_id=spa&refresh_token=stolen" })],
  ["Log the person out of the www server",
    "Same site, so the cookie came along; the guard saw a foreign Origin: 403.",
    () => fetch(`${www}/session/logout`, { method: "POST", mode: "no-cors", credentials: "include" })],
];

async function outcome(call) {
  try {
    const answer = await call();
    return answer.type === "opaque" ? "sent; the answer is hidden from this page" : `${answer.status}`;
  } catch (error) {
    return `${error.name}: ${error.message}`;
  }
}

function line(tag, className, text) {
  const made = document.createElement(tag);
  made.className = className;
  made.textContent = text;
  return made;
}

async function attempt(token) {
  document.getElementById("loot").textContent = "holds a stolen token";
  const rows = [];
  for (const [title, why, call] of tries(token)) {
    const row = document.createElement("li");
    row.append(line("b", "", title), line("span", "seen", await outcome(call)), line("span", "why", why));
    rows.push(row);
  }
  document.getElementById("tries").replaceChildren(...rows);
}

document.getElementById("here").textContent = location.origin;
addEventListener("message", (event) => {
  if (event.origin === www && typeof event.data?.token === "string") attempt(event.data.token);
});
if (parent !== window) parent.postMessage("ready", www);
