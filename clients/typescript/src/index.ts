/** A typed client of a DML marketplace: a function for each operation, and what they need around them. */

export * from "./generated/index.js";
export { client } from "./generated/client.gen.js";
export { type Client, createClient, createConfig } from "./generated/client/index.js";
export { isProblem, NoAnswer, Refused } from "./problems.js";
export { Session } from "./session.js";
export { watchJob, type WatchOptions } from "./watch.js";
