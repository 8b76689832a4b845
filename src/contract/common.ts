import { z } from 'zod';

/** Opaque identifier made by the host: lower-case letters, digits and dashes. Sortable by creation for runs and plans. */
export const Id = z.string().regex(/^[a-z0-9][a-z0-9-]{0,63}$/);

/** Unix time in milliseconds. */
export const Timestamp = z.int().nonnegative();

/** Lower-case hex SHA-256. */
export const Sha256 = z.string().regex(/^[0-9a-f]{64}$/);

/** Whole bytes. */
export const Bytes = z.int().nonnegative();

/** Input that names an environment. */
export const EnvironmentRef = z.strictObject({ environmentId: Id });
