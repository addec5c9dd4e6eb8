// What a page of another origin can try with a token that is not its own. Only what was
// measured is shown: what this browser said, and what was answered to the same request.

const { www } = document.body.dataset;
const tries = JSON.parse(document.body.dataset.tries);
const $ = (id) => document.getElementById(id);
const FORM = { "Content-Type": "application/x-www-form-urlencoded" };

function sent(attempt, token) {
  const { method, body } = attempt;
  if (attempt.with === "token") return { method, headers: { Authorization: `Bearer ${token}` } };
  return { method, body, headers: FORM, mode: "no-cors",
    credentials: attempt.with === "cookies" ? "include" : "omit" };
}

async function inBrowser(attempt, token) {
  try {
    const answer = await fetch(attempt.url, sent(attempt, token));
    return answer.type === "opaque" ? "sent; the answer is hidden from this page" : `${answer.status}`;
  } catch (error) {
    return `${error.name}: ${error.message}`;
  }
}

async function repeated(number, token) {
  try {
    const answer = await fetch(`/again/${number}`, { method: "POST", body: JSON.stringify({ token }) });
    return (await answer.json()).answers ?? [];
  } catch {
    return [];
  }
}

function line(tag, className, ...children) {
  const made = document.createElement(tag);
  made.className = className;
  made.append(...children);
  return made;
}

const isRefused = (answer) => /^\w+ 4\d\d /.test(answer);

async function attempt(token) {
  $("alone").hidden = true;
  $("result").textContent = "Trying …";
  $("loot").textContent = token ? "It holds a stolen token." : "It has no token.";
  const results = [];
  for (const [number, one] of tries.entries()) {
    if (one.with === "token" && !token) continue;
    const browser = await inBrowser(one, token);
    const answers = await repeated(number, token);
    results.push({ title: one.title, browser, answers, refused: answers.length > 0 && answers.every(isRefused) });
  }
  show(results);
}

function show(results) {
  const refused = results.filter((one) => one.refused).length;
  $("result").textContent = `${refused} of ${results.length} attempts were refused.`;
  $("how").hidden = false;
  $("tries").replaceChildren(...results.map((one) => line("li", "",
    line("span", `badge ${one.refused ? "good" : "bad"}`, one.refused ? "refused" : "not refused"),
    line("b", "", one.title),
    line("span", "seen", `this browser: ${one.browser}`),
    line("span", "seen", `answered: ${one.answers.join(", ") || "nothing"}`))));
  if (parent !== window) parent.postMessage({ attempts: results.length, refused }, www);
}

$("here").textContent = location.origin;
$("alone").hidden = parent !== window;
$("start").addEventListener("click", () => attempt());
addEventListener("message", (event) => {
  if (event.origin === www && typeof event.data?.token === "string") attempt(event.data.token);
});
if (parent !== window) parent.postMessage("ready", www);
