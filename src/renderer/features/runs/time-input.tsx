import { Button } from '../../ui/button.tsx';
import { Field } from '../../ui/field.tsx';
import { formatExact } from '../../ui/format.ts';
import { useZone } from '../../ui/time.tsx';
import type { InputProps } from './input-fields.tsx';
import { fromField, timeWords, toField } from './survey.ts';

/** A moment, always in UTC: hosts and their logs speak it, and nobody has to reckon at night. The time here stands beside it. */
export function TimeInput({ input, value, problem, offer, onValue }: InputProps) {
  const zone = useZone();
  const { min, max } = offer;
  const at = Date.parse(value);
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
              type="datetime-local"
              step={1}
              className="input time-input"
              value={toField(value)}
              {...(min === undefined ? {} : { min: toField(min) })}
              {...(max === undefined ? {} : { max: toField(max) })}
              onChange={(event) => onValue(fromField(event.target.value))}
            />
            {max !== undefined && <Button onClick={() => onValue(max)}>Latest</Button>}
          </div>
        )}
      </Field>
      {!Number.isNaN(at) && zone !== 'utc' && <span className="faint">That is {formatExact(at, zone)}.</span>}
    </div>
  );
}
