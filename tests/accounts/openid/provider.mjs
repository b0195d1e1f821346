// node provider.mjs FOLDER: an OpenID provider on a free port of this machine, which it prints. Its
// package lies in FOLDER. Whoever signs in is NAME@example.com, by whatever password; only the
// address of those who begin with `unverified` is not verified.
import { createServer } from "node:http";
import { join } from "node:path";
import { pathToFileURL } from "node:url";

process.stdin.on("end", () => process.exit()).resume(); // Whoever started it is gone.
const main = join(process.argv[2], "node_modules", "oidc-provider", "lib", "index.js");
const { Provider } = await import(pathToFileURL(main));
const client = {
  client_secret: "a-secret-of-the-tests",
  grant_types: ["authorization_code"],
  response_types: ["code"],
};
const server = createServer();
server.listen(0, "127.0.0.1", () => {
  const issuer = `http://127.0.0.1:${server.address().port}`;
  const provider = new Provider(issuer, {
    clients: [
      { ...client, client_id: "market", redirect_uris: ["http://test/openid/openid/callback"] },
      {
        ...client,
        client_id: "tool",
        application_type: "native",
        redirect_uris: ["http://127.0.0.1/openid/openid/callback"],
      },
    ],
    claims: { openid: ["sub"], email: ["email", "email_verified"] },
    cookies: { keys: ["of the tests"] },
    pkce: { required: () => true },
    findAccount: (_, id) => ({
      accountId: id,
      claims: () => ({
        sub: id,
        email: `${id}@example.com`,
        email_verified: !id.startsWith("unverified"),
      }),
    }),
  });
  server.on("request", provider.callback());
  console.log(JSON.stringify({ issuer }));
});
