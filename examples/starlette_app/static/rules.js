// The calls a person can try: what each needs, and what is expected to come of it.

import { newKey } from "./bound.js";
import { exchange } from "./exchange.js";

const has = (claim, value) => (claims) =>
  (Array.isArray(claims[claim]) ? claims[claim] : (claims[claim] ?? "").split(" ")).includes(value);

// `allowed` reads the token's claims; `refusal` is what the API says otherwise.
export function groups(session, config) {
  const bearer = (token = session.access) => ({ headers: { Authorization: `Bearer ${token}` } });
  const api = (method, path, options) => exchange(method, config.api + path, options);
  const note = { json: { text: `Written in the browser at ${new Date().toLocaleTimeString()}` } };
  return [
    {
      title: "With my token",
      rules: [
        { id: "whoami", title: "Who am I", call: "GET /whoami", why: "any token",
          allowed: () => true, run: () => api("GET", "/whoami", bearer()) },
        { id: "read", title: "Read my notes", call: "GET /notes", why: "scope notes:read",
          allowed: has("scope", "notes:read"), refusal: [403, "insufficient_scope"],
          run: () => api("GET", "/notes", bearer()) },
        { id: "write", title: "Write a note", call: "POST /notes", why: "scope notes:write",
          allowed: has("scope", "notes:write"), refusal: [403, "insufficient_scope"],
          run: () => api("POST", "/notes", { ...bearer(), ...note }) },
        { id: "admin", title: "Read the admin report", call: "GET /admin/report", why: "role admin",
          allowed: has("roles", "admin"), refusal: [403],
          run: () => api("GET", "/admin/report", bearer()) },
      ],
    },
    {
      title: "What must be refused",
      rules: [
        { id: "scope", title: "Write with a read-only token", call: "POST /notes",
          why: "a narrower copy of my token", refusal: [403, "insufficient_scope"],
          run: async () => {
            const narrow = await session.refresh("notes:read", false);
            if (!narrow.body?.access_token) return narrow;
            return api("POST", "/notes", { ...bearer(narrow.body.access_token), ...note });
          } },
        { id: "none", title: "Call without a token", call: "GET /notes", why: "no Authorization",
          refusal: [401], run: () => api("GET", "/notes") },
        { id: "forged", title: "Change one letter of the token", call: "GET /notes",
          why: "a broken signature", refusal: [401, "invalid_token"],
          run: () => api("GET", "/notes", bearer(tampered(session.access))) },
        { id: "id-token", title: "Send the ID token instead", call: "GET /notes",
          why: "it is about me, not for the API", refusal: [401, "invalid_token"],
          absent: session.access && !session.idToken ? "This sign-in brought no ID token." : "",
          run: () => api("GET", "/notes", bearer(session.idToken)) },
        ...(config.stranger ? [{ id: "stranger", title: "Use my token from another origin",
          call: "a stranger's page", why: "no client lists its origin", frame: config.stranger }] : []),
      ],
    },
    ...(config.proofUrl ? [boundGroup(session.bound, config)] : []),
  ];
}

// Each row uses the token as somebody would who has stolen it, and not its key.
function boundGroup(bound, config) {
  const path = "/whoami", url = config.api + path, call = `GET ${path}`;
  const send = (headers) => exchange("GET", url, { headers });
  const absent = bound && !bound.access ? "The token server binds no tokens." : "";
  return {
    title: "With a token that is bound to a key",
    rules: [
      { id: "bound", title: "Call with the token and a proof", call, why: "only this page has the key", absent,
        allowed: () => true, run: async () => send(await bound.headers("GET", url)) },
      { id: "bound-bearer", title: "Steal the token: send it as Bearer", call, why: "no proof",
        absent, refusal: [401, "invalid_token"],
        run: async () => send({ Authorization: `Bearer ${await bound.token()}` }) },
      { id: "bound-key", title: "Steal the token: sign with another key", call, why: "the token names its key",
        absent, refusal: [401, "invalid_token"],
        run: async () => send(await bound.headers("GET", url, await newKey())) },
      { id: "bound-replay", title: "Steal the token and a proof: send both again", call, why: "a proof is good once",
        absent, refusal: [401, "invalid_dpop_proof"],
        run: async () => {
          const headers = await bound.headers("GET", url);
          const first = await send(headers);
          return first.status === 200 ? send(headers) : first;
        } },
    ],
  };
}

// The tenth letter of the signature: the last one may hold bits that mean nothing.
function tampered(token) {
  const at = token.lastIndexOf(".") + 10;
  return token.slice(0, at) + (token[at] === "A" ? "B" : "A") + token.slice(at + 1);
}

// What the rules say of this call: what is expected, and whether the answer is that.
export function verdict(rule, claims, made) {
  const granted = rule.allowed?.(claims) ?? false;
  const [status, code] = granted ? [] : rule.refusal;
  const ended = rule.allowed && claims.exp < Date.now() / 1000;
  if (ended && made.status === 401) return { good: true, expected: "401, as the token has ended" };
  const fine = made.status >= 200 && made.status < 300;
  if (granted) return { good: fine, expected: "a 2xx" };
  const challenge = new Map(made.received ?? []).get("WWW-Authenticate") ?? "";
  const good = made.status === status && (!code || challenge.includes(`error="${code}"`));
  return { good, expected: [status, code].filter(Boolean).join(" ") };
}
