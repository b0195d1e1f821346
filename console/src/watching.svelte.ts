/** A job's answer as it grows. Where the stream is cut, it is opened again, for as long as the page is open. */
import { type JobResults, Refused, watchJob } from "dml-client";

const AGAIN_MS = 3_000;

export class Watching {
  results = $state.raw<JobResults>();
  /** Whether nothing comes for now, though more is to come. */
  isCut = $state(false);
  /** Why nothing more comes: the job is not ours, or the session has ended. */
  refusal = $state.raw<Refused>();
  isOver = $state(false);

  constructor(readonly jobId: string) {}

  /** Follow the job until it has ended, or `signal` says so. */
  async follow(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      try {
        for await (const results of watchJob(this.jobId, { signal })) {
          this.results = results;
          this.isCut = false;
        }
        this.isOver = true;
        return;
      } catch (error) {
        if (error instanceof Refused && error.problem.status !== 503) {
          this.refusal = error;
          return;
        }
        this.isCut = true; // `watchJob` has tried several times: the network is away for longer.
        await new Promise((resolve) => setTimeout(resolve, AGAIN_MS));
      }
    }
  }
}
