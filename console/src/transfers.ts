/** Transfers as people read them: which way the tokens went, and for which job. */
import { type Job, jobsGet, type Transfer, transfersList } from "dml-client";
import { ask } from "./api";

const LIMIT = 20;

export interface Movement {
  transfer: Transfer;
  isOut: boolean;
  /** What it was for, where this user may look at it. */
  job?: Job | undefined;
  bountyId?: string | undefined;
}

/** A page of the transfers of this user, newest first, with the jobs that they name. */
export async function movements(userId: string, cursor?: string) {
  const found = await ask(transfersList({ query: { limit: LIMIT, ...(cursor ? { cursor } : {}) } }));
  const wallet = `wallet:${userId}`;
  const ordered = found.items.filter((it) => it.code === "job_escrow" || it.code === "job_refund");
  const ids = [...new Set(ordered.map((it) => idOf("job", it)))];
  const jobs = new Map(await Promise.all(ids.map(async (id) => [id, await jobOf(id)] as const)));
  const items = found.items.map((transfer): Movement => ({
    transfer,
    isOut: transfer.source === wallet,
    job: jobs.get(idOf("job", transfer)),
    bountyId: idOf("bounty", transfer),
  }));
  return { items, next_cursor: found.next_cursor };
}

/** A job, if it is one that this user ordered: an organisation's is another's. */
async function jobOf(id: string | undefined): Promise<Job | undefined> {
  if (id === undefined) return undefined;
  return (await jobsGet({ path: { job_id: id } })).data;
}

function idOf(kind: string, { reference }: Transfer): string | undefined {
  const [named, id] = reference.split(/[:/]/);
  return named === kind ? id : undefined;
}
