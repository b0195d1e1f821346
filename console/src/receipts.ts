/** What a receipt says: it is a JWS in compact form (RFC 7515), and JSON is within. */
export interface Said {
  left: { items: number; labels: Record<string, number>; uncertain: number };
  counted: boolean;
  step: number | null;
  spent_rho_billionths: number;
  budget: { epsilon: number; left: number };
}

/** Read it, without looking at its signature; `undefined` where it is another document. */
export function read(receipt: string): Said | undefined {
  try {
    const payload = (receipt.split(".")[1] ?? "").replaceAll("-", "+").replaceAll("_", "/");
    const bytes = Uint8Array.from(atob(payload), (it) => it.charCodeAt(0));
    const said = JSON.parse(new TextDecoder().decode(bytes)) as Partial<Said>;
    return said.left && said.budget ? (said as Said) : undefined;
  } catch {
    return undefined; // A newer marketplace may sign something else.
  }
}
