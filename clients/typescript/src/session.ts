import type { Client } from "./generated/client/index.js";
import { client as usual } from "./generated/client.gen.js";
import { sessionsCreate, sessionsDelete, sessionsRefresh } from "./generated/sdk.gen.js";
import type { SessionCreate, SessionTokens } from "./generated/types.gen.js";
import { asError } from "./problems.js";

const FRESH_MS = 30_000;

/** Somebody who has signed in. In memory alone: whoever reloads a page signs in again.
 *
 *     const session = await Session.open({ email, password });
 *     client.setConfig({ auth: () => session.token() });
 */
export class Session {
  #tokens: SessionTokens;
  #until: number;
  #renewal: Promise<void> | undefined;
  readonly #client: Client;

  private constructor(tokens: SessionTokens, client: Client) {
    this.#tokens = tokens;
    this.#until = until(tokens);
    this.#client = client;
  }

  /** Sign in. Throws `Refused`, or `NoAnswer`. */
  static async open(credentials: SessionCreate, client: Client = usual): Promise<Session> {
    const { data, error } = await sessionsCreate({ body: credentials, client });
    if (data === undefined) throw asError(error);
    return new Session(data, client);
  }

  /** Who has signed in by another way than a password, as by a passkey. */
  static of(tokens: SessionTokens, client: Client = usual): Session {
    return new Session(tokens, client);
  }

  get userId(): string {
    return this.#tokens.user_id;
  }

  /** An access token that is still good for a while. Throws `Refused` once the session has ended. */
  async token(): Promise<string> {
    if (Date.now() > this.#until - FRESH_MS) {
      // A refresh token works once, and to use it twice ends the session: so one renewal for all.
      this.#renewal ??= this.#renew().finally(() => (this.#renewal = undefined));
      await this.#renewal;
    }
    return this.#tokens.access_token;
  }

  /** Sign out. */
  async close(): Promise<void> {
    const body = { refresh_token: this.#tokens.refresh_token };
    const { error } = await sessionsDelete({ body, client: this.#client });
    if (error !== undefined) throw asError(error);
  }

  async #renew(): Promise<void> {
    const body = { refresh_token: this.#tokens.refresh_token };
    const { data, error } = await sessionsRefresh({ body, client: this.#client });
    if (data === undefined) throw asError(error);
    this.#tokens = data;
    this.#until = until(data);
  }
}

function until(tokens: SessionTokens): number {
  return Date.now() + tokens.expires_in * 1_000;
}
