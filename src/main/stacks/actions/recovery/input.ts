import { z } from 'zod';
import type { PgPlace } from '../postgres/place.ts';
import { pgPlaceInput, placeOf } from '../postgres/place.ts';
import { fact } from '../tools.ts';
import { parseInstant } from './time.ts';

/**
 * A path that may stand in a server's settings: `restore_command` is read by a shell of the server, so nothing but letters, digits and
 * `. _ - /` is let through, and no `..`.
 */
export const PlainPath = z
  .string()
  .regex(/^(\/[A-Za-z0-9_.-]+)+$/, 'an absolute path of letters, digits, dots, hyphens and underscores')
  .max(200)
  .refine((path) => !path.split('/').some((part) => part === '..' || part === '.' || part.startsWith('-')), 'a path without . and ..');

/** An account of the host. */
const Account = z.string().regex(/^[a-z_][a-z0-9_-]{0,31}$/, 'an account of the host');

/** A moment with its zone. Without one it is refused: a guess would restore another hour. */
export const Instant = fact(
  z.string().refine((text) => parseInstant(text) !== undefined, 'a time with a zone, such as 2026-11-27T03:00:00Z'),
);

/** Key of a recovered server, or the fact that will be one; empty: the one there is. */
export const KeyFact = fact(z.string().regex(/^(r[0-9a-f]{8})?$/, 'the key of a recovered server')).default('');

/** Empty, or a path: so that optional inputs of a stack can be handed on as they are. */
export const OptionalPath = z.union([z.literal(''), PlainPath]).default('');

const { container: _none, ...onHost } = pgPlaceInput;

/** Where the live server and its tools are; everything runs on the host itself. */
export const serverInput = {
  ...onHost,
  bin_dir: PlainPath,
  /** Whose the data directory is; the login is this account or root. */
  os_user: Account.default('postgres'),
  data_dir: PlainPath,
};
const Server = z.strictObject(serverInput);
export type ServerInput = z.infer<typeof Server>;

/** Where base backups and the WAL archive lie. */
export const archiveInput = { base_dir: PlainPath, archive_dir: PlainPath };

/** Where a recovered server lies: one at a time. */
export const recoveryInput = { recovery_root: PlainPath };

export const Recovery = z.strictObject({ ...serverInput, ...archiveInput, ...recoveryInput });
/** Everything about recovering. */
export type RecoveryInput = z.infer<typeof Recovery>;

/** The live server as `postgres/place.ts` wants it. */
export const livePlace = (input: Pick<ServerInput, keyof Omit<PgPlace, 'container'>>): PgPlace =>
  placeOf({
    container: '',
    pg_host: input.pg_host,
    pg_port: input.pg_port,
    pg_user: input.pg_user,
    database: input.database,
    password_secret: input.password_secret,
    bin_dir: input.bin_dir,
  });
