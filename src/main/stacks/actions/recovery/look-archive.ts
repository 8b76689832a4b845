import { z } from 'zod';
import { Problem } from '../../../../contract/problem.ts';
import type { ActionContext } from '../../../engine/action.ts';
import { plainLine } from '../../../engine/words.ts';
import { look } from '../job.ts';
import { BackupManifest } from '../manifest.ts';
import { pgQuery } from '../postgres/place.ts';
import type { RecoveryInput, ServerInput } from './input.ts';
import { livePlace } from './input.ts';
import { recoveryPrelude } from './shell.ts';
import type { Micros } from './time.ts';
import { parseInstant } from './time.ts';
import { parseHeaders, parseHistory, parseLsn } from './wal.ts';
import type { Archive, BaseBackup } from './window.ts';

/** Arguments: tools, account, folder of base backups, archive, data directory. Reads only; one section after another. */
const archiveScript = `${recoveryPrelude}bin=$1 user=$2 bases=$3 archive=$4 data=$5
echo "account=$(id -un)"
echo "tools=$("$bin/postgres" --version 2>/dev/null)"
[ -d "$data" ] && echo "live_system=$(qd_control "$data" 'Database system identifier')" && echo "live_timeline=$(qd_control "$data" "Latest checkpoint's TimeLineID")" && echo "live_segment=$(qd_control "$data" 'Bytes per WAL segment')"
qd_as "$user" test -r "$archive" -a -x "$archive" && echo readable=yes
if [ -d "$bases" ]; then
  for base in $(ls -1 "$bases" | grep -E '^[A-Za-z0-9_][A-Za-z0-9_.-]*$' | tail -n 64); do
    [ -f "$bases/$base/backup_manifest" ] && [ -f "$bases/$base/PG_VERSION" ] || continue
    echo "@base $base"
    echo "major=$(head -n 1 "$bases/$base/PG_VERSION")"
    echo "system=$(qd_control "$bases/$base" 'Database system identifier')"
    echo "segment=$(qd_control "$bases/$base" 'Bytes per WAL segment')"
    sed -n 's/.*"Timeline": \\([0-9]*\\), "Start-LSN": "\\([0-9A-F/]*\\)", "End-LSN": "\\([0-9A-F/]*\\)".*/range=\\1 \\2 \\3/p' "$bases/$base/backup_manifest" | head -n 2
    echo "kilobytes=$(du -sk "$bases/$base" | cut -f 1)"
    echo "wal=$(ls -1 "$bases/$base/pg_wal" | grep -E '^[0-9A-F]{24}$' | head -n 512 | tr '\\n' ' ')"
    [ -z "$(ls -A "$bases/$base/pg_tblspc" 2>/dev/null)" ] || echo tablespaces=yes
    [ -f "$bases/$base.quarterdeck.json" ] && echo "manifest=$(head -c 16384 "$bases/$base.quarterdeck.json" | tr -d '\\n')"
  done
fi
cd "$archive" 2>/dev/null || exit 0
for one in $(ls -1 | grep -E '^[0-9A-F]{8}\\.history$' | tail -n 200); do
  echo "@history $one"
  head -c 16384 "$one"
  echo
done
for one in $(ls -1 | grep -E '^[0-9A-F]{24}\\.[0-9A-F]{8}\\.backup$' | tail -n 64); do
  echo "@label $one"
  grep -E '^(START WAL LOCATION|STOP TIME)' "$one" | head -n 2
done
echo '@files'
ls -1 | grep -E '^[0-9A-F]{24}(\\.partial)?$' | xargs -r stat -c '%n %s %Y'
echo '@headers'
ls -1 | grep -E '^[0-9A-F]{24}$' | while read -r one; do [ "$(wc -c <"$one")" -ge 1048576 ] && echo "$one"; done | xargs -r head -q -c 40 | od -An -v -tx1
`;

/** The live server as far as it answers. */
export interface Live {
  readonly system: string;
  readonly timeline: number;
  readonly segmentBytes: number;
  readonly archiving: boolean;
  readonly archiverTrouble: string | undefined;
  readonly recovering: boolean;
  readonly tablespaces: number;
  readonly bytes: number;
}

const LiveRow = z.object({
  system: z.string(),
  timeline: z.int(),
  segment: z.int(),
  archive_mode: z.string(),
  failing: z.boolean(),
  failed_wal: z.string().nullable(),
  recovering: z.boolean(),
  tablespaces: z.int(),
  bytes: z.string(),
});

/** Asks the live server. @throws Problem when it does not answer */
export async function lookAtLive(context: ActionContext, input: ServerInput): Promise<Live> {
  const [row] = await pgQuery(context, livePlace(input), {
    sql: `SELECT (SELECT system_identifier::text FROM pg_control_system()) AS system,
 (SELECT timeline_id FROM pg_control_checkpoint()) AS timeline,
 (SELECT bytes_per_wal_segment FROM pg_control_init()) AS segment,
 current_setting('archive_mode') AS archive_mode,
 a.last_failed_time IS NOT NULL AND (a.last_archived_time IS NULL OR a.last_failed_time > a.last_archived_time) AS failing,
 a.last_failed_wal AS failed_wal, pg_is_in_recovery() AS recovering,
 (SELECT count(*)::int FROM pg_tablespace WHERE spcname NOT LIKE 'pg\\_%') AS tablespaces,
 (SELECT sum(pg_database_size(oid))::text FROM pg_database) AS bytes
FROM pg_stat_archiver a`,
    row: LiveRow,
  });
  if (row === undefined) throw new Problem('remote-command-failed', 'PostgreSQL told nothing about itself.');
  return {
    system: row.system,
    timeline: row.timeline,
    segmentBytes: row.segment,
    archiving: row.archive_mode !== 'off',
    archiverTrouble: row.failing ? `The archiver fails on ${row.failed_wal ?? 'a segment'}.` : undefined,
    recovering: row.recovering,
    tablespaces: row.tablespaces,
    bytes: Number(row.bytes),
  };
}

/** What lies on the host for recovering. */
export interface Stored {
  readonly account: string;
  readonly toolsMajor: number | undefined;
  /** Of the live data directory, read from its files. */
  readonly live: { readonly system: string; readonly timeline: number } | undefined;
  readonly archiveReadable: boolean;
  readonly bases: readonly (BaseBackup & { readonly manifest: BackupManifest | undefined })[];
  readonly archive: Archive;
}

function parseBase(
  input: Pick<RecoveryInput, 'base_dir'>,
  name: string,
  lines: readonly string[],
  stops: ReadonlyMap<bigint, Micros>,
): Stored['bases'][number] | undefined {
  const said = (key: string) => lines.find((line) => line.startsWith(`${key}=`))?.slice(key.length + 1) ?? '';
  const ranges = lines.filter((line) => line.startsWith('range='));
  const [timeline = '', from = '', to = ''] = (ranges[0]?.slice(6) ?? '').split(' ');
  const [start, end] = [parseLsn(from), parseLsn(to)];
  // More than one range: the timeline changed while it was made; PostgreSQL does not promise anything simple then.
  if (ranges.length !== 1 || start === undefined || end === undefined || !/^\d+$/.test(said('system'))) return undefined;
  let manifest: BackupManifest | undefined;
  try {
    manifest = BackupManifest.safeParse(JSON.parse(said('manifest'))).data;
  } catch {
    manifest = undefined;
  }
  // A label tells the second only, so the next one is the first that is surely after it.
  const labelled = stops.get(start);
  return {
    name,
    path: `${input.base_dir}/${name}`,
    system: said('system'),
    major: Number.parseInt(said('major'), 10),
    segmentBytes: Number(said('segment')),
    timeline: Number(timeline),
    start,
    end,
    stoppedAt: parseInstant(manifest?.facts['stopped_at'] ?? '') ?? (labelled === undefined ? undefined : labelled + 1_000_000),
    bytes: Number(said('kilobytes')) * 1024,
    wal: said('wal')
      .split(' ')
      .filter((one) => one !== ''),
    tablespaces: said('tablespaces') === 'yes',
    ours: manifest !== undefined,
    manifest,
  };
}

/** Reads base backups and archive. @throws Problem when the host could not be looked at */
export async function lookAtStored(
  context: ActionContext,
  input: Pick<RecoveryInput, 'bin_dir' | 'os_user' | 'base_dir' | 'archive_dir' | 'data_dir'>,
): Promise<Stored> {
  const args = [input.bin_dir, input.os_user, input.base_dir, input.archive_dir, input.data_dir];
  const end = await look(await context.session(), { script: archiveScript, args }, { timeoutMs: 120_000, maxBytes: 32 * 1024 * 1024 });
  if (end.exitCode !== 0)
    throw new Problem('remote-command-failed', `The archive could not be read: ${plainLine(end.stderr, 200)}`, {
      hint: `Log in as root or as ${input.os_user}.`,
    });
  const sections: { title: string; lines: string[] }[] = [{ title: 'head', lines: [] }];
  for (const line of end.stdout.split('\n'))
    if (line.startsWith('@')) sections.push({ title: line.slice(1), lines: [] });
    else sections.at(-1)?.lines.push(line);
  const of = (kind: string) =>
    sections.flatMap(({ title, lines }) =>
      title === kind || title.startsWith(`${kind} `) ? [{ name: title.slice(kind.length + 1), lines }] : [],
    );
  const stops = new Map(
    of('label').flatMap(({ lines }) => {
      const start = parseLsn(/^START WAL LOCATION: (\S+)/.exec(lines.find((line) => line.startsWith('START WAL')) ?? '')?.[1] ?? '');
      const stop = parseInstant(/^STOP TIME: (.+)$/.exec(lines.find((line) => line.startsWith('STOP TIME')) ?? '')?.[1] ?? '');
      return start === undefined || stop === undefined ? [] : [[start, stop] as const];
    }),
  );
  const system = end.facts['live_system'] ?? '';
  return {
    account: end.facts['account'] ?? '',
    toolsMajor: Number(/\s(\d+)/.exec(end.facts['tools'] ?? '')?.[1] ?? Number.NaN) || undefined,
    live: system === '' ? undefined : { system, timeline: Number(end.facts['live_timeline']) },
    archiveReadable: end.facts['readable'] === 'yes',
    bases: of('base').flatMap(({ name, lines }) => parseBase(input, name, lines, stops) ?? []),
    archive: {
      files: (of('files')[0]?.lines ?? []).flatMap((line) => {
        const [name = '', bytes = '', modified = ''] = line.split(' ');
        return name === '' ? [] : [{ name, bytes: Number(bytes), modifiedAt: Number(modified) * 1_000_000 }];
      }),
      histories: new Map(of('history').map(({ name, lines }) => [Number.parseInt(name.slice(0, 8), 16), parseHistory(lines.join('\n'))])),
      headers: parseHeaders(Buffer.from((of('headers')[0]?.lines ?? []).join('').replace(/[^0-9a-f]/g, ''), 'hex')),
    },
  };
}
