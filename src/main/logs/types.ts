import type { Environment } from '../../contract/environments.ts';
import type { LogFilter } from '../../contract/logs.ts';
import type { SshSession } from '../drivers/ssh/types.ts';
import type { LogDefinition, StackDefinition } from '../stacks/schema.ts';
import type { Cursor } from './cursor.ts';
import type { ParsedLine } from './parse.ts';

/** What the logs service is made of. */
export interface LogsOptions {
  readonly stacks: { get(id: string): { readonly definition: StackDefinition } };
  readonly environments: { get(input: { environmentId: string }): Promise<Environment> };
  /** The open session of an environment; may wait for it until `signal` aborts. */
  session(environmentId: string, signal?: AbortSignal): Promise<SshSession>;
  /** Unix milliseconds. */
  readonly clock?: () => number;
}

/** A source with its place on the host. */
export interface ResolvedSource {
  readonly definition: LogDefinition;
  /** Path, container or unit; never empty. */
  readonly from: string;
}

/** What an attached reader sees. */
export type SourceEvent =
  | { readonly kind: 'lines'; readonly lines: readonly ParsedLine[]; readonly cursor: Cursor }
  | { readonly kind: 'gap'; readonly reason: string }
  | { readonly kind: 'live'; readonly detail?: string }
  /** Attach again, from the newest cursor, after that long. */
  | { readonly kind: 'again'; readonly afterMs: number };

/** Lines found by a search, oldest first, and whether all was looked at. */
export interface Found {
  readonly lines: ParsedLine[];
  readonly complete: boolean;
  readonly scannedBytes: number;
}

/** One kind of source. All methods throw a `Problem` when the work could not be done. */
export interface SourceReader<C extends Cursor = Cursor> {
  /** The last lines that pass, and the place where a follow goes on without gap or duplicate. */
  cold(
    session: SshSession,
    options: { tail: number; filter: LogFilter; signal: AbortSignal },
  ): Promise<{ lines: ParsedLine[]; cursor: C; gap?: string }>;
  /** What comes after a place, as it comes. Ends when the stream ends; the remote process ends with it. */
  attach(session: SshSession, cursor: C, signal: AbortSignal): AsyncGenerator<SourceEvent, void, void>;
  search(session: SshSession, options: { filter: LogFilter; limit: number; signal: AbortSignal }): Promise<Found>;
  decode(text: string): C;
}
