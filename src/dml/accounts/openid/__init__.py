"""OpenID: signing in by an account at Google, GitHub, Facebook, or any OpenID provider.

A browser is sent to the provider (`routes.start`), which sends it back to us (`callback_routes`);
we ask the provider itself who that was (`exchange`), and send the browser to where its page named,
with a code that is good once and for a minute. Who began exchanges the code, with the verifier of
a challenge that the first request named, for a session, for a further way to sign in, or as a proof
(docs/decisions/0053). No token is ever in a URL, and nothing is linked by an address alone.

Read in this order: models, rules, providers, calls, exchange, queries, service, browsing, routes.
"""
