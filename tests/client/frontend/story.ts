// node story.ts SERVER EMAIL PASSWORD VERSION JOB: what a frontend does with the client. A line of JSON for each step.
import {
  algorithmsList,
  client,
  isProblem,
  type JobCreate,
  jobsCreate,
  jobsGet,
  Refused,
  Session,
  usersGetMe,
  watchJob,
} from "dml-client";

declare const process: { argv: string[] };
const [server = "", email = "", password = "", version_id = "", job = ""] = process.argv.slice(2);
const say = (step: string, told: unknown) => console.log(JSON.stringify({ step, told }));

client.setConfig({ baseUrl: server });
const nobody = await usersGetMe();
if (nobody.error) say("nobody", nobody.error.code);

const wrong = await Session.open({ email, password: "not the password" }).catch((it: unknown) => it);
if (wrong instanceof Refused) say("wrong password", wrong.problem.code);
const session = await Session.open({ email, password });
client.setConfig({ auth: () => session.token() });
// Its token is old at once, and to renew it twice would end the session.
const twice = await Promise.all([usersGetMe(), usersGetMe()]);
say("signed in", twice.map((it) => it.data?.id === session.userId));

const { data: listed } = await algorithmsList({ query: { limit: 50 } });
say("listed", listed?.items.map((it) => it.approved_version?.id ?? null));

const order: JobCreate = {
  version_id,
  max_devices: 1_000,
  reward: "10",
  deadline: new Date(Date.now() + 86_400_000).toISOString(),
};
const { error } = await jobsCreate({ body: order, headers: { "Idempotency-Key": "a-story" } });
if (isProblem(error) && error.code === "payments.insufficient_funds") {
  say("refused", { missing: error.missing, status: error.status }); // Typed: this code alone has it.
}
const unknown = await jobsGet({ path: { job_id: version_id } });
say("unknown", [unknown.error?.code, unknown.response?.status]);

for await (const results of watchJob(job)) {
  say("watched", [results.version, results.state, results.labels]);
}
const none = watchJob(version_id).next();
say("watched nothing", await none.catch((it: unknown) => it instanceof Refused && it.problem.code));
const away = new AbortController();
setTimeout(() => away.abort(), 300);
for await (const _ of watchJob(job, { signal: away.signal })) break;
await session.close();
const ended = await session.token().catch((it: unknown) => it);
say("signed out", ended instanceof Refused && ended.problem.code);
