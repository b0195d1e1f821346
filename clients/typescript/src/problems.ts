import type { Problem } from "./generated/types.gen.js";

/** The API has said no: `problem.code` says to what, `problem.detail` what to do about it. */
export class Refused extends Error {
  override readonly name = "Refused";

  constructor(readonly problem: Problem) {
    super(`${problem.title} ${problem.detail ?? ""}`.trimEnd());
  }
}

/** Nobody answered, or what came was no answer of a marketplace. */
export class NoAnswer extends Error {
  override readonly name = "NoAnswer";
}

/** Whether it is a problem document (RFC 9457), as each refusal of the API is one. */
export function isProblem(value: unknown): value is Problem {
  return (
    typeof value === "object" &&
    value !== null &&
    "code" in value &&
    typeof value.code === "string" &&
    "title" in value &&
    typeof value.title === "string"
  );
}

/** What to throw for the `error` of an operation. */
export function asError(error: unknown): Refused | NoAnswer {
  if (error instanceof Refused || error instanceof NoAnswer) return error;
  if (isProblem(error)) return new Refused(error);
  return new NoAnswer("No marketplace answered.", { cause: error });
}
