import { z } from 'zod';
import { Problem } from '../../../../contract/problem.ts';
import type { Action, ActionContext, ActionOutcome } from '../../../engine/action.ts';
import { defineAction } from '../../../engine/action.ts';
import { toProblem } from '../../../engine/words.ts';
import type { Proof } from './prove.ts';
import { proofCommand, proofShape, proveAccepted, proveRejected } from './prove.ts';
import { slotProblem } from './slots.ts';

const Input = z.strictObject({
  ...proofShape,
  /** What a person does, where: one or two sentences. */
  instructions: z.string().min(10).max(600),
});
type Input = z.infer<typeof Input>;

const proofOf = ({ instructions: _words, ...proof }: Input): Proof => proof;

/** A person acts, an answer proves it: nobody is asked whether it was done. */
function manualAction(made: { id: string; title: string; wanted: 'accepted' | 'rejected'; undo: Action<Input>['undo'] }): Action {
  const prove = async (context: ActionContext, input: Input): Promise<ActionOutcome> => {
    try {
      return await (made.wanted === 'accepted' ? proveAccepted : proveRejected)(context, proofOf(input));
    } catch (error) {
      return failedBy(toProblem(error).message);
    }
  };
  const failedBy = (words: string): ActionOutcome => ({ outcome: 'failed', problem: new Problem('step-failed', words).data });
  return defineAction<Input>({
    id: made.id,
    title: made.title,
    effect: 'write',
    input: Input,
    outputs: ['fingerprint'],
    describe: (input) => [
      { kind: 'manual', text: input.instructions },
      proofCommand(proofOf(input), made.wanted === 'accepted' ? input.accepted : input.rejected),
    ],
    async preflight(context, { key }) {
      const blocked = await slotProblem(context, key);
      return blocked === undefined ? [] : [{ id: 'keychain', title: 'Keychain', verdict: 'block', detail: blocked }];
    },
    async execute(context, input) {
      const end = await prove(context, input);
      if (end.outcome === 'done') return end;
      // It has not been done yet, or it can't be seen: either way a person is to act and nothing of the run is wrong.
      return {
        outcome: 'failed',
        waits: true,
        problem: new Problem('step-failed', `Not seen to be done: ${end.problem.message}`, {
          hint: `${input.instructions} Then resume.`,
        }).data,
      };
    },
    async probe(context, input) {
      const end = await prove(context, { ...input, within_ms: Math.min(input.within_ms, 5000) });
      return end.outcome === 'done'
        ? { found: 'done', observed: end.observed, ...(end.output === undefined ? {} : { output: end.output }) }
        : { found: end.outcome === 'unknown' ? 'unknown' : 'not-done', observed: end.problem.message };
    },
    undo: made.undo,
  });
}

/** `rotation.manual@1`: a key is made at a provider's dashboard, and proven to work. */
export const manualKeyAction = manualAction({
  id: 'rotation.manual@1',
  title: 'At the provider: make the new key work',
  wanted: 'accepted',
  undo: { kept: 'What was made at the provider stays there; only its dashboard can remove it.' },
});

/** `rotation.manual-revoke@1`: a key is revoked at a provider's dashboard, and proven dead. */
export const manualRevokeAction = manualAction({
  id: 'rotation.manual-revoke@1',
  title: 'At the provider: revoke the old key',
  wanted: 'rejected',
  undo: { irreversible: 'A key that was revoked at the provider can not be brought back.' },
});
