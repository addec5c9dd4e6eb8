// A token that is bound to a key (RFC 9449). Scripts can use the key, but not copy it.

import { exchange } from "./exchange.js";

const ES256 = { name: "ECDSA", namedCurve: "P-256", hash: "SHA-256" };
const EXTRACTABLE = false;
const SPARE = 10; // seconds
const bytes = (text) => new TextEncoder().encode(text);
const base64url = (buffer) => btoa(String.fromCharCode(...new Uint8Array(buffer)))
  .replace(/\+/g, "-").replace(/\//g, "_").replace(/=+$/, "");
const segment = (value) => base64url(bytes(JSON.stringify(value)));
const now = () => Math.floor(Date.now() / 1000);

export async function newKey() {
  const pair = await crypto.subtle.generateKey(ES256, EXTRACTABLE, ["sign"]);
  const { kty, crv, x, y } = await crypto.subtle.exportKey("jwk", pair.publicKey);
  return { secret: pair.privateKey, jwk: { kty, crv, x, y } };
}

// A proof is for one request; with a token, for that token only.
export async function proofOf(key, method, url, token) {
  const claims = { jti: crypto.randomUUID(), htm: method, htu: url, iat: now() };
  if (token) claims.ath = base64url(await crypto.subtle.digest("SHA-256", bytes(token)));
  const signed = `${segment({ typ: "dpop+jwt", alg: "ES256", jwk: key.jwk })}.${segment(claims)}`;
  return `${signed}.${base64url(await crypto.subtle.sign(ES256, key.secret, bytes(signed)))}`;
}

// Beside the session of the page: its refresh token is bound to the same key.
export class BoundSession {
  constructor(config) {
    this.config = config;
  }

  async signIn(form) {
    this.key = await newKey();
    return this.ask(form);
  }

  // The token, refreshed if it is about to end; null if the issuer did not bind it.
  async token() {
    if (this.access && this.ends - SPARE < now()) {
      await this.ask({ grant_type: "refresh_token", client_id: this.config.clientId, refresh_token: this.refreshToken });
    }
    return this.access ?? null;
  }

  async headers(method, url, key = this.key) {
    const token = await this.token();
    return { Authorization: `DPoP ${token}`, DPoP: await proofOf(key, method, url, token) };
  }

  // The issuer expects its own URL in the proof, not that of the token path in front.
  async ask(form) {
    const headers = { DPoP: await proofOf(this.key, "POST", this.config.proofUrl) };
    const made = await exchange("POST", this.config.tokenUrl, { headers, form });
    if (made.body?.token_type !== "DPoP") return made;
    this.access = made.body.access_token;
    this.refreshToken = made.body.refresh_token ?? this.refreshToken;
    this.ends = now() + made.body.expires_in;
    return made;
  }

  async signOut() {
    if (!this.access) return;
    const form = { token: this.refreshToken ?? this.access, client_id: this.config.clientId };
    await exchange("POST", this.config.revokeUrl, { form });
  }
}
