/** How pages ask the API: what is refused is thrown, and a token that has ended is renewed once. */
import { client, isProblem, NoAnswer, Refused } from "dml-client";
import { session } from "./session.svelte";

type Answer<T> = { data?: T; error?: unknown };

/** Wait for an operation, and return its data. Throws `Refused` or `NoAnswer`. */
export async function ask<T>(asked: Promise<Answer<T>>): Promise<T> {
  const { data, error } = await asked;
  if (error === undefined) return data as T; // Of a 204 there is none, and its type says so.
  if (error instanceof Refused || error instanceof NoAnswer) throw error;
  if (isProblem(error)) throw new Refused(error);
  throw new NoAnswer("No marketplace answered.", { cause: error });
}

/** The same, with its `ETag`: to change only what is still as it was read. */
export async function askTagged<T>(asked: Promise<Answer<T> & { response?: Response }>): Promise<{ it: T; tag: string }> {
  const answer = await asked;
  return { it: await ask(Promise.resolve(answer)), tag: answer.response?.headers.get("ETag") ?? "" };
}

/** A new key, under which something is done once, however often it is sent. */
export function newKey(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(16)); // `randomUUID` is for TLS alone.
  return Array.from(bytes, (it) => it.toString(16).padStart(2, "0")).join("");
}

/** As `fetch`, and where a token has ended meanwhile, once more with the next one. */
async function fetchAgain(input: RequestInfo | URL, init?: RequestInit): Promise<Response> {
  const request = new Request(input, init);
  const sent = request.headers.get("Authorization");
  const again = sent === null ? undefined : request.clone();
  const response = await fetch(request);
  if (response.status !== 401 || again === undefined) return response;
  const problem: unknown = await response.clone().json().catch(() => undefined);
  if (!isProblem(problem) || problem.code !== "core.not_signed_in") return response;
  const token = await session.replaced(sent!.replace("Bearer ", ""));
  if (token === undefined) return response;
  again.headers.set("Authorization", `Bearer ${token}`);
  return fetch(again);
}

client.setConfig({ baseUrl: "", auth: () => session.token(), fetch: fetchAgain });
