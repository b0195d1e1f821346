/** Why a device may have no work, by what its owner can see and change. */
import type { Device, PrivacyBudget, User } from "dml-client";
import { texts } from "./texts/devices";

const DAY_MS = 86_400_000;
const USE = "#/devices/use";

export interface Reason {
  text: string;
  /** Where it can be changed. */
  href?: string;
}

export function reasonsForNoWork(device: Device, owner: User, budget: PrivacyBudget, now: number): Reason[] {
  const said = texts.one;
  if (device.revoked_at !== null) return [{ text: said.whyRevoked, href: "#/devices/add" }];
  const own = device.permitted_kinds ?? device.kinds;
  const isPermitted = device.kinds.some((it) => own.includes(it) && owner.permitted_kinds.includes(it));
  const seen = device.last_seen_at;
  const reasons = [
    ...(seen === null ? [{ text: said.whyNever }] : []),
    ...(seen !== null && now - Date.parse(seen) > DAY_MS ? [{ text: said.whyAway }] : []),
    ...(isPermitted ? [] : [{ text: said.whyNoKind, href: USE }]),
    ...(budget.paused ? [{ text: said.whyPaused, href: USE }] : []),
    ...(!budget.paused && budget.left <= 0 ? [{ text: said.whySpent, href: USE }] : []),
  ];
  return reasons.length > 0 ? reasons : [{ text: said.whyNothing }];
}
