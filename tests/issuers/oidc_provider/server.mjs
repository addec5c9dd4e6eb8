// oidc-provider with what an API behind a password form needs of it: the grant of
// RFC 6749 section 4.3, JWT access tokens (RFC 9068) by resource indicator (RFC 8707),
// and one key of each kind. POST /rotate puts new keys in front of the old ones, and
// POST /withdraw drops the old ones.
//
// node server.mjs PORT '{"CLIENT_ID": {"alg": "ES256", "origins": ["https://..."]}}' [WORD]
// With the word `nonce`, DPoP proofs need a nonce of this server; with `registration`,
// clients register themselves (RFC 7591).
// A client's `resource` is what it gets a token for if it names none, `ttl` is the life of
// its access tokens in seconds, `format` their format, and its `metadata` are added to what all clients have. With `redirect_uris` among them, browsers can sign in.
import { generateKeyPairSync, randomBytes, randomUUID } from "node:crypto";
import { createServer } from "node:http";
import { Provider, errors } from "oidc-provider";
import validateDPoP from "oidc-provider/lib/helpers/validate_dpop.js";

const [port, described, word] = process.argv.slice(2);
const clients = JSON.parse(described);
const USERS = { alice: "wonderland" };
const SCOPES = ["notes:read", "notes:write"];
const REGISTERED = { alg: "RS256", origins: [] };
const about = (client) => clients[client.clientId] ?? REGISTERED;
const registration = word === "registration";
const browsers = registration || Object.values(clients).some(({ metadata }) => metadata?.redirect_uris);
const EVENT = "http://schemas.openid.net/event/backchannel-logout";

function signingKey(alg, type, options) {
  const { privateKey } = generateKeyPairSync(type, options);
  return { ...privateKey.export({ format: "jwk" }), kid: randomUUID(), alg, use: "sig" };
}

const newKeys = () => [
  signingKey("RS256", "rsa", { modulusLength: 2048 }),
  signingKey("PS256", "rsa", { modulusLength: 2048 }),
  signingKey("ES256", "ec", { namedCurve: "P-256" }),
  signingKey("EdDSA", "ed25519", {}),
];

const resourceServer = (ctx, resource, client) => ({
  scope: SCOPES.join(" "),
  audience: resource,
  accessTokenTTL: about(client).ttl ?? 120,
  accessTokenFormat: about(client).format ?? "jwt",
  jwt: { sign: { alg: about(client).alg } },
});

function provider(keys) {
  const made = new Provider(`http://127.0.0.1:${port}`, {
    jwks: { keys },
    clients: Object.keys(clients).map((id) => ({
      client_id: id,
      token_endpoint_auth_method: "none",
      grant_types: ["password", "refresh_token"],
      response_types: [],
      redirect_uris: [],
      ...clients[id].metadata,
    })),
    scopes: ["openid", "offline_access", ...SCOPES],
    cookies: { keys: [randomUUID()] },
    enabledJWA: { idTokenSigningAlgValues: ["RS256", "PS256", "ES256", "EdDSA"] },
    clientBasedCORS: (ctx, origin, client) => about(client).origins.includes(origin),
    // Without the dispatcher that keeps it from loopback and private addresses.
    fetch: (url, { dispatcher, ...options }) => globalThis.fetch(url, options),
    findAccount: (ctx, id) => ({ accountId: id, claims: () => ({ sub: id }) }),
    features: {
      dPoP: {
        enabled: true,
        nonceSecret: word === "nonce" ? randomBytes(32) : undefined,
        requireNonce: () => word === "nonce",
      },
      devInteractions: { enabled: browsers },
      registration: { enabled: registration },
      backchannelLogout: { enabled: true },
      introspection: { enabled: true },
      jwtIntrospection: { enabled: true },
      revocation: { enabled: true },
      resourceIndicators: {
        enabled: true,
        useGrantedResource: () => true,
        getResourceServerInfo: resourceServer,
      },
    },
  });
  const parameters = ["username", "password", "scope", "resource"];
  made.registerGrantType("password", (ctx) => password(made, ctx), parameters);
  return made;
}

// RFC 6749 section 4.3.2. Without `resource` the access token is an opaque one. With
// the tokens comes a logout token, as the back channel would carry it.
async function password(made, ctx) {
  const { client, params } = ctx.oidc;
  const proof = await validateDPoP(made, ctx); // RFC 9449: it binds the tokens
  const { username, scope = "" } = params;
  const resource = params.resource ?? about(client).resource;
  if (!username || USERS[username] !== params.password) {
    throw new errors.InvalidGrant("name or password is wrong");
  }
  const grant = new made.Grant({ clientId: client.clientId, accountId: username });
  grant.addOIDCScope(scope);
  if (resource) grant.addResourceScope(resource, scope);
  const grantId = await grant.save();
  const of = { accountId: username, client, grantId, gty: "password", scope };
  const access = new made.AccessToken(of);
  if (resource) {
    const info = resourceServer(ctx, resource, client);
    access.resourceServer = new made.ResourceServer(resource, info);
    access.scope = grant.getResourceScopeFiltered(resource, scope.split(" "));
  }
  const refresh = new made.RefreshToken({ ...of, resource, rotations: 0 });
  if (proof) {
    access.setThumbprint("jkt", proof.thumbprint);
    refresh.jkt = proof.thumbprint; // clients here are public ones: section 5
  }
  const id = new made.IdToken({ sub: username }, { ctx });
  id.scope = "openid";
  const logout = new made.IdToken({ sub: username }, { ctx });
  logout.mask = { sub: null };
  logout.set("events", { [EVENT]: {} });
  logout.set("jti", randomUUID());
  ctx.body = {
    access_token: await access.save(),
    refresh_token: await refresh.save(),
    id_token: await id.issue({ use: "idtoken" }),
    logout_token: await logout.issue({ use: "logout" }),
    token_type: access.tokenType,
    expires_in: access.expiration,
    scope: access.scope,
  };
}

let keys = newKeys();
let handle = provider(keys).callback();

const changes = {
  "/rotate": () => [...newKeys(), ...keys],
  "/withdraw": () => keys.slice(0, 4),
};

createServer((request, response) => {
  const change = request.method === "POST" && changes[request.url];
  if (!change) return handle(request, response);
  keys = change();
  handle = provider(keys).callback();
  return response.end();
}).listen(Number(port), "127.0.0.1");
