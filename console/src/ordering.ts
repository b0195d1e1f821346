/** What is typed to order a job, and the order that it makes. */
import { type JobCreate, Refused } from "dml-client";

export interface Typed {
  title: string;
  devices: string;
  reward: string;
  countries: string;
  from: string;
  to: string;
  deadline: string;
  confidence: string;
  epsilon: string;
  /** In percentage points. */
  precision: string;
  answers: "noisy" | "exact";
}

const WEEK_MS = 7 * 86_400_000;

export function begun(now: Date): Typed {
  return {
    title: "",
    devices: "100",
    reward: "0.05",
    countries: "",
    from: "",
    to: "",
    deadline: local(new Date(now.getTime() + WEEK_MS)),
    confidence: "0.5",
    epsilon: "",
    precision: "",
    answers: "noisy",
  };
}

/** The order of what is typed; `undefined` while something that it needs is missing. */
export function orderOf(typed: Typed, versionId: string): JobCreate | undefined {
  const devices = Number(typed.devices);
  const deadline = new Date(typed.deadline);
  if (!Number.isInteger(devices) || devices < 1) return undefined;
  if (!isDecimal(typed.reward) || Number.isNaN(deadline.getTime())) return undefined;
  const isNoisy = typed.answers === "noisy";
  const [epsilon, precision] = isNoisy ? [typed.epsilon.trim(), typed.precision.trim()] : ["", ""];
  if (![epsilon, precision].every((it) => it === "" || isDecimal(it))) return undefined;
  const countries = codesOf(typed.countries);
  return {
    version_id: versionId,
    ...(typed.title.trim() ? { title: typed.title.trim() } : {}),
    max_devices: devices,
    reward: typed.reward.trim(),
    deadline: deadline.toISOString(),
    answers: typed.answers,
    min_confidence: Number(typed.confidence),
    ...(countries.length > 0 ? { countries } : {}),
    ...(typed.from ? { date_from: typed.from } : {}),
    ...(typed.to ? { date_to: typed.to } : {}),
    ...(epsilon ? { epsilon: Number(epsilon) } : {}),
    ...(precision ? { precision: partOf(precision) } : {}),
  };
}

/** Countries as people list them: `pt, ES`. */
export function codesOf(typed: string): string[] {
  return typed.toUpperCase().split(/[\s,]+/).filter((it) => it !== "");
}

/** Whether this is a number as people type it: `0.05`. */
export function isDecimal(typed: string): boolean {
  return /^\d+(\.\d+)?$/.test(typed.trim());
}

/** Percentage points as a part of 1, without what binary fractions add: `1.1` is 0.011. */
function partOf(points: string): number {
  return Number((Number(points) / 100).toPrecision(12));
}

/** What was refused about each field, by its name in the API. */
export function placesOf(error: unknown): Record<string, string> {
  const places = error instanceof Refused ? (error.problem.errors ?? []) : [];
  return Object.fromEntries(places.map((it) => [it.pointer.split("/")[1] ?? "", it.detail]));
}

/** As `datetime-local` wants it: in the reader's own zone, to the minute. */
export function local(at: Date): string {
  return new Date(at.getTime() - at.getTimezoneOffset() * 60_000).toISOString().slice(0, 16);
}
