/** Who is at the other end of a connection. */
export type ClientKind = 'window' | 'browser' | 'cli';

/** What every handler is told about the connection its call came by. */
export interface HostContext {
  readonly client: ClientKind;
  /**
   * Aborts when the connection is gone. A handler's own `signal` aborts then too, and also when only that call is cancelled:
   * subscriptions end on either; a run that was started goes on.
   */
  readonly signal: AbortSignal;
}
