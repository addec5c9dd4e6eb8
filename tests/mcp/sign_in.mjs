// Signs in at an MCP server as the MCP Inspector does: the SDK's client finds the issuer
// by itself, with what the Inspector says about itself. Instead of a person, `alice`
// fills in the forms of oidc-provider. Writes what happened as JSON.
//
// node sign_in.mjs MCP_URL [CLIENT_ID [ORIGIN]]
// Without a client id the client registers itself. ORIGIN is the page's, as in a browser.
import { Client } from "@modelcontextprotocol/sdk/client/index.js";
import { StreamableHTTPClientTransport } from "@modelcontextprotocol/sdk/client/streamableHttp.js";
import { UnauthorizedError } from "@modelcontextprotocol/sdk/client/auth.js";

const [target, clientId, origin] = process.argv.slice(2);
const server = new URL(target);
const callback = "http://localhost:6274/oauth/callback";
const asked = [];
const kept = { client: clientId ? { client_id: clientId } : undefined };

async function watched(input, init = {}) {
  const url = new URL(input);
  const headers = new Headers(init.headers);
  if (origin) headers.set("Origin", origin);
  const answer = await fetch(input, { ...init, headers });
  asked.push({
    method: init.method ?? "GET",
    url: url.href,
    status: answer.status,
    server: url.origin === server.origin,
    allowed: answer.headers.get("access-control-allow-origin"),
    exposed: answer.headers.get("access-control-expose-headers"),
  });
  return answer;
}

const provider = {
  redirectUrl: callback,
  clientMetadata: {
    redirect_uris: [callback],
    token_endpoint_auth_method: "none",
    grant_types: ["authorization_code", "refresh_token"],
    response_types: ["code"],
    client_name: "MCP Inspector",
    client_uri: "https://github.com/modelcontextprotocol/inspector",
  },
  clientInformation: () => kept.client,
  saveClientInformation: (client) => (kept.client = client),
  tokens: () => kept.tokens,
  saveTokens: (tokens) => (kept.tokens = tokens),
  codeVerifier: () => kept.verifier,
  saveCodeVerifier: (verifier) => (kept.verifier = verifier),
  redirectToAuthorization: (url) => (kept.authorization = url.href),
};

// What a browser and a person do, from the link to the code.
async function signIn(link) {
  const cookies = new Map();
  const forms = [{ prompt: "login", login: "alice", password: "x" }, { prompt: "consent" }];
  let url = new URL(link);
  let body;
  while (!url.href.startsWith(callback)) {
    const answer = await fetch(url, {
      method: body ? "POST" : "GET",
      body,
      redirect: "manual",
      headers: { Cookie: [...cookies].map(([k, v]) => `${k}=${v}`).join("; ") },
    });
    for (const field of answer.headers.getSetCookie()) {
      const [, name, value] = field.match(/^([^=]+)=([^;]*)/);
      cookies.set(name, value);
    }
    body = undefined;
    const next = answer.headers.get("location");
    if (next) {
      url = new URL(next, url);
      continue;
    }
    const text = await answer.text();
    const [, action] = text.match(/action="([^"]+)"/) ?? [];
    const form = forms.shift();
    if (!action || !form) throw new Error(`${url}: ${answer.status} ${text}`);
    url = new URL(action, url);
    body = new URLSearchParams(form);
  }
  return url.searchParams.get("code");
}

const connection = () =>
  new StreamableHTTPClientTransport(server, { authProvider: provider, fetch: watched });

const first = connection();
let refused = false;
try {
  await new Client({ name: "inspector", version: "1" }).connect(first);
} catch (error) {
  if (!(error instanceof UnauthorizedError)) throw error;
  refused = true;
}
await first.finishAuth(await signIn(kept.authorization));
const client = new Client({ name: "inspector", version: "1" });
await client.connect(connection());
const { tools } = await client.listTools();
const answer = await client.callTool({ name: "whoami", arguments: {} });
await client.close();
const said = {
  refused,
  asked,
  authorization: kept.authorization,
  token: kept.tokens.access_token,
  tools: tools.map((tool) => tool.name),
  answer: answer.content[0].text,
};
process.stdout.write(JSON.stringify(said));
