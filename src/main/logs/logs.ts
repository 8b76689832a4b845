import type { LogFilter, LogLine, LogSource } from '../../contract/logs.ts';
import { Problem } from '../../contract/problem.ts';
import { inputOrLiteral } from '../stack-inputs.ts';
import { createContainerSource } from './container-source.ts';
import { createFileSource } from './file-source.ts';
import type { LogStream } from './follow.ts';
import { followSource } from './follow.ts';
import { createJournaldSource } from './journald-source.ts';
import type { LogsOptions, ResolvedSource, SourceReader } from './types.ts';

/** The logs service. */
export interface Logs {
  sources(input: { environmentId: string }): Promise<LogSource[]>;
  follow(
    input: { environmentId: string; sourceId: string; tail: number; filter: LogFilter; cursor?: string | undefined },
    signal?: AbortSignal,
  ): Promise<LogStream>;
  search(
    input: { environmentId: string; sourceId: string; filter: LogFilter; limit: number },
    signal?: AbortSignal,
  ): Promise<{ lines: LogLine[]; complete: boolean; scannedBytes: number }>;
  /** Ends every follow. */
  close(): Promise<void>;
}

function readerOf(source: ResolvedSource): SourceReader {
  if (source.definition.kind === 'container') return createContainerSource(source) as unknown as SourceReader;
  if (source.definition.kind === 'journald') return createJournaldSource(source) as unknown as SourceReader;
  return createFileSource(source) as unknown as SourceReader;
}

/** Reads logs on hosts over SSH: files with their rotated ones, containers, units of the journal. Keeps nothing itself. */
export function createLogs(options: LogsOptions): Logs {
  const over = new AbortController();

  async function resolve(environmentId: string): Promise<ResolvedSource[]> {
    const environment = await options.environments.get({ environmentId });
    const { definition: stack } = options.stacks.get(environment.stack);
    const sources = stack.logs.map((definition) => ({ definition, from: inputOrLiteral(stack, environment.inputs, definition.from) }));
    return sources.filter(({ from }) => from !== '');
  }

  async function find(environmentId: string, sourceId: string): Promise<ResolvedSource> {
    const source = (await resolve(environmentId)).find(({ definition }) => definition.id === sourceId);
    if (source === undefined)
      throw new Problem('not-found', `This environment has no log source ${sourceId}.`, {
        hint: 'Its input may be empty: look at the environment’s settings.',
      });
    return source;
  }

  return {
    sources: async ({ environmentId }) =>
      (await resolve(environmentId)).map(({ definition: { id, title, kind }, from }) => ({ id, title, kind, location: from })),
    async follow({ environmentId, sourceId, tail, filter, cursor }, signal) {
      const reader = readerOf(await find(environmentId, sourceId));
      const ended = signal === undefined ? over.signal : AbortSignal.any([signal, over.signal]);
      const place = cursor === undefined ? undefined : reader.decode(cursor);
      return followSource({
        reader,
        session: (until) => options.session(environmentId, until),
        tail,
        filter,
        cursor: place,
        signal: ended,
      });
    },
    async search({ environmentId, sourceId, filter, limit }, signal = new AbortController().signal) {
      const reader = readerOf(await find(environmentId, sourceId));
      const found = await reader.search(await options.session(environmentId, signal), { filter, limit, signal });
      return { ...found, lines: found.lines.map((line, seq) => ({ seq, ...line })) };
    },
    async close() {
      over.abort();
    },
  };
}
