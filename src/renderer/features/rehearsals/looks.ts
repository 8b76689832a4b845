import { CircleCheck, CircleHelp, CircleX, Clock, TriangleAlert } from 'lucide-react';
import type { RehearsalState, RehearsalVerdict } from '../../../contract/rehearsals.ts';
import type { Look } from '../../ui/marks.tsx';

/** How the result of one rehearsal looks. */
export const verdictLooks: Readonly<Record<RehearsalVerdict, Look>> = {
  met: { word: 'Targets met', tone: 'ok', icon: CircleCheck },
  missed: { word: 'Restored, target missed', tone: 'warn', icon: TriangleAlert },
  failed: { word: 'Failed', tone: 'bad', icon: CircleX },
  unknown: { word: 'Unknown', tone: 'unsure', icon: CircleHelp },
};

/** How a rehearsal stands: the worst of what is due and what came out last. */
export function stateLook({ state, last }: Pick<RehearsalState, 'state' | 'last'>): Look {
  if (state === 'never') return { word: 'Never done', tone: 'bad', icon: CircleX };
  if (last !== null && last.verdict !== 'met') return { ...verdictLooks[last.verdict], word: `Last: ${verdictLooks[last.verdict].word}` };
  return state === 'stale' ? { word: 'Overdue', tone: 'warn', icon: Clock } : { word: 'Fresh', tone: 'ok', icon: CircleCheck };
}
