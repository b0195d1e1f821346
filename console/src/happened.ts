/** What happened to somebody lately. The log is read forwards, so where it was read to is remembered. */
import { type Event, eventsList } from "dml-client";
import { ask } from "./api";

const KEPT = 30; // Events that are shown again, so that the page is not empty at the next visit.
const PAGES = 10;

interface Read {
  position?: string;
  events: Event[];
}

/** The newest events that concern this user, newest first. */
export async function recent(userId: string): Promise<Event[]> {
  const name = `dml-events-${userId}`;
  const read = remembered(name);
  for (let page = 0; page < PAGES; page += 1) {
    const after = read.position === undefined ? {} : { after: read.position };
    const { items, position, has_more } = await ask(eventsList({ query: { limit: 100, ...after } }));
    read.position = position;
    read.events = [...read.events, ...items].slice(-KEPT);
    if (!has_more) break;
  }
  sessionStorage.setItem(name, JSON.stringify(read));
  return read.events.toReversed();
}

/** In this tab alone, and gone with it: what concerns somebody stays on no machine. */
function remembered(name: string): Read {
  try {
    const read: unknown = JSON.parse(sessionStorage.getItem(name) ?? "");
    if (typeof read === "object" && read !== null && "events" in read) return read as Read;
  } catch {
    // Nothing was remembered, or no such thing.
  }
  return { events: [] };
}
