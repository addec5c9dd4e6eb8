// What a page does with oidc-client-ts; the tests call these functions.
"use strict";

function manager({ issuer, clientId, tokenUrl, revokeUrl }) {
  const given = { token_endpoint: tokenUrl, revocation_endpoint: revokeUrl };
  const metadata = Object.fromEntries(Object.entries(given).filter(([, url]) => url));
  return new oidc.UserManager({
    authority: issuer,
    client_id: clientId,
    redirect_uri: location.origin,
    scope: "openid notes:read notes:write",
    metadataSeed: metadata,
    userStore: new oidc.WebStorageStateStore({ store: localStorage }), // all tabs have one
    automaticSilentRenew: false,
    stopCheckSession: true,
  });
}

async function signIn(where, username, password) {
  const users = manager(where);
  await users.signinResourceOwnerCredentials({
    username,
    password,
    skipUserInfo: true,
  });
  const user = await users.getUser();
  return { access: user.access_token, refresh: user.refresh_token };
}

async function signInSilently(where) {
  const users = manager(where);
  await users.signinSilent();
  const user = await users.getUser();
  return { access: user.access_token, refresh: user.refresh_token };
}

// The token that this tab goes on with, whatever other tabs do meanwhile.
let held = null;

async function holdToken(where) {
  held = (await manager(where).getUser()).access_token;
}

async function useToken(url) {
  const answer = await call(url, held);
  const revoked = answer.status === 401 && /access token was revoked/.test(answer.challenge);
  document.getElementById("state").textContent = revoked ? "You were signed out" : answer.status;
  return answer;
}

// At the API, then here: the library forgets the user in all tabs.
async function signOut(where, url) {
  const users = manager(where);
  const { access_token: token } = await users.getUser();
  const answer = await call(url, token, { method: "POST" });
  await users.removeUser();
  return answer.status;
}

// RFC 7009, as the library does it.
const revokeToken = (where) => manager(where).revokeTokens(["access_token"]);

// At the issuer, which sends the browser back.
const signOutByRedirect = (where) =>
  manager(where).signoutRedirect({ post_logout_redirect_uri: `${location.origin}/page.html` });

// What a script can learn of an answer: status, challenge and body, or only that the
// browser keeps it to itself.
async function call(url, token, options = {}) {
  const headers = { ...(options.headers ?? {}) };
  if (token) headers.Authorization = `Bearer ${token}`;
  try {
    const answer = await fetch(url, { ...options, headers });
    return {
      status: answer.status,
      challenge: answer.headers.get("WWW-Authenticate"),
      body: await answer.text(),
    };
  } catch (error) {
    return { unreadable: String(error) };
  }
}

// A form needs no preflight, and goes wherever it is pointed.
function submitForm(url, fields, enctype) {
  const form = document.createElement("form");
  form.method = "post";
  form.action = url;
  if (enctype) form.enctype = enctype;
  for (const [name, value] of Object.entries(fields)) {
    const input = document.createElement("input");
    [input.type, input.name, input.value] = ["hidden", name, value];
    form.append(input);
  }
  document.body.append(form);
  setTimeout(() => form.submit(), 0);
}

function loadImage(url) {
  return new Promise((resolve) => {
    const image = new Image();
    image.onload = () => resolve("loaded");
    image.onerror = () => resolve("failed");
    image.src = url;
  });
}

// What a page learns of a WebSocket: until it is closed, or open for so many milliseconds.
function openSocket(url, protocols = [], ms = 2000) {
  return new Promise((resolve) => {
    const socket = new WebSocket(url, protocols);
    const found = { opened: false, first: null };
    setTimeout(() => resolve({ ...found, hung: true }), 20000 + ms);
    socket.onopen = () => {
      Object.assign(found, { opened: true, protocol: socket.protocol });
      setTimeout(() => resolve(found), ms);
    };
    socket.onmessage = (event) => {
      found.first ??= event.data;
      globalThis.socketIsOpen = true;
    };
    socket.onclose = ({ code, reason }) => resolve({ ...found, code, reason });
  });
}

addEventListener("DOMContentLoaded", () => {
  document.getElementById("origin").textContent = location.origin;
});
