import type { StackInfo, StackInput } from '../../../contract/stacks.ts';
import { SelectField, TextField } from '../../ui/field.tsx';

const placeholders: Readonly<Partial<Record<StackInput['type'], string>>> = { url: 'http://127.0.0.1:3849', path: '/srv/…' };

interface StackFieldsProps {
  readonly stack: StackInfo;
  readonly inputs: Readonly<Record<string, string>>;
  readonly problems: Readonly<Record<string, string>>;
  readonly onInputs: (inputs: Readonly<Record<string, string>>) => void;
}

/** The inputs that a stack declares. An empty field stands for the stack's default, which is shown in it. */
export function StackFields({ stack, inputs, problems, onInputs }: StackFieldsProps) {
  return (
    <>
      {stack.inputs.map((input) => {
        const value = inputs[input.name] ?? '';
        const common = {
          label: input.title,
          optional: !input.required,
          hint: input.help,
          problem: problems[`inputs.${input.name}`],
          onValue: (next: string) => onInputs({ ...inputs, [input.name]: next }),
        };
        if (input.type === 'choice') {
          const options = [
            { value: '', title: input.default === undefined ? 'Choose…' : `${input.default} (default)` },
            ...(input.choices ?? []).map((choice) => ({ value: choice, title: choice })),
          ];
          return <SelectField key={input.name} {...common} value={value} options={options} />;
        }
        return (
          <TextField
            key={input.name}
            {...common}
            mono={input.type !== 'text'}
            inputMode={input.type === 'number' ? 'decimal' : undefined}
            placeholder={input.default ?? placeholders[input.type]}
            value={value}
          />
        );
      })}
    </>
  );
}
