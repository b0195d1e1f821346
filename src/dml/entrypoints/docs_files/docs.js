// Opens Swagger UI, and signs in by e-mail and password. The tokens are in no storage that outlives the page.
"use strict";

const SCHEME = "HTTPBearer";
const RENEWED_AT = 0.8; // Of the time that an access token lives.

const signIn = document.getElementById("sign-in");
const signOut = document.getElementById("sign-out");
const told = document.getElementById("told");
let ui = null;
let tokens = null;
let renewal = 0;

const dark = matchMedia("(prefers-color-scheme: dark)");
const followScheme = () => document.documentElement.classList.toggle("dark-mode", dark.matches);
dark.addEventListener("change", followScheme);
followScheme();

// What OpenAPI 3.1 says of a schema as 3.0 says it. Of a description in 3.1, Swagger UI resolves all of it before it
// shows any of it, which takes five times as long (docs/decisions/0032). What is data stays as it is.
const DATA = ["default", "enum", "example", "value"];

function inOpenApi30(it) {
  if (Array.isArray(it)) return it.map(inOpenApi30);
  if (it === null || typeof it !== "object") return it;
  const made = {};
  for (const [name, value] of Object.entries(it)) made[name] = DATA.includes(name) ? value : inOpenApi30(value);
  if ("const" in it && typeof it.const !== "object") {
    delete made.const;
    made.enum = [it.const];
  }
  if (Array.isArray(it.examples)) {
    delete made.examples;
    made.example = it.examples[0];
  }
  if (typeof it.contentMediaType === "string") made.format = "binary";
  for (const [bound, limit] of [["exclusiveMinimum", "minimum"], ["exclusiveMaximum", "maximum"]]) {
    if (typeof it[bound] === "number") Object.assign(made, { [bound]: true, [limit]: it[bound] });
  }
  if (Array.isArray(made.anyOf) && made.anyOf.some((one) => one.type === "null")) {
    made.anyOf = made.anyOf.filter((one) => one.type !== "null");
    made.nullable = true;
    if (made.anyOf.length === 1) {
      const [only] = made.anyOf;
      delete made.anyOf;
      if ("$ref" in only) made.allOf = [only];
      else return { ...only, ...made };
    }
  }
  if (typeof made.$ref === "string" && Object.keys(made).length > 1) {
    made.allOf = [{ $ref: made.$ref }];
    delete made.$ref;
  }
  return made;
}

async function open() {
  const answer = await fetch("/openapi.json");
  ui = SwaggerUIBundle({
    spec: { ...inOpenApi30(await answer.json()), openapi: "3.0.3" },
    dom_id: "#swagger-ui",
    presets: [SwaggerUIBundle.presets.apis],
    layout: "BaseLayout",
    deepLinking: true,
    docExpansion: "none",
    defaultModelsExpandDepth: 0,
    filter: true,
    persistAuthorization: false,
    onComplete: () => { signIn.querySelector("button").disabled = false; },
  });
}

async function ask(path, body) {
  const answer = await fetch(path, {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify(body),
    keepalive: true,
  });
  const document = answer.status === 204 ? null : await answer.json();
  if (!answer.ok) throw new Error(`${document.title} ${document.detail}`);
  return document;
}

function show(message) {
  signIn.hidden = tokens !== null;
  signOut.hidden = tokens === null;
  told.textContent = message;
}

function use(opened) {
  tokens = opened;
  ui.preauthorizeApiKey(SCHEME, opened.access_token);
  renewal = setTimeout(renew, opened.expires_in * 1000 * RENEWED_AT);
}

function forget(message) {
  clearTimeout(renewal);
  tokens = null;
  ui.authActions.logout([SCHEME]);
  show(message);
}

async function renew() {
  try {
    use(await ask("/v1/users/refresh", { refresh_token: tokens.refresh_token }));
  } catch (error) {
    forget(error.message);
  }
}

signIn.addEventListener("submit", async (event) => {
  event.preventDefault();
  const { email, password } = signIn.elements;
  try {
    use(await ask("/v1/users/authenticate", { email: email.value, password: password.value }));
    document.getElementById("who").textContent = email.value;
    signIn.reset();
    show("What you try here is done in your name.");
  } catch (error) {
    show(error.message);
  }
});

function end() {
  if (tokens === null) return;
  const { refresh_token } = tokens;
  forget("Signed out.");
  ask("/v1/users/logout", { refresh_token }).catch((error) => show(error.message));
}

signOut.addEventListener("submit", (event) => {
  event.preventDefault();
  end();
});
addEventListener("pagehide", end);
open().catch((error) => show(`The description can't be loaded: ${error.message}`));
