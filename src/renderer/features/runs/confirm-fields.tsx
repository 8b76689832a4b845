import type { Plan } from '../../../contract/runs.ts';
import { TextField } from '../../ui/field.tsx';

/** On production the name is typed: a hand that has to write it has read it. */
export function TypedName({
  name,
  value,
  onValue,
  autoFocus = false,
}: {
  name: string;
  value: string;
  onValue: (value: string) => void;
  autoFocus?: boolean;
}) {
  const wrong = value !== '' && !name.startsWith(value);
  return (
    <TextField
      label="Environment name"
      mono
      autoFocus={autoFocus}
      value={value}
      onValue={onValue}
      placeholder={name}
      problem={wrong ? `This is not ${name}.` : undefined}
      hint={
        <>
          Type <strong>{name}</strong> to confirm that this is the one you mean.
        </>
      }
    />
  );
}

/** What is about to be confirmed, in one sentence. */
export function confirmSentence(plan: Plan): string {
  const changes = plan.steps.filter(({ effect }) => effect !== 'read').length;
  return `${plan.title} on ${plan.environmentName}: ${plan.steps.length} steps, ${changes} of them ${changes === 1 ? 'changes' : 'change'} something.`;
}
