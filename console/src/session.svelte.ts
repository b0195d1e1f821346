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
    try {
      if (localStorage.getItem(HINT) !== null && (await this.#renew()) !== undefined) {
        this.user = await ask(usersGetMe());
        return;
      }
    } catch {
      // No answer: signing in says what is wrong.
    }
    this.user ??= null;
  }

  /** Go on as who has just proven who they are, by whatever way. */
  async open(tokens: SessionTokens): Promise<void> {
    const body = { refresh_token: tokens.refresh_token };
    this.#keep(await ask(browserSessionsCreate({ headers: MARK, body })));
    localStorage.setItem(HINT, "1");
    this.user = await ask(usersGetMe());
    this.#tabs.postMessage("in");
  }

  async close(): Promise<void> {
    await ask(browserSessionsDelete({ headers: MARK }));
    this.#forget();
    this.#tabs.postMessage("out");
  }

  /** An access token that is still good for a while; none where nobody is signed in. */
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
    const { data, response } = await browserSessionsRefresh({ headers: MARK });
    if (data === undefined) {
      if (response?.status === 401) this.#forget();
      return undefined;
    }
    if (this.#opened !== undefined && this.#opened.user_id !== data.user_id) location.reload();
    this.#keep(data);
    return data.access_token;
  }

  #keep(opened: BrowserSession): void {
    this.#opened = opened;
    this.#until = Date.now() + opened.expires_in * 1_000;
  }

  #forget(): void {
    this.#opened = undefined;
    localStorage.removeItem(HINT);
    this.user = null;
  }
}

/** Let one tab do this at a time, where the browser can: without TLS none can. */
async function alone<T>(work: () => Promise<T>): Promise<T> {
  return navigator.locks === undefined ? work() : await navigator.locks.request(LOCK, work);
}

export const session = new Session();
