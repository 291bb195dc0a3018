// Starts a real OIDC provider on a free port and prints its issuer and token endpoint as one line of JSON.
// Each client of the table below stands for one person or agent; its groups are a claim of its access tokens.
// A line `rotate` on standard input replaces the signing key; the end of standard input ends the provider.
import { createServer } from "node:http";
import { createInterface } from "node:readline";
import { generateKeyPair, exportJWK } from "jose";
import { Provider } from "oidc-provider";

const PEOPLE = {
  ada: ["analysts"],
  bob: ["developers"],
  olga: ["oncall", "security"],
  otto: ["oncall"],
  root: ["admins", "oncall"],
};
// Seconds that a token of each audience lives: one that outlives a test, one that ends within it.
const AUDIENCES = { "urn:hpol:gateway": 3600, "urn:hpol:short": 1, "urn:hpol:other": 3600 };

async function signingKey(kid) {
  const { privateKey } = await generateKeyPair("RS256", { extractable: true });
  return { ...(await exportJWK(privateKey)), kid, use: "sig", alg: "RS256" };
}

let provider;
let generation = 0;
async function rotate(issuer) {
  generation += 1;
  const key = await signingKey(`key-${generation}`);
  provider = new Provider(issuer, {
    jwks: { keys: [key] },
    clients: Object.keys(PEOPLE).map((name) => ({
      client_id: name,
      client_secret: `${name}-secret`,
      grant_types: ["client_credentials"],
      redirect_uris: [],
      response_types: [],
    })),
    features: {
      clientCredentials: { enabled: true },
      devInteractions: { enabled: false },
      resourceIndicators: {
        enabled: true,
        getResourceServerInfo: (_context, audience) => ({
          scope: "llm",
          audience: audience === "urn:hpol:short" ? "urn:hpol:gateway" : audience,
          accessTokenTTL: AUDIENCES[audience],
          accessTokenFormat: "jwt",
          jwt: { sign: { alg: "RS256" } },
        }),
      },
    },
    extraTokenClaims: (_context, token) => ({ sub: token.clientId, groups: PEOPLE[token.clientId] }),
  });
}

const server = createServer((request, response) => provider.callback()(request, response));
server.listen(0, "127.0.0.1", async () => {
  const issuer = `http://127.0.0.1:${server.address().port}`;
  await rotate(issuer);
  console.log(JSON.stringify({ issuer, token_endpoint: `${issuer}/token` }));
  const lines = createInterface({ input: process.stdin });
  lines.on("line", async (line) => {
    if (line.trim() === "rotate") {
      await rotate(issuer);
      console.log(JSON.stringify({ rotated: generation }));
    }
  });
  lines.on("close", () => process.exit(0));
});
