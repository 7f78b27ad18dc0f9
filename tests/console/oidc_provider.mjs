// A real OpenID provider (npm oidc-provider, certified) for tests: `node oidc_provider.mjs FOLDER`, where FOLDER has node_modules.
// It prints its issuer, then reads one line: the redirect URI of its clients. Accounts log in by any password.
import { createServer } from "node:http";
import { createInterface } from "node:readline";
import { join } from "node:path";
import { pathToFileURL } from "node:url";

const module = await import(pathToFileURL(join(process.argv[2], "node_modules/oidc-provider/lib/index.js")));
const Provider = module.Provider ?? module.default;
const GROUPS = { ann: ["platform-admins", "staff"], bob: ["on-call"], eve: [] };

let answer;
const server = createServer((request, response) => answer(request, response));
server.listen(0, "127.0.0.1", () => {
  const issuer = `http://127.0.0.1:${server.address().port}`;
  console.log(issuer);
  createInterface({ input: process.stdin }).once("line", (redirect) => {
    const client = { redirect_uris: [redirect], grant_types: ["authorization_code"], response_types: ["code"] };
    const provider = new Provider(issuer, {
      clients: [
        { client_id: "windlass", client_secret: "a secret of the test", ...client },
        { client_id: "public", token_endpoint_auth_method: "none", ...client },
      ],
      claims: { openid: ["sub"], email: ["email"], groups: ["groups"] },
      scopes: ["openid", "email", "groups"],
      pkce: { required: () => true },
      cookies: { keys: ["a key of the test"] },
      features: { devInteractions: { enabled: true } },
      findAccount: (context, id) => ({
        accountId: id,
        claims: () => ({ sub: id, email: `${id}@example.com`, groups: GROUPS[id] ?? [] }),
      }),
    });
    answer = provider.callback();
    console.log("ready");
  });
});
