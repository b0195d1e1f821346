/** Where in the console somebody is: what stands behind `#`, so that any server of files will do. */
import type { Component } from "svelte";
import { routes } from "./routes";

export type Params = Record<string, string>;
/** What each page gets: the named parts of its path, and what stands behind `?`. */
export type PageProps = { params: Params; query: URLSearchParams };

export interface Route {
  /** `/jobs/:id`: a part that begins with a colon is a parameter. */
  path: string;
  /** Loads the page when somebody comes. */
  // Each takes as many of `PageProps` as it needs, which no one type of a component says.
  load: () => Promise<{ default: Component<any> }>;
  /** What the navigation calls it. Without one it is not listed there. */
  nav?: string;
  /** Listed for moderators and admins alone: others have no use for it. */
  isForModerators?: boolean;
  /** For who is not signed in, too. */
  isPublic?: boolean;
}

export interface Place extends PageProps {
  route: Route | undefined;
  path: string;
}

/** Find the route of what stands behind `#`. */
export function placeOf(hash: string, known: readonly Route[] = routes): Place {
  const [path = "", search] = (hash.replace(/^#/, "") || "/").split("?", 2);
  const query = new URLSearchParams(search);
  for (const route of known) {
    const params = match(route.path.split("/"), path.split("/"));
    if (params !== undefined) return { route, params, query, path };
  }
  return { route: undefined, params: {}, query, path };
}

function match(named: string[], parts: string[]): Params | undefined {
  if (named.length !== parts.length) return undefined;
  const params: Params = {};
  for (const [at, name] of named.entries()) {
    const part = parts[at]!;
    if (name.startsWith(":") && part !== "") params[name.slice(1)] = decoded(part);
    else if (name !== part) return undefined;
  }
  return params;
}

function decoded(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    return part; // A `%` that begins nothing.
  }
}

class Here {
  place = $state.raw(placeOf(location.hash));
  /** Whether somebody has gone from one page to another: then its heading is read out. */
  hasMoved = false;

  constructor() {
    addEventListener("hashchange", () => {
      this.hasMoved = true;
      this.place = placeOf(location.hash);
    });
  }
}

export const here = new Here();

export function go(path: string): void {
  location.hash = path;
}
