/** How numbers, tokens and times are written. Amounts never become a float. */
const LOCALE = "en";
const MICRO = 1_000_000n;
const WHEN = new Intl.DateTimeFormat(LOCALE, { dateStyle: "medium", timeStyle: "short" });
const AGO = new Intl.RelativeTimeFormat(LOCALE, { numeric: "auto" });
const UNITS = [["day", 86_400], ["hour", 3_600], ["minute", 60]] as const;

export function count(value: number): string {
  return value.toLocaleString(LOCALE);
}

/** A number that is none of things: an epsilon, a score. */
export function precise(value: number): string {
  return value.toLocaleString(LOCALE, { maximumFractionDigits: 4 });
}

/** A number that may be tiny: `0.00000214`. */
export function tiny(value: number): string {
  return value.toLocaleString(LOCALE, { maximumSignificantDigits: 3 });
}

/** How large a file is: `1.2 MB`. */
export function bytes(size: number): string {
  const units = ["B", "kB", "MB", "GB"];
  const at = size < 1 ? 0 : Math.min(3, Math.floor(Math.log10(size) / 3));
  return `${(size / 1_000 ** at).toLocaleString(LOCALE, { maximumFractionDigits: 1 })} ${units[at]}`;
}

/** `0.25` as `25 %`. */
export function percent(share: number): string {
  return `${(100 * share).toLocaleString(LOCALE, { maximumFractionDigits: 1 })} %`;
}

/** A width of `0.015` as percentage points: `1.5`. */
export function points(width: number): string {
  return (100 * width).toLocaleString(LOCALE, { maximumSignificantDigits: 2 });
}

/** An amount of the API, in millionths of a token. */
export function micro(amount: string): bigint {
  const [whole = "0", decimals = ""] = amount.replace("-", "").split(".");
  const value = BigInt(whole) * MICRO + BigInt(decimals.padEnd(6, "0"));
  return amount.startsWith("-") ? -value : value;
}

/** Millionths of a token as the API writes an amount: `12.5`. */
export function amount(value: bigint): string {
  const digits = (value < 0n ? -value : value).toString().padStart(7, "0");
  const decimals = digits.slice(-6).replace(/0+$/, "");
  return `${value < 0n ? "-" : ""}${digits.slice(0, -6)}${decimals && `.${decimals}`}`;
}

/** An amount as people read it: `1,250.5`. */
export function tokens(it: string): string {
  const [whole = "0", decimals] = it.split(".");
  return whole.replace(/\B(?=(\d{3})+$)/g, ",") + (decimals ? `.${decimals}` : "");
}

/** A moment in the reader's own zone. */
export function moment(at: string): string {
  return WHEN.format(new Date(at));
}

/** How long ago, or until when, in one unit: `in 3 hours`. */
export function relative(at: string, now: number): string {
  const seconds = (Date.parse(at) - now) / 1_000;
  for (const [unit, length] of UNITS) {
    if (Math.abs(seconds) >= length) return AGO.format(Math.round(seconds / length), unit);
  }
  return AGO.format(0, "minute");
}

/** `algorithm.version_approved` as `Algorithm: version approved`. */
export function words(name: string): string {
  const spaced = name.replace(".", ": ").replaceAll("_", " ");
  return spaced.charAt(0).toUpperCase() + spaced.slice(1);
}
