import { useMemo } from 'react';
import type { Environment } from '../../../contract/environments.ts';
import type { Runbook } from '../../../contract/runs.ts';
import { useLoadable } from '../../app/loadable.ts';
import { useStores } from '../../app/services.tsx';
import { Field, SelectField, TextField } from '../../ui/field.tsx';
import { formatBytes, formatExact } from '../../ui/format.ts';
import { ProblemView } from '../../ui/problem-view.tsx';
import { useZone } from '../../ui/time.tsx';
import { ChoiceInput } from './choice-input.tsx';
import type { InputProps } from './survey.ts';
import { offerFor, outside } from './survey.ts';
import { TimeInput } from './time-input.tsx';
import type { Survey } from './wizard-store.ts';

const MOST_OFFERED = 300;

/** Offers the environment's backups, newest first, with what is needed to tell them apart. */
function BackupInput({ environmentId, input, value, problem, onValue }: InputProps & { environmentId: string }) {
  const { backups } = useStores();
  const list = backups(environmentId);
  const { data, problem: failed } = useLoadable(list);
  const zone = useZone();
  const options = useMemo(() => {
    const newest = [...(data?.backups ?? [])].sort((a, b) => b.modifiedAt - a.modifiedAt);
    const shown = newest.slice(0, MOST_OFFERED);
    const chosen = newest.find(({ name }) => name === value);
    if (chosen !== undefined && !shown.includes(chosen)) shown.push(chosen);
    return [
      { value: '', title: data === undefined ? 'Loading backups…' : 'Choose a backup…' },
      ...shown.map(({ name, label, modifiedAt, sizeBytes, verifications }) => {
        const check = verifications[0] === undefined ? 'not verified' : verifications[0].valid ? 'verified' : 'INVALID';
        return { value: name, title: [formatExact(modifiedAt, zone), label ?? name, formatBytes(sizeBytes), check].join('  ·  ') };
      }),
    ];
  }, [data, value, zone]);
  return (
    <div className="stack">
      <SelectField
        label={input.title}
        hint={input.help}
        problem={problem}
        optional={!input.required}
        value={value}
        options={options}
        onValue={onValue}
      />
      {failed !== undefined && <ProblemView problem={failed} onRetry={() => void list.refresh()} />}
      {value !== '' && <code className="faint break">{value}</code>}
    </div>
  );
}

function InputField(props: InputProps) {
  const { input, value, problem, offer, onValue } = props;
  const common = { label: input.title, hint: input.help, problem, optional: !input.required };
  if (input.type === 'timestamp') return <TimeInput {...props} />;
  if ((input.type === 'text' || input.type === 'number') && offer.choices.length > 0) return <ChoiceInput {...props} />;
  if (input.type === 'boolean') {
    return (
      <Field {...common}>
        {(ids) => <input {...ids} type="checkbox" checked={value === 'true'} onChange={(event) => onValue(String(event.target.checked))} />}
      </Field>
    );
  }
  if (input.type === 'choice') {
    return (
      <SelectField
        {...common}
        value={value}
        onValue={onValue}
        options={[{ value: '', title: 'Choose…' }, ...(input.choices ?? []).map((choice) => ({ value: choice, title: choice }))]}
      />
    );
  }
  return (
    <TextField
      {...common}
      value={value}
      onValue={onValue}
      inputMode={input.type === 'number' ? 'decimal' : undefined}
      placeholder={input.default}
    />
  );
}

interface InputFieldsProps {
  readonly environment: Environment;
  readonly runbook: Runbook;
  readonly values: Readonly<Record<string, string>>;
  readonly missing: readonly string[];
  readonly survey: Survey;
  readonly onValue: (name: string, value: string) => void;
}

/** The inputs of a runbook. */
export function InputFields({ environment, runbook, values, missing, survey, onValue }: InputFieldsProps) {
  if (runbook.inputs.length === 0) return <p className="muted">This runbook needs no inputs.</p>;
  return (
    <div className="stack stack-4">
      {runbook.inputs.map((input) => {
        const offer = offerFor(survey.findings, input.name);
        const value = values[input.name] ?? '';
        const props = {
          input,
          value,
          offer,
          problem: missing.includes(input.name) ? `${input.title} is needed.` : outside(input, value, offer),
          onValue: (value: string) => onValue(input.name, value),
        };
        return input.type === 'backup' ? (
          <BackupInput key={input.name} environmentId={environment.id} {...props} />
        ) : (
          <InputField key={input.name} {...props} />
        );
      })}
    </div>
  );
}
