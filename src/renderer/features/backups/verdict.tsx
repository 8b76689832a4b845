import { CircleCheck, CircleDashed, CircleX } from 'lucide-react';
import type { BackupVerification } from '../../../contract/backups.ts';
import type { Look } from '../../ui/marks.tsx';
import { Mark } from '../../ui/marks.tsx';
import { Ago } from '../../ui/time.tsx';

const looks: Readonly<Record<'valid' | 'invalid' | 'none', Look>> = {
  valid: { word: 'Verified', tone: 'ok', icon: CircleCheck },
  invalid: { word: 'Invalid', tone: 'bad', icon: CircleX },
  none: { word: 'Not verified', tone: 'mute', icon: CircleDashed },
};

export const methodWords: Readonly<Record<BackupVerification['method'], string>> = { server: 'by the server', local: 'here, from a copy' };

const shortMethods = { server: 'server', local: 'here' } as const;

/** Whether a backup was checked, and how it came out. */
export function Verdict({ verification, withTime = false }: { verification: BackupVerification | undefined; withTime?: boolean }) {
  const look = verification === undefined ? looks.none : verification.valid ? looks.valid : looks.invalid;
  return (
    <span className="two-lines">
      <Mark look={look} />
      {withTime && verification !== undefined && (
        <span className="faint truncate">
          <Ago at={verification.at} />, {shortMethods[verification.method]}
        </span>
      )}
    </span>
  );
}
