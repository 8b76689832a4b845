import { useId, useState } from 'react';
import { SelectField, TextField } from '../../ui/field.tsx';
import type { InputProps } from './survey.ts';

const OTHER = '\u0000other';

/** Offers what the host has; another value can still be typed, and the preflight says whether it will do. */
export function ChoiceInput({ input, value, problem, offer, onValue }: InputProps) {
  const known = offer.choices.some((choice) => choice.value === value);
  const [typing, setTyping] = useState(value !== '' && !known);
  const other = typing || (value !== '' && !known);
  const group = useId();
  return (
    <div className="stack" id={group}>
      <SelectField
        label={input.title}
        hint={input.help}
        problem={other ? undefined : problem}
        optional={!input.required}
        value={other ? OTHER : value}
        options={[
          { value: '', title: 'Choose…' },
          ...offer.choices.map((choice) => ({ value: choice.value, title: choice.label })),
          { value: OTHER, title: 'Another value…' },
        ]}
        onValue={(chosen) => {
          setTyping(chosen === OTHER);
          onValue(chosen === OTHER ? '' : chosen);
        }}
      />
      {other && <TextField label={`${input.title}: another value`} mono problem={problem} value={value} onValue={onValue} />}
      {!other && value !== '' && <code className="faint break">{value}</code>}
    </div>
  );
}
