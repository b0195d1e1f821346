/** Who is signed in. The access token is in memory, the refresh token in a cookie that no script reads. */
import {
  type BrowserSession,
  browserSessionsCreate,
  browserSessionsDelete,
  browserSessionsRefresh,
  type SessionTokens,
  type User,
  usersGetMe,
} from "dml-client";
import { ask } from "./api";

const FRESH_MS = 30_000;
const MARK = { "DML-Browser": "1" } as const;
const HINT = "dml-signed-in"; // Spares who never signed in a question. It opens nothing.
const LOCK = "dml-session";

class Session {
  /** `undefined` until it is known whether anybody is. */
  user = $state<User | null>();
  /** Why that is not known: nobody answered. */
  error = $state.raw<unknown>();
  #opened: BrowserSession | undefined;
  #until = 0;
  #renewal: Promise<string | undefined> | undefined;
  readonly #tabs = new BroadcastChannel(LOCK);

  constructor() {
    this.#tabs.onmessage = ({ data }) => {
      if (data === "out") this.#forget();
      else if (!this.user) void this.resume();
    };
  }

  /** Go on with the session that this browser keeps, if there is one. */
  async resume(): Promise<void> {
    this.error = undefined;
    try {
      const isKnown = hinted() && (await this.#renew()) !== undefined;
      this.user = isKnown ? await ask(usersGetMe()) : null;
    } catch (error) {
      this.error = error;
    }
  }

  /** Go on as who has just proven who they are, by whatever way. */
  async open(tokens: SessionTokens): Promise<void> {
    const body = { refresh_token: tokens.refresh_token };
    this.#keep(await ask(browserSessionsCreate({ headers: MARK, body })));
    hint(true);
    this.user = await ask(usersGetMe());
    this.#tabs.postMessage("in");
  }

  async close(): Promise<void> {
    await ask(browserSessionsDelete({ headers: MARK }));
    this.#forget();
    this.#tabs.postMessage("out");
  }

  /** An access token that is still good for a while; none where nobody is signed in. Throws what `ask` throws. */
  async token(): Promise<string | undefined> {
    if (this.#opened === undefined) return undefined;
    if (Date.now() < this.#until - FRESH_MS) return this.#opened.access_token;
    return this.#renew();
  }

  /** The token after this one, which has ended before its time. */
  async replaced(ended: string): Promise<string | undefined> {
    if (this.#opened !== undefined && this.#opened.access_token !== ended) return this.token();
    return this.#renew();
  }

  #renew(): Promise<string | undefined> {
    this.#renewal ??= alone(() => this.#exchange()).finally(() => (this.#renewal = undefined));
    return this.#renewal;
  }

  async #exchange(): Promise<string | undefined> {
    const answer = await browserSessionsRefresh({ headers: MARK });
    if (answer.response?.status === 401) {
      this.#forget();
      return undefined;
    }
    const opened = await ask(Promise.resolve(answer));
    // Another tab has signed in as somebody else: what is shown here is not theirs.
    if (this.#opened !== undefined && this.#opened.user_id !== opened.user_id) location.reload();
    this.#keep(opened);
    return opened.access_token;
  }

  #keep(opened: BrowserSession): void {
    this.#opened = opened;
    this.#until = Date.now() + opened.expires_in * 1_000;
  }

  #forget(): void {
    this.#opened = undefined;
    hint(false);
    this.user = null;
  }
}

/** Let one tab do this at a time, where the browser can: without TLS none can. */
async function alone<T>(work: () => Promise<T>): Promise<T> {
  return navigator.locks === undefined ? work() : await navigator.locks.request(LOCK, work);
}

/** Note whether to ask at the next visit. A browser that keeps nothing keeps no cookie either. */
function hint(isSignedIn: boolean): void {
  try {
    if (isSignedIn) localStorage.setItem(HINT, "1");
    else localStorage.removeItem(HINT);
  } catch {
    // It is signed in for as long as the page is open.
  }
}

function hinted(): boolean {
  try {
    return localStorage.getItem(HINT) !== null;
  } catch {
    return false;
  }
}

export const session = new Session();
