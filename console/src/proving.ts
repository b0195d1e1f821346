/** How somebody proves, where money or an account is at stake, that it is theirs. */
import type { PasswordProof, RecoveryCodeProof, TotpProof } from "dml-client";

export interface Typed {
  by: "password" | "code";
  secret: string;
}

export const nothingTyped = (): Typed => ({ by: "password", secret: "" });

/** The proof that was typed: six digits are of an app, all else is a recovery code. */
export function proofOf(typed: Typed): PasswordProof | TotpProof | RecoveryCodeProof {
  if (typed.by === "password") return { kind: "password", password: typed.secret };
  const code = typed.secret.trim();
  return { kind: /^\d{6}$/.test(code) ? "totp" : "recovery_code", code };
}
