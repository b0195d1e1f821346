// Never run: each of these lines must be an error, or the compiler says that it is none.
import { algorithmsList, jobsCreate, jobsGet } from "dml-client";

// @ts-expect-error An amount is a string.
await jobsCreate({ body: { version_id: "", max_devices: 1, reward: 1, deadline: "" } });
// @ts-expect-error Its id is missing.
await jobsGet({ path: {} });
// @ts-expect-error There is no such filter.
await algorithmsList({ query: { colour: "red" } });
const { data, error } = await jobsGet({ path: { job_id: "" } });
// @ts-expect-error This refusal is never given.
if (error?.code === "payments.insufficient_funds") console.log(error);
// @ts-expect-error There may be no answer.
console.log(data.title);
