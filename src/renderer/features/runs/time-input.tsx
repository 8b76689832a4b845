import { useState } from 'react';
import { Button } from '../../ui/button.tsx';
import { Field } from '../../ui/field.tsx';
import { formatExact } from '../../ui/format.ts';
import { useZone } from '../../ui/time.tsx';
import type { InputProps } from './survey.ts';
import { fromField, timeWords, toField } from './survey.ts';

/** A moment, always in UTC: hosts and their logs speak it, and nobody has to reckon at night. The time here stands beside it. */
export function TimeInput({ input, value, problem, offer, onValue }: InputProps) {
  const zone = useZone();
  const { min, max } = offer;
  const at = Date.parse(value);
  // What was typed stays as it was typed, until the value comes from elsewhere.
  const [typed, setTyped] = useState('');
  const shown = fromField(typed) === value ? typed : toField(value);
  const span = min !== undefined && max !== undefined ? `${timeWords(min)} to ${timeWords(max)}` : undefined;
  return (
    <div className="stack">
      <Field
        label={`${input.title} (UTC)`}
        optional={!input.required}
        problem={problem}
        hint={
          <>
            {input.help !== undefined && <>{input.help} </>}
            {span !== undefined && (
              <>
                The host can offer <strong className="nowrap">{span}</strong>.
              </>
            )}
          </>
        }
      >
        {(ids) => (
          <div className="row">
            <input
              {...ids}
              type="text"
              autoComplete="off"
              spellCheck={false}
              className="input mono time-input"
              placeholder="YYYY-MM-DD HH:MM:SS"
              value={shown}
              onChange={(event) => {
                setTyped(event.target.value);
                onValue(fromField(event.target.value));
              }}
            />
            {max !== undefined && <Button onClick={() => onValue(max)}>Latest</Button>}
          </div>
        )}
      </Field>
      {!Number.isNaN(at) && zone !== 'utc' && <span className="faint">That is {formatExact(at, zone)}.</span>}
    </div>
  );
}
