import type { Outcome } from '../ssh/types.ts';

/** One request. The URL is as the deployment's host sees it (`http://127.0.0.1:3849/health`). */
export interface HttpRequest {
  readonly method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
  readonly url: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string | Buffer;
  /** Whole request, connect included, in milliseconds. Default 10 s. */
  readonly timeoutMs?: number;
  /** Longest body kept; longer ones fail with `http-unexpected`. Default 8 MiB. */
  readonly maxBytes?: number;
  readonly signal?: AbortSignal;
}

/** A whole answer, of whatever status. */
export interface HttpAnswer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Buffer;
  /** Request written to last byte read, connect excluded, monotonic. */
  readonly latencyMs: number;
  /**
   * Set when the body had neither a length nor a chunked terminator: it ended when the connection did, so a cut can't be
   * told from the end. Only ever set for a GET; any other method is `unknown` then.
   */
  readonly closeDelimited?: true;
}

/**
 * HTTP through a given way of connecting (the SSH tunnel). Follows no redirects, retries nothing, sends credentials in
 * headers only. `failed`: it is certain that the server did not act on it (never connected); a GET is `failed` too when
 * the answer was lost. `unknown`: a request that may have acted was sent and its whole answer was not seen.
 */
export interface HttpClient {
  request(request: HttpRequest): Promise<Outcome<HttpAnswer>>;
  close(): Promise<void>;
}
