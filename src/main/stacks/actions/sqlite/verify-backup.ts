import { posix } from 'node:path';
import { z } from 'zod';
import { Problem } from '../../../../contract/problem.ts';
import { defineAction } from '../../../engine/action.ts';
import { done, failed } from '../tools.ts';
import { fileVerdict } from './check-file.ts';
import { BackupFact, placeInput } from './input.ts';
import { findBackup } from './secure-copy.ts';

const Input = z.strictObject({ ...placeInput, backup: BackupFact });
type Input = z.infer<typeof Input>;

/** `sqlite.verify-backup@1`: looks through a backup on the host, by the text of `integrity_check`, and compares its hash. */
export const verifySqliteBackupAction = defineAction<Input>({
  id: 'sqlite.verify-backup@1',
  title: 'Verify a backup',
  effect: 'read',
  input: Input,
  outputs: ['sha256'],
  describe: ({ folder, backup }) => [
    { kind: 'ssh', text: `sqlite3 ${posix.join(folder, backup)} "PRAGMA integrity_check; PRAGMA foreign_key_check"; sha256sum` },
  ],
  async execute(context, input) {
    const session = await context.session();
    const found = await findBackup(context, session, input);
    const verdict = await fileVerdict(session, posix.join(input.folder, input.backup));
    const changed = verdict.valid && found.manifest !== undefined && found.manifest.sha256 !== verdict.sha256;
    const detail = changed ? 'Its SHA-256 is not the manifest’s: it was changed after it was made.' : verdict.detail;
    const valid = verdict.valid && !changed;
    context.memory.verified({
      environmentId: context.environment.id,
      name: input.backup,
      method: 'server',
      at: context.now(),
      by: context.operator,
      valid,
      detail,
      ...(verdict.sha256 === undefined ? {} : { sha256: verdict.sha256 }),
    });
    return valid
      ? done(`${input.backup}: ${detail}`, { sha256: verdict.sha256 ?? '' })
      : failed(
          new Problem('verification-failed', `${input.backup} is not good: ${detail}`, { hint: 'Do not restore it; choose another.' }),
        );
  },
  probe: async () => ({ found: 'not-done', observed: 'Verifying again is harmless.' }),
  undo: 'nothing-to-undo',
});
