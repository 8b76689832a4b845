import { plainLine } from '../../../engine/words.ts';

/** One entry of an archive's table of contents. */
export interface TocEntry {
  readonly line: string;
  readonly kind: string;
  /** Schema, name and owner as pg_restore prints them. */
  readonly rest: string;
}

/** What `pg_restore -l -C` says of an archive. */
export interface Toc {
  /** Database it was made of, by its header. */
  readonly database: string;
  readonly serverMajor: number;
  readonly toolMajor: number;
  readonly entries: readonly TocEntry[];
}

/** Kinds of entries that are restored as they are, when their text is ordinary too. */
const PLAIN = [
  ...[
    'ACL',
    'AGGREGATE',
    'BLOB',
    'BLOB COMMENTS',
    'BLOB METADATA',
    'BLOBS',
    'CAST',
    'CHECK CONSTRAINT',
    'COLLATION',
    'COMMENT',
    'CONSTRAINT',
  ],
  ...['CONVERSION', 'DATABASE', 'DEFAULT', 'DEFAULT ACL', 'DOMAIN', 'EXTENSION', 'FK CONSTRAINT', 'FUNCTION', 'INDEX', 'INDEX ATTACH'],
  ...['MATERIALIZED VIEW', 'MATERIALIZED VIEW DATA', 'OPERATOR', 'OPERATOR CLASS', 'OPERATOR FAMILY', 'POLICY', 'PROCEDURE', 'PUBLICATION'],
  ...[
    'PUBLICATION TABLE',
    'PUBLICATION TABLES IN SCHEMA',
    'ROW SECURITY',
    'RULE',
    'SCHEMA',
    'SEQUENCE',
    'SEQUENCE OWNED BY',
    'SEQUENCE SET',
  ],
  ...[
    'SHELL TYPE',
    'STATISTICS',
    'STATISTICS DATA',
    'TABLE',
    'TABLE ATTACH',
    'TABLE DATA',
    'TEXT SEARCH CONFIGURATION',
    'TEXT SEARCH DICTIONARY',
  ],
  ...['TEXT SEARCH PARSER', 'TEXT SEARCH TEMPLATE', 'TRIGGER', 'TYPE', 'VIEW', 'DATABASE PROPERTIES'],
];
/** Kinds that act beyond the one database, or that only a superuser may make. */
const REFUSED = [
  ...[
    'EVENT TRIGGER',
    'PROCEDURAL LANGUAGE',
    'FOREIGN DATA WRAPPER',
    'FOREIGN SERVER',
    'SERVER',
    'USER MAPPING',
    'FOREIGN TABLE',
    'SUBSCRIPTION',
  ],
  ...['SUBSCRIPTION TABLE', 'TRANSFORM', 'ACCESS METHOD', 'SECURITY LABEL', 'TABLESPACE', 'ROLE'],
];
const KINDS = [...PLAIN, ...REFUSED].sort((a, b) => b.length - a.length);

/** Reads the list; undefined when its head is not one. */
export function parseToc(text: string): Toc | undefined {
  const head = (pattern: RegExp) => pattern.exec(text)?.[1];
  const database = head(/^;\s+dbname: (.*)$/m);
  const serverMajor = Number(head(/^;\s+Dumped from database version: (\d+)/m));
  const toolMajor = Number(head(/^;\s+Dumped by pg_dump version: (\d+)/m));
  if (database === undefined || !Number.isInteger(serverMajor) || !Number.isInteger(toolMajor)) return undefined;
  const entries = text.split('\n').flatMap((line): TocEntry[] => {
    const match = /^\d+; \d+ \d+ (.+)$/.exec(line);
    if (match === null) return [];
    const said = match[1] as string;
    const kind = KINDS.find((one) => said.startsWith(`${one} `)) ?? '';
    return [{ line, kind, rest: plainLine(said.slice(kind === '' ? 0 : kind.length + 1), 150) }];
  });
  return { database, serverMajor, toolMajor, entries };
}

const words = ({ kind, rest }: TocEntry) => `${kind === '' ? 'an entry of an unknown kind: ' : `${kind.toLowerCase()} `}${rest}`;

/** Names of the extensions an archive wants. */
export const extensionsOf = (toc: Toc): string[] =>
  toc.entries.flatMap(({ kind, rest }) => (kind === 'EXTENSION' ? [rest.replace(/^- /, '').trim()] : []));

/**
 * What is handed to pg_restore with `-L`: all but the extensions, which are there before (only a superuser may make some of them), and what
 * belongs to the database itself.
 */
const restored = (toc: Toc): TocEntry[] =>
  toc.entries.filter(
    ({ kind, rest }) =>
      !['EXTENSION', 'DATABASE', 'DATABASE PROPERTIES'].includes(kind) &&
      !((kind === 'COMMENT' || kind === 'ACL') && /^- (EXTENSION|DATABASE) /.test(rest)),
  );

/** Lines for `-L`: what is restored, without the schemas that are `made` before. */
export const restoreList = (toc: Toc, made: readonly string[] = []): string[] =>
  restored(toc)
    .filter(({ kind, rest }) => kind !== 'SCHEMA' || !made.some((name) => rest.startsWith(`- ${name} `)))
    .map(({ line }) => line);

/** {@link restoreList} in two parts: definitions, and what has rows or bytes of its own. */
export function partList(toc: Toc): [string[], string[]] {
  const data = (entry: TocEntry) => ['TABLE DATA', 'BLOBS', 'BLOB'].includes(entry.kind);
  const all = restored(toc);
  return [all.filter((entry) => !data(entry)), all.filter(data)].map((part) => part.map(({ line }) => line)) as [string[], string[]];
}

/** Why this archive is not restored, by its list alone; empty when nothing speaks against it. */
export function tocRefusals(
  toc: Toc,
  wanted: { database: string; serverMajor: number; toolMajor: number; extensions: readonly string[] },
): string[] {
  const why: string[] = [];
  if (toc.database !== wanted.database) why.push(`It was made of the database ${plainLine(toc.database, 63)}, not of ${wanted.database}.`);
  const named = toc.entries.find(({ kind, rest }) => kind === 'DATABASE' && !rest.startsWith(`- ${wanted.database} `));
  if (named !== undefined) why.push(`It would create the database ${named.rest.replace(/^- /, '')}.`);
  if (toc.serverMajor > wanted.serverMajor)
    why.push(
      `It was made by PostgreSQL ${toc.serverMajor}; this server is ${wanted.serverMajor}, and older ones can't read what newer ones write.`,
    );
  if (toc.toolMajor > wanted.toolMajor) why.push(`It was made by pg_dump ${toc.toolMajor}; pg_restore here is ${wanted.toolMajor}.`);
  const bad = toc.entries.filter(({ kind }) => !PLAIN.includes(kind));
  if (bad.length > 0)
    why.push(
      `It holds what reaches beyond one database: ${bad.slice(0, 5).map(words).join('; ')}${bad.length > 5 ? ` and ${bad.length - 5} more` : ''}.`,
    );
  const missing = extensionsOf(toc).filter((name) => !wanted.extensions.includes(name));
  if (missing.length > 0)
    why.push(
      `It needs extensions that are neither in the live database nor safe for every role here: ${missing.map((name) => plainLine(name, 63)).join(', ')}.`,
    );
  const kinds = new Set(toc.entries.map(({ kind }) => kind));
  if (kinds.has('TABLE') && !kinds.has('TABLE DATA')) why.push('It holds definitions only: restoring it would leave every table empty.');
  if (kinds.has('TABLE DATA') && !kinds.has('TABLE')) why.push('It holds rows only, without the tables they belong to.');
  if (!kinds.has('TABLE')) why.push('It holds no table.');
  return [...new Set(why)];
}
