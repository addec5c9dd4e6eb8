// A page whose tokens are bound to its key (RFC 9449), by two libraries. The tests call
// what stands on `globalThis`.
import * as oauth from "/oauth4webapi.js";

const SCOPE = "openid notes:read notes:write";

// What a script can learn of an answer.
async function told(answer) {
  return {
    status: answer.status,
    challenge: answer.headers.get("WWW-Authenticate"),
    nonce: answer.headers.get("DPoP-Nonce"),
    body: await answer.text(),
  };
}

async function get(url, headers, method = "GET") {
  try {
    return await told(await fetch(url, { method, headers }));
  } catch (error) {
    return { unreadable: String(error) };
  }
}

// oidc-client-ts. Its password login sends no proof, its refresh does: the first token
// is a bearer token, and the one after it is bound.

function manager({ issuer, clientId, tokenUrl }) {
  return new oidc.UserManager({
    authority: issuer,
    client_id: clientId,
    redirect_uri: location.origin,
    scope: SCOPE,
    metadataSeed: tokenUrl ? { token_endpoint: tokenUrl } : {},
    userStore: new oidc.WebStorageStateStore({ store: localStorage }),
    dpop: { store: new oidc.IndexedDbDPoPStore() },
    automaticSilentRenew: false,
    stopCheckSession: true,
  });
}

const held = async (users) => {
  const { access_token: access, token_type: type } = await users.getUser();
  return { access, type };
};

globalThis.signIn = async (where, username, password) => {
  const users = manager(where);
  await users.signinResourceOwnerCredentials({ username, password, skipUserInfo: true });
  return held(users);
};

globalThis.refresh = async (where) => {
  const users = manager(where);
  await users.signinSilent();
  return held(users);
};

// The library hands over a proof; nonces of an API are the page's own business.
let nonce;
globalThis.callWithProof = async (where, url, method = "GET") => {
  const users = manager(where);
  const user = await users.getUser();
  const answers = [];
  for (let attempt = 0; attempt < 2; attempt += 1) {
    const proof = await users.dpopProof(url, user, method, nonce);
    const headers = { Authorization: `DPoP ${user.access_token}`, DPoP: proof };
    const answer = await get(url, headers, method);
    answers.push(answer);
    nonce = answer.nonce ?? nonce;
    if (!/use_dpop_nonce/.test(answer.challenge)) break;
  }
  return answers;
};

globalThis.proofFor = async (where, url, method = "GET") => {
  const users = manager(where);
  return users.dpopProof(url, await users.getUser(), method, nonce);
};

// Whatever a thief sends.
globalThis.send = (url, headers, method) => get(url, headers, method);

// oauth4webapi. It keeps the nonce of each server by itself.

const insecure = { [oauth.allowInsecureRequests]: true }; // http on loopback
let pair, key, client, token;

// With *bearer* the token is bound to no key.
globalThis.signInByOAuth = async ({ issuer, clientId, tokenUrl, bearer }, username, password, skew = 0) => {
  const found = await (await fetch(`${issuer}/.well-known/openid-configuration`)).json();
  const as = { ...found, token_endpoint: tokenUrl ?? found.token_endpoint };
  client = { client_id: clientId, [oauth.clockSkew]: skew };
  pair = await oauth.generateKeyPair("ES256");
  key = bearer ? undefined : oauth.DPoP(client, pair);
  let tries = 0;
  const ask = async () => {
    tries += 1;
    const answer = await oauth.genericTokenEndpointRequest(
      as, client, oauth.None(), "password",
      { username, password, scope: SCOPE, resource: "https://api.example.com" },
      { DPoP: key, ...insecure },
    );
    return oauth.processGenericTokenEndpointResponse(as, client, answer);
  };
  const got = await ask().catch((error) => {
    if (oauth.isDPoPNonceError(error)) return ask();
    throw error;
  });
  token = got.access_token;
  return { type: got.token_type, tries, thumbprint: await key?.calculateThumbprint() };
};

globalThis.callByOAuth = async (url, method = "GET") => {
  let tries = 0;
  const ask = () => {
    tries += 1;
    return oauth.protectedResourceRequest(
      token, method, new URL(url), new Headers(), null, { DPoP: key, ...insecure },
    );
  };
  try {
    const answer = await ask().catch((error) => {
      if (oauth.isDPoPNonceError(error)) return ask();
      throw error;
    });
    return { tries, ...(await told(answer)) };
  } catch (error) {
    if (!(error instanceof oauth.WWWAuthenticateChallengeError)) throw error;
    return { tries, status: error.status, challenges: error.cause };
  }
};

// The same key, on a clock that is wrong by so many seconds.
globalThis.skewClock = (skew) => {
  key = oauth.DPoP({ ...client, [oauth.clockSkew]: skew }, pair);
};

globalThis.tokenByOAuth = () => token;

document.getElementById("origin").textContent = location.origin;
globalThis.ready = true;
