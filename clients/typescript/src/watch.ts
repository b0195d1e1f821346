import type { Client } from "./generated/client/index.js";
import { client as usual } from "./generated/client.gen.js";
import { jobsWatch } from "./generated/sdk.gen.js";
import type { JobResults } from "./generated/types.gen.js";
import { asError, isProblem } from "./problems.js";

/** Before a stream is opened again, the longer the more often that failed. */
const PAUSES_MS = [500, 1_000, 2_000, 5_000, 10_000] as const;
/** What is said of a moment, and may be otherwise in the next. */
const PASSING = new Set([429, 502, 503, 504]);

export interface WatchOptions {
  client?: Client;
  /** Stops watching. */
  signal?: AbortSignal;
}

/** Each newer answer of a job; the last one is that of a job which has ended.
 *
 * The generated function takes a stream that ends for the end, though a server that is stopped ends
 * its streams too; and it asks again for ever where it is refused. So each of its streams is opened
 * once, and it is decided here whether to open another. Throws `Refused`, or `NoAnswer` after
 * several tries in a row. Once `signal` is aborted it ends.
 */
export async function* watchJob(
  jobId: string,
  { client = usual, signal }: WatchOptions = {},
): AsyncGenerator<JobResults, void, undefined> {
  let shown: JobResults | undefined;
  for (let failed = 0; !signal?.aborted; failed += 1) {
    const stream = new Stream(jobId, client, signal);
    for await (const { name, data } of stream.events()) {
      if (name !== "results" && name !== "end") continue; // `refused` and `dropped` end the stream.
      failed = 0;
      if (shown?.version !== data.version || shown.state !== data.state) yield (shown = data);
      if (name === "end") return;
    }
    if (signal?.aborted) return;
    const pause = PAUSES_MS[failed];
    if (stream.isRefused || pause === undefined) throw asError(stream.error);
    await slept(Math.max(pause * (0.5 + Math.random()), stream.retryAfterMs), signal);
  }
}

/** One stream of events, and why it ended where that was no clean end. */
class Stream {
  error: unknown;
  isRefused = false;
  retryAfterMs = 0;
  readonly #stop = new AbortController();
  readonly #signal: AbortSignal;

  constructor(
    readonly jobId: string,
    readonly client: Client,
    signal: AbortSignal | undefined,
  ) {
    this.#signal = signal ? AbortSignal.any([signal, this.#stop.signal]) : this.#stop.signal;
  }

  async *events(): AsyncGenerator<{ name: string | undefined; data: JobResults }> {
    let name: string | undefined;
    const { stream } = await jobsWatch({
      path: { job_id: this.jobId },
      client: this.client,
      signal: this.#signal,
      fetch: (input, init) => this.#fetched(input, init),
      sseMaxRetryAttempts: 1,
      onSseError: (error) => (this.error ??= error),
      onSseEvent: (event) => (name = event.event), // Called just before what it holds is yielded.
    });
    try {
      for await (const data of stream) yield { name, data: data as JobResults };
    } finally {
      this.#stop.abort(); // The generated function leaves a stream open that nobody reads on.
    }
  }

  /** As `fetch`, and it keeps what a refusal says: the generated function keeps its status alone. */
  async #fetched(input: RequestInfo | URL, init?: RequestInit): Promise<Response> {
    const response = await (this.client.getConfig().fetch ?? fetch)(input, init);
    if (response.ok) return response;
    const problem: unknown = await response.json().catch(() => undefined);
    this.error = problem;
    this.isRefused = isProblem(problem) && !PASSING.has(response.status);
    this.retryAfterMs = 1_000 * Number(response.headers.get("Retry-After") ?? 0) || 0;
    return response;
  }
}

function slept(ms: number, signal: AbortSignal | undefined): Promise<void> {
  return new Promise((resolve) => {
    const done = () => {
      clearTimeout(timer);
      signal?.removeEventListener("abort", done);
      resolve();
    };
    const timer = setTimeout(done, ms);
    signal?.addEventListener("abort", done);
  });
}
